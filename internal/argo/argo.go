// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package argo holds what both directions share: what package lower writes into
// Argo's objects, and package read finds there again.
//
// Names, labels, annotations, and the names of parameters, templates and steps
// are here. So is everything that looks at a live object or patches one: who
// works with a run of a job calls functions of this package, and knows no path
// into Argo's JSON. Arguments are those of a Workflow, Scale is how many pods the
// Workflows of a run may have, and Imposition is what a controller's defaults
// have added.
//
// The packages below it have one direction each. Package expr is the arithmetic
// of partitions, each time as an expression of Argo and in Go; package lower
// turns jobs into objects; package read turns node statuses into outcomes. All
// four are pure: they plan nothing, and neither create nor fetch objects.
//
// # The shape of a run
//
// A template holds the pod of one partition and a fan-out over the partitions
// of a shard. A run is a small Workflow that calls the fan-out directly when
// it has one shard, and for its canary. With more shards it starts launchers,
// wave by wave. Each launcher creates one child Workflow, waits for its end,
// however it ended, and keeps its phase and progress. By these the run itself
// holds later waves back when too many partitions have failed. Run and child are
// inline Workflows, because Argo honours a patch of spec.parallelism in those
// alone.
//
// What a partition is comes from arithmetic on the parameters of the Workflow
// that it runs in, or, for keys that no formula yields, from a data ConfigMap.
package argo

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// APIVersion is that of Argo's objects.
const APIVersion = "argoproj.io/v1alpha1"

// Labels and annotations of the objects of a job.
const (
	LabelJob      = "backfill.dev/job"
	LabelRun      = "backfill.dev/run"   // run number
	LabelShard    = "backfill.dev/shard" // on children and data only
	LabelTemplate = "backfill.dev/template"
	LabelPool     = "backfill.dev/pool"  // on pools, and on the Workflows of their jobs
	LabelIndex    = "backfill.dev/index" // of a pod's partition, where arithmetic yields it
	// LabelInstance is Argo's own: a controller takes up what has its id, and one
	// without an id what has no such label.
	LabelInstance = "workflows.argoproj.io/controller-instanceid"

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

// Bounds of annotations, in bytes; a longer text is left out. All annotations of
// an object together may have 256 KiB, and kubectl keeps a second copy of what it
// applies.
const (
	MaxIntervals   = 64 << 10
	maxDeclaration = 32 << 10
)

// MaxMessage bounds the message of a failure, in bytes.
const MaxMessage = 256

// Selectors of a job's objects by their labels. Argo labels Workflows with their
// phase, and with whether they have ended.
const (
	notEnded     = "," + Unfinished
	notSucceeded = ",workflows.argoproj.io/phase!=Succeeded"

	// Unfinished selects Workflows that have not ended, whoever made them.
	Unfinished = "workflows.argoproj.io/completed!=true"
	// JobsAlone selects what concerns jobs as a whole, of every job.
	JobsAlone = LabelJob + ",!" + LabelRun
	// RunsOfAll selects the Workflows of runs, of every job.
	RunsOfAll = LabelJob + ",!" + LabelShard
	// UnfinishedRuns selects those of them that have not ended.
	UnfinishedRuns = RunsOfAll + notEnded
)

// OfJob selects all objects of a job.
func OfJob(job string) string { return LabelJob + "=" + job }

// RunsOf selects the Workflows of a job's runs, without their children.
func RunsOf(job string) string { return OfJob(job) + ",!" + LabelShard }

// UnfinishedOf selects the Workflows of a job that have not ended.
func UnfinishedOf(job string) string { return OfJob(job) + notEnded }

// OfRun selects all objects of a run.
func OfRun(job string, n int) string { return fmt.Sprintf("%s,%s=%d", OfJob(job), LabelRun, n) }

// ChildrenOf selects the children of a run.
func ChildrenOf(job string, n int) string { return OfRun(job, n) + "," + LabelShard }

// UnsuccessfulChildrenOf selects the children of a run that have not succeeded.
func UnsuccessfulChildrenOf(job string, n int) string { return ChildrenOf(job, n) + notSucceeded }

// UnfinishedOfPool selects the Workflows of a pool that have not ended.
func UnfinishedOfPool(pool string) string { return LabelPool + "=" + pool + notEnded }

// RunName is the name of run n of a job.
func RunName(job string, n int) string { return fmt.Sprintf("%s-r%d", job, n) }

// RunNumber reads the number from the name of a run; 0 when it is none.
func RunNumber(job, run string) int {
	text, ok := strings.CutPrefix(run, job+"-r")
	n, err := strconv.Atoi(text)
	if !ok || err != nil || n < 1 {
		return 0
	}
	return n
}

// ChildName is the name of shard k's Workflow.
func ChildName(run string, k int) string { return fmt.Sprintf("%s-s%d", run, k) }

// DataName is the name of the data ConfigMap of shard k of a run.
func DataName(run string, k int) string { return fmt.Sprintf("%s%d", DataPrefix(run), k) }

// CanaryDataName is the name of the data ConfigMap of a canary, where shards
// have Workflows of their own.
func CanaryDataName(run string) string { return DataPrefix(run) + "-canary" }

// DataPrefix is what the names of a run's data ConfigMaps begin with.
func DataPrefix(run string) string { return run + "-d" }

// ItemsName is the ConfigMap of the values or boundaries of a dimension.
func ItemsName(run, suffix string) string { return run + "-v" + suffix }

// Belongs tells whether an object was made for a run of a job; run 0 stands for
// objects of the job as a whole.
func Belongs(o manifest.Object, job string, n int) bool {
	labels := o.GetLabels()
	return labels[LabelJob] == job && (n == 0 || labels[LabelRun] == strconv.Itoa(n))
}

// RunRef is what the labels of an object tell: the job that it was made for,
// and whether it is the Workflow of a whole run.
type RunRef struct {
	Job   string
	Whole bool
}

// RunOf reads the labels of an object; false when it was not made for a job.
func RunOf(o manifest.Object) (RunRef, bool) {
	labels := o.GetLabels()
	ref := RunRef{Job: labels[LabelJob]}
	ref.Whole = o.GetKind() == "Workflow" && labels[LabelShard] == "" && RunNumber(ref.Job, o.GetName()) > 0
	return ref, ref.Job != ""
}

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
