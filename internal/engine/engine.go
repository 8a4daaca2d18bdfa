// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package engine holds the use-cases that the provider and the command line
// share: compile, plan, submit, observe, reconcile and control.
//
// It speaks neither Terraform nor flags, and prints nothing.
package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
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

// Active tells whether a run is under way in this phase.
func (p Phase) Active() bool {
	switch p {
	case Pending, Running, Paused, Stopping:
		return true
	}
	return false
}

// Observation is the state of a job: its record plus what its unmerged runs
// show.
type Observation struct {
	Namespace, Name string
	Job             []byte // canonical declaration of the record
	Owner           string
	Phase           Phase
	Run             string // name of the latest run
	Template        string // of the latest run
	// Domain is the declared one, and Bounds what the job's query has found in it;
	// nil without a query, and while it has found nothing.
	Domain       domain.Domain
	Bounds       *domain.Interval
	Total        int64 // 0 while the bounds are not known
	Done, Failed ledger.Set
	Running      ledger.Set
	Remaining    ledger.Set
	// Texts of the sets; "" when longer than 16 kB, see the counts.
	DoneText, FailedText, RemainingText    string
	DoneCount, FailedCount, RemainingCount int64
	FailedPartitions                       []FailedPartition // the first 100
	// Policy is what the record keeps of it: Revision, Rerun, RerunToken, Paused.
	Policy Policy
	// Ending is how the latest run ended, an outcome of package record.
	Ending string
	// SetupError and TeardownError say why setup and teardown of the latest run
	// failed; "" where they did not.
	SetupError, TeardownError string
	// Message is why the latest run found no bounds, "" where it is no such run.
	Message string
	// Canary stands for the canary that succeeded last, and Gate for where the
	// job stands between its waves; plans need both.
	Canary string
	Gate   Gate
	// CanaryState is how the canary of the latest run stands.
	CanaryState CanaryState
	// Obstacles say what an active run waits for or tries again.
	Obstacles []Obstacle
	// Drift says, one sentence each, what was changed by hand.
	Drift []string
}

// FailedPartition is a partition that failed for good.
type FailedPartition struct {
	Key, Start, End string // Start and End are "" for values and products
	Attempts        int
	Message         string
	Details         []Attempt // the last five, ascending
}

// Attempt is one pod that failed.
type Attempt = record.Attempt

// Options are the engine's edges.
type Options struct {
	Now    func() time.Time
	Random io.Reader
	// Pause waits, or returns the context's error early. Nil: real time.
	Pause func(context.Context, time.Duration) error
}

// Engine runs the use-cases that need a cluster.
type Engine struct {
	backend cluster.Backend
	now     func() time.Time
	random  io.Reader
	pause   func(context.Context, time.Duration) error

	records, runs *shelf // for refreshes
}

// New returns an engine on a backend.
func New(b cluster.Backend, o Options) *Engine {
	e := &Engine{backend: b, now: o.Now, random: o.Random, pause: o.Pause}
	e.records, e.runs = newShelves()
	if e.now == nil {
		// Without a clock the history has no times; nothing else needs one.
		e.now = func() time.Time { return time.Time{} }
	}
	if e.random == nil {
		e.random = rand.Reader
	}
	if e.pause == nil {
		e.pause = cluster.Pause
	}
	return e
}

// Submission asks for the first or next run of a job.
type Submission struct {
	Value cty.Value
	// Owner is the token of the state that manages the job; "" to have one made.
	Owner string
	// Planned is what the plan showed; when what is left differs at apply
	// time, nothing is submitted and the error is a stale plan.
	Planned *NextRun
	// Pinned tells that Planned was shown to the user also when it is nil:
	// then no run is submitted. Otherwise nil means not to compare.
	Pinned bool
	// Known is the state that the plan was made from; nil for none. It also
	// restores a record that was deleted by hand.
	Known  *Known
	Policy Policy
}

// token returns 16 random bytes as text.
func (e *Engine) token() (string, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(e.random, b); err != nil {
		return "", err
	}
	return hex.EncodeToString(b), nil
}
