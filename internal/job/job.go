// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package job contains the typed Job and every rule about a single job.
//
// Its input is one cty.Value of the type that package jobschema describes, from
// a job file or from Terraform. Decode checks the value and returns a Job with
// all defaults filled in. Problems carry a cty.Path, which the caller maps to a
// source range or a Terraform attribute.
//
// Parts of the value may be unknown while Terraform plans. Decode skips the
// rules that need them, still checks everything else, and returns no Job.
// A Job that Decode returned is valid: no later package checks it again, except
// for rules that need Kubernetes or Argo types (package check).
//
// Canonical writes the declaration as the record stores it, and ParseCanonical
// reads it back: equal declarations give identical bytes. A job whose bounds come
// from a query is open (Domain.Open) until Bound sets the bounds.
//
// The package plans nothing and writes no manifests.
package job

import (
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/late"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// Job is a checked declaration with every default filled in.
type Job struct {
	Name      string
	Namespace string
	Reason    string
	Target    string
	Labels    map[string]string

	// Domain is open while the bounds of Query are unknown, see Bound.
	Domain domain.Domain
	Query  *Query // nil: the bounds are declared
	Order  plan.Order

	Runner Runner
	// Setup runs before the first partition of a run, and Teardown after its last;
	// nil if there is none.
	Setup, Teardown *Runner
	Orchestrator    Orchestrator
	Argoexec        Argoexec
	MaxParallel     int
	// Pool limits the shards of several jobs together; "" for none.
	Pool      string
	ShardSize int
	Canary    plan.Canary
	Waves     plan.Waves
	Gates     plan.Gates
	// RampUp gives each shard the number of pods that it would have in the largest wave.
	RampUp     bool
	Controller Controller
	Budget     *plan.Budget // nil: unlimited
	Retry      Retry
	// ArgoVersion is the version of Argo Workflows to compile for: 3.5, 3.6, 3.7
	// or 4.0.
	ArgoVersion string
	// InstanceID is that of the Argo controller that runs the job; "" if it has none.
	InstanceID string

	Argo   Overrides
	Spot   Spot
	Anchor Anchor
	OOM    *OOM   // nil: attempts all get the same memory
	Spread string // label of nodes over which pods are spread, or empty

	Limits Limits
	// MaxPending is how long a pod may wait before its run is reported as stuck.
	MaxPending time.Duration
}

// BoundsBackoff is true if the job's version of Argo supports an upper bound for
// the wait between attempts: 3.7 and later.
func (j *Job) BoundsBackoff() bool { return boundsBackoff(j.ArgoVersion) }

// Controller has the settings of the Argo controller that runs the job.
type Controller struct {
	PodsPerSecond int
	// MaxWorkflowSize is the maximum size of a Workflow, in bytes of JSON. The
	// controller fails larger ones.
	MaxWorkflowSize int
	// MaxWorkflows is how many Workflows the controller processes at once in the
	// namespace; 0 when that is not known.
	MaxWorkflows int
	// What its workflowDefaults say of pods. Argo replaces them by what a template
	// says, instead of merging the two.
	Tolerations  []Toleration
	NodeSelector map[string]string
	Affinity     map[string]any // a Kubernetes Affinity; nil if not set
}

// Retry says how failed partitions are retried.
type Retry struct {
	Limit      int
	Backoff    time.Duration
	Factor     int
	MaxBackoff time.Duration
	// Interruptions is the number of additional attempts after interruptions.
	Interruptions int
	// RetryOn, if not empty, are the only exit codes that are retried. FailOn
	// are those that are not retried.
	RetryOn, FailOn []int
}

// Text is a string with references that only the pod can resolve: its parts in
// order, each either literal or a reference.
type Text = late.Text

// TextPart is literal text or, if Ref is not empty, a reference such as
// "partition.start", "partition.country.key", "job.name", "run.name" or "attempt".
type TextPart = late.Part
