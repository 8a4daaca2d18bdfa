// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"cmp"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// Failure is a partition that failed for good.
type Failure struct {
	Partition domain.Partition
	Attempts  int
	Message   string // at most 256 bytes
	// Details are the last five attempts, ascending.
	Details []Attempt
}

// Once is what became of a container that runs once for a run.
type Once struct {
	Phase   argo.Phase // "" while it has not begun, or there is none
	Message string     // why it failed for good, at most 256 bytes; never empty then
}

// Failed tells whether it failed for good.
func (o Once) Failed() bool { return o.Message != "" }

// Outcome is what a run has achieved so far, in key space.
type Outcome struct {
	Phase    argo.Phase
	Ended    bool // the run and every child have ended
	Message  string
	Started  time.Time
	Finished time.Time // of the run itself; zero while it has not ended
	Covers   ledger.Set
	Done     ledger.Set
	Failed   ledger.Set
	Running  ledger.Set // begun and not ended
	// Canary is the phase of the canary; "" while there is none.
	Canary argo.Phase
	// Setup and Teardown are what runs once for the run.
	Setup, Teardown Once
	// OverBudget tells that more partitions failed than the budget allows, so
	// that later waves were not started.
	OverBudget bool
	Failures   []Failure // in run order
	// Waiting and Retried say what an active run has trouble with.
	Waiting []Waiting
	Retried Retried
}

// once is what became of the container with that template. A setup that a stop
// cut short has not failed; a teardown runs after a stop, and then fails by itself.
func (w workflow) once(template string) Once {
	nodes := w.running(template)
	if len(nodes) == 0 {
		return Once{}
	}
	n := nodes[0]
	o := Once{Phase: n.Phase}
	if n.failed() && (template == argo.TemplateTeardown || !w.stopped(n)) {
		o.Message = cmp.Or(w.reason(n), "no reason was given")
	}
	return o
}
