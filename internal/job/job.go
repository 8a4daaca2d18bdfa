// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package job is the typed job and every rule about a single job.
//
// It knows neither HCL syntax nor Terraform: both faces hand it one cty.Value
// of the type that package jobschema describes, and get problems back by
// cty.Path. It plans nothing and emits nothing.
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

	// Domain is open while the bounds of Query are not known, see Bound.
	Domain domain.Domain
	Query  *Query // nil: the bounds are declared
	Order  plan.Order

	Runner Runner
	// Setup runs before the first partition of a run, and Teardown after its last;
	// nil when there is none.
	Setup, Teardown            *Runner
	OrchestratorServiceAccount string
	MaxParallel                int
	// Pool is what bounds the shards of several jobs together; "" for none.
	Pool      string
	ShardSize int
	Canary    plan.Canary
	Waves     plan.Waves
	Gates     plan.Gates
	// RampUp lets each shard have the pods that it would have in the largest wave.
	RampUp     bool
	Controller Controller
	Budget     *plan.Budget // nil: unlimited
	Retry      Retry
	// ArgoVersion is the line of Argo Workflows to compile for: 3.5, 3.6, 3.7
	// or 4.0.
	ArgoVersion string

	Argo   Overrides
	Spot   Spot
	Anchor Anchor
	OOM    *OOM   // nil: attempts all get the same memory
	Spread string // label of nodes over which pods are spread, or empty

	Limits Limits
	// MaxPending is how long a pod may wait before its run is called stuck.
	MaxPending time.Duration
}

// BoundsBackoff tells whether the job's Argo knows an upper bound for the wait
// between attempts, which came with 3.7.
func (j *Job) BoundsBackoff() bool { return boundsBackoff(j.ArgoVersion) }

// Controller is what the Argo controller that runs the job can do.
type Controller struct {
	PodsPerSecond int
	// MaxWorkflowSize is the size in bytes, as JSON, above which it fails a
	// Workflow.
	MaxWorkflowSize int
}

// Retry says how a failed partition is tried again.
type Retry struct {
	Limit      int
	Backoff    time.Duration
	Factor     int
	MaxBackoff time.Duration
	// Interruptions is how many attempts more there are while each is
	// interrupted.
	Interruptions int
	// RetryOn, when not empty, are the only exit codes that are tried again,
	// and FailOn those that never are.
	RetryOn, FailOn []int
}

// Text is a string with references that are only known in the pod: its parts
// in order, each either literal or a reference.
type Text = late.Text

// TextPart is literal text, or a reference such as "partition.start",
// "partition.country.key", "job.name", "run.name" or "attempt" when Ref is
// not empty.
type TextPart = late.Part
