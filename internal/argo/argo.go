// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package argo lowers jobs to Argo Workflows objects and reads the outcome of
// runs back from node statuses.
//
// It is pure: it plans nothing, and neither creates nor fetches the objects.
// Only this package and package check name Argo's types.
//
// # The shape of a run
//
// A template holds the pod of one partition and a fan-out over the partitions
// of a shard. A run is a small Workflow that calls the fan-out directly when
// it has one shard, and for its canary. With more shards it starts launchers,
// wave by wave, each of which creates one child Workflow, waits for its end,
// however it ended, and keeps its phase and progress, by which the run itself
// holds later waves back when too many partitions have failed. Run and child are inline Workflows, because Argo
// honours a patch of spec.parallelism in those alone.
//
// What a partition is comes from arithmetic on the parameters of the Workflow
// that it runs in, or, for keys that no formula yields, from a data ConfigMap.
package argo

import (
	"fmt"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Labels and annotations of the objects of a job.
const (
	LabelJob      = "backfill.dev/job"
	LabelRun      = "backfill.dev/run"   // run number
	LabelShard    = "backfill.dev/shard" // on children and data only
	LabelTemplate = "backfill.dev/template"
	LabelPool     = "backfill.dev/pool"  // on pools, and on the Workflows of their jobs
	LabelIndex    = "backfill.dev/index" // of a pod's partition, where arithmetic yields it

	AnnotationSpecHash  = "backfill.dev/spec-hash"
	AnnotationIntervals = "backfill.dev/intervals"
	AnnotationReason    = "backfill.dev/reason"
	// AnnotationDeclaration is the canonical declaration of the job, by which a
	// run that was applied without a record can be adopted.
	AnnotationDeclaration = "backfill.dev/declaration"
	// AnnotationParallelism of a child is how many pods it was last given by its
	// launcher or by this program: an edit of the number itself is somebody else's.
	AnnotationParallelism = "backfill.dev/parallelism"
)

// RunName is the name of run n of a job.
func RunName(job string, n int) string { return fmt.Sprintf("%s-r%d", job, n) }

// DataName is the name of the data ConfigMap of shard k of run n.
func DataName(job string, n, k int) string { return fmt.Sprintf("%s-d%d", RunName(job, n), k) }

func childName(run string, k int) string { return fmt.Sprintf("%s-s%d", run, k) }

// Phase is the state of a Workflow as Argo reports it; "" before Argo has seen
// it.
type Phase string

// The phases of a Workflow.
const (
	PhasePending   Phase = "Pending"
	PhaseRunning   Phase = "Running"
	PhaseSucceeded Phase = "Succeeded"
	PhaseFailed    Phase = "Failed"
	PhaseError     Phase = "Error"
)

// Ended tells whether a Workflow in this phase will do no more.
func (p Phase) Ended() bool {
	return p == PhaseSucceeded || p == PhaseFailed || p == PhaseError
}

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
	// Details are the last five attempts, ascending.
	Details []Attempt
}

// Once is what became of a container that runs once for a run.
type Once struct {
	Phase   Phase  // "" while it has not begun, or there is none
	Message string // why it failed for good, at most 256 bytes; never empty then
}

// Failed tells whether it failed for good.
func (o Once) Failed() bool { return o.Message != "" }

// Outcome is what a run has achieved so far, in key space.
type Outcome struct {
	Phase    Phase
	Ended    bool // the run and every child have ended
	Message  string
	Started  time.Time
	Finished time.Time // of the run itself; zero while it has not ended
	Covers   ledger.Set
	Done     ledger.Set
	Failed   ledger.Set
	Running  ledger.Set // begun and not ended
	// Canary is the phase of the canary; "" while there is none.
	Canary Phase
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
