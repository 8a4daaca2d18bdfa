// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package argo lowers jobs to Argo Workflows objects and reads the outcome of
// runs back from node statuses.
//
// It is pure: it plans nothing, and neither creates nor fetches the objects.
// Only this package and package check name Argo's types.
package argo

import (
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// Labels and annotations of the objects of a job.
const (
	LabelJob      = "backfill.dev/job"
	LabelRun      = "backfill.dev/run"   // run number
	LabelShard    = "backfill.dev/shard" // on children only
	LabelTemplate = "backfill.dev/template"

	AnnotationSpecHash  = "backfill.dev/spec-hash"
	AnnotationIntervals = "backfill.dev/intervals"
	AnnotationReason    = "backfill.dev/reason"
)

// RunName is the name of run n of a job; ShardName of its child k.
func RunName(job string, n int) string { return "" }

// ShardName is the name of child Workflow k of run n.
func ShardName(job string, n, k int) string { return "" }

// Template lowers the job to its immutable WorkflowTemplate, named
// <job>-<hash of the spec>.
func Template(j *job.Job) (manifest.Object, error) { return nil, nil }

// Run lowers one run of the planned partitions: the data ConfigMaps that it
// needs, then the Workflow.
func Run(j *job.Job, p plan.Plan, number int) ([]manifest.Object, error) { return nil, nil }

// Phase is the state of a Workflow as Argo reports it; "" before Argo has seen
// it.
type Phase string

// Observed is what the cluster showed of one run.
type Observed struct {
	Run      manifest.Object
	Children []manifest.Object // any of the children; see Wanted
	Data     []manifest.Object // data ConfigMaps of the run
}

// Failure is a partition that failed for good.
type Failure struct {
	Partition domain.Partition
	Attempts  int
	Message   string // at most 256 bytes
}

// Outcome is what a run has achieved so far, in key space.
type Outcome struct {
	Phase    Phase
	Ended    bool // the run and every child have ended
	Message  string
	Started  time.Time
	Finished time.Time
	Covers   ledger.Set
	Done     ledger.Set
	Failed   ledger.Set
	Running  ledger.Set // begun and not ended
	Failures []Failure  // in run order
}

// Wanted names the children that must be observed besides the run: those that
// are active, and those whose launcher reported less than full success.
func Wanted(run manifest.Object) ([]string, error) { return nil, nil }

// NeedsData tells whether the data ConfigMaps of the run must be observed.
func NeedsData(run manifest.Object) bool { return false }

// Read turns observations into the outcome of the run; compressed node
// statuses are understood. A wanted child that is missing counts as not done.
func Read(d domain.Domain, o Observed) (Outcome, error) { return Outcome{}, nil }
