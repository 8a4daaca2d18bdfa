// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/read"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// untaken is how long Argo may take to notice a new run before that is an obstacle.
const untaken = 2 * time.Minute

// Obstacle is what keeps an active run from going on. It is no drift: an apply
// would change nothing about it.
type Obstacle struct {
	// Stuck tells that it has lasted longer than it should.
	Stuck bool
	// Retried tells that attempts failed and others follow.
	Retried bool
	// What is one clause, without a full stop; Cure, if there is one, is a
	// sentence.
	What, Cure string
	// Kind is the same for what is the same obstacle at another moment.
	Kind string
}

// obstacles looks at the active run of a job.
func (e *Engine) obstacles(s *sight) []Obstacle {
	if !s.active() {
		return nil
	}
	phase := runPhase(s.run)
	if phase == Paused || phase == Stopping {
		return nil
	}
	now, limit := e.now(), job.MaxPending
	spot := job.Spot{}
	if j, err := parseJob(s.rec.Job); err == nil {
		spot, limit = j.Spot, j.MaxPending
	}
	var out []Obstacle
	if created := s.run.workflow.GetCreationTimestamp().Time; s.run.outcome.Phase == "" && now.Sub(created) > untaken && !created.IsZero() {
		out = append(out, Obstacle{
			Stuck: true, Kind: "untaken", What: fmt.Sprintf("Argo has not taken up Workflow %s, which was created at %s", s.run.workflow.GetName(), stamp(created)),
			Cure: fmt.Sprintf("See that the Argo controller runs, that it watches namespace %q, and that its limits on parallel Workflows leave room.", s.rec.Namespace),
		})
	}
	for _, w := range s.run.outcome.Waiting {
		out = append(out, waits(w, now, limit, spot))
	}
	if r := s.run.outcome.Retried; r.Pods > 0 {
		out = append(out, s.retries(r))
	}
	return out
}

// waits words pods that have not started.
func waits(w read.Waiting, now time.Time, limit time.Duration, spot job.Spot) Obstacle {
	t := Obstacle{Stuck: now.Sub(w.Since) > limit, Kind: string(w.Reason) + w.Capacity}
	pods, wait := "1 pod", "waits"
	if w.Pods > 1 {
		pods, wait = fmt.Sprintf("%d pods", w.Pods), "wait"
	}
	since := " since " + stamp(w.Since)
	switch {
	case w.Reason == read.WaitsForNode && w.Capacity == argo.CapacitySpot:
		t.What = "no spot capacity" + since + ": " + pods + " " + wait + " for a spot node"
		t.Cure = `Set spot.mode = "prefer", so that pods take other nodes while there are no spot nodes; or see that a pool of spot nodes exists and may grow.`
		if spot.OnDemandFrom > 0 {
			t.Cure = `A fallback helps attempts that failed, and one that waits for its node has not. ` + t.Cure
		}
	case w.Reason == read.WaitsForNode:
		t.What = "no node" + since + ": " + pods + " " + wait + " for one that fits"
		t.Cure = "See that nodes with room for runner.resources exist, that node_selector, affinity and tolerations let pods on them, and that quotas and autoscalers let the pool grow."
	case w.Reason == read.WaitsForImage:
		t.What = "no image" + since + ": " + pods + " " + wait + " for the image to be pulled"
		t.Cure = "See that runner.image is right, that the registry can be reached from the nodes, and that image_pull_secrets let them in."
	default:
		t.What = "not started" + since + ": " + pods + " " + wait + " to be started on " + map[bool]string{true: "its node", false: "their nodes"}[w.Pods == 1]
		t.Cure = "See the pods' events: a Secret, ConfigMap or volume that they mount may be missing."
	}
	if message := oneLine(w.Message); message != "" {
		t.What += " (" + message + ")"
	}
	return t
}

// retries words attempts that failed and are tried again.
func (s *sight) retries(r read.Retried) Obstacle {
	kind, what := "step", "step "+r.Step
	if r.Partition != nil {
		kind, what = "partition", "partition "+s.run.domain.Key(*r.Partition)
	}
	pods := fmt.Sprintf("1 %s is", kind)
	if r.Pods > 1 {
		pods = fmt.Sprintf("%d %ss are", r.Pods, kind)
	}
	last := detail(r.Last)
	return Obstacle{
		Retried: true, Kind: "retried" + last.Cause + last.Message,
		What: fmt.Sprintf("%s tried again; the last to fail was %s, %s", pods, what, AttemptText(last)),
	}
}

// AttemptText is an attempt in one line: `attempt 2 on node-1 (spot), oom:
// message`.
func AttemptText(a Attempt) string {
	var b strings.Builder
	fmt.Fprintf(&b, "attempt %d", a.Number)
	if a.Node != "" {
		fmt.Fprintf(&b, " on %s", a.Node)
	}
	if a.Capacity != "" {
		fmt.Fprintf(&b, " (%s)", strings.ReplaceAll(a.Capacity, "_", " "))
	}
	fmt.Fprintf(&b, ", %s", a.Cause)
	if a.Message != "" {
		fmt.Fprintf(&b, ": %s", a.Message)
	}
	return b.String()
}

// StuckWarnings are the obstacles of a job that have lasted too long.
func (o *Observation) StuckWarnings() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, t := range o.Obstacles {
		if t.Stuck {
			diags = append(diags, warning(diag.CodeStuck, "Run %s of job \"%s/%s\" is stuck: %s. %s", o.Run, o.Namespace, o.Name, t.What, t.Cure))
		}
	}
	return diags
}
