// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package engine holds the use-cases that the provider and the command line
// share: compile, plan, submit, observe, reconcile and control.
//
// It speaks neither Terraform nor flags, and prints nothing.
package engine

import (
	"context"
	"io"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// Phase is the state of a job as users see it.
type Phase string

// The phases of a job.
const (
	Pending          Phase = "Pending"
	Running          Phase = "Running"
	Paused           Phase = "Paused"
	Stopping         Phase = "Stopping"
	AwaitingApproval Phase = "AwaitingApproval"
	Complete         Phase = "Complete"
	Incomplete       Phase = "Incomplete"
	Failed           Phase = "Failed"
)

// Compiled is a job with one run, ready to be printed or submitted.
type Compiled struct {
	Job      *job.Job
	Plan     plan.Plan
	Template string            // name of the template
	Objects  []manifest.Object // template, data, run
}

// Compile checks a value of the table's type and lowers one run over what is
// not done. It needs no cluster.
func Compile(v cty.Value, done ledger.Set, run int) (*Compiled, hcl.Diagnostics) { return nil, nil }

// NextRun is what the next apply will submit.
type NextRun struct {
	Because    string
	Partitions int64
	Intervals  string
	Template   string
}

// Preview is everything about a job that is known without a cluster.
type Preview struct {
	PartitionCount, ShardCount    int64
	FirstPartition, LastPartition string // keys, ascending
	Template                      string
	Next                          *NextRun // nil: nothing to run
}

// Known is what a Terraform state remembers of a job; planning uses it and
// never the cluster.
type Known struct {
	Job          []byte // canonical declaration last applied; nil for a new job
	Done, Failed string // interval text
	Phase        Phase
	Run          string
}

// PlanJob says what applying v on top of what is known would do. It is pure.
func PlanJob(v cty.Value, known *Known) (*Preview, hcl.Diagnostics) { return nil, nil }

// Observation is the state of a job: its record plus what its unmerged runs
// show.
type Observation struct {
	Namespace, Name string
	Job             []byte // canonical declaration of the record
	Owner           string
	Phase           Phase
	Run             string // name of the latest run
	Template        string
	Total           int64
	Done, Failed    ledger.Set
	Running         ledger.Set
	Remaining       ledger.Set
	// Texts of the sets; "" when longer than 16 kB, see the counts.
	DoneText, FailedText, RemainingText    string
	DoneCount, FailedCount, RemainingCount int64
	FailedPartitions                       []FailedPartition // the first 100
}

// FailedPartition is a partition that failed for good.
type FailedPartition struct {
	Key, Start, End string
	Attempts        int
	Message         string
}

// Options are the engine's edges.
type Options struct {
	Now    func() time.Time
	Random io.Reader
}

// Engine runs the use-cases that need a cluster.
type Engine struct{}

// New returns an engine on a backend.
func New(b cluster.Backend, o Options) *Engine { return &Engine{} }

// Submission asks for the first or next run of a job.
type Submission struct {
	Value cty.Value
	// Owner is the token of the state that manages the job; "" to have one made.
	Owner string
	// Planned is what the plan showed; when what is left differs at apply
	// time, nothing is submitted and the error is a stale plan. Nil: do not compare.
	Planned *NextRun
}

// Create makes the record, the template and the first run, and returns at
// once. A record of the same job and plan is adopted (a create that crashed).
func (e *Engine) Create(ctx context.Context, s Submission) (*Observation, hcl.Diagnostics) {
	return nil, nil
}

// Update records a changed declaration and submits what is left to do.
func (e *Engine) Update(ctx context.Context, s Submission) (*Observation, hcl.Diagnostics) {
	return nil, nil
}

// Observe reads a job; ended runs are merged into the record on the way. It
// returns nil without errors when there is no such job.
func (e *Engine) Observe(ctx context.Context, namespace, name string) (*Observation, hcl.Diagnostics) {
	return nil, nil
}

// Delete stops and removes everything a job made in the cluster.
func (e *Engine) Delete(ctx context.Context, namespace, name, owner string) hcl.Diagnostics {
	return nil
}
