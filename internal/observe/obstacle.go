// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package observe

import (
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/read"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// untaken is how long Argo may take to notice a new run before that is an obstacle.
const untaken = 2 * time.Minute

// obstacles are what keeps the run under way from going on.
func (s *Snapshot) obstacles(now time.Time) []state.Obstacle {
	if !s.Active() || s.Run.Phase() == state.PhasePaused {
		return nil
	}
	if s.Run.Phase() == state.PhaseStopping {
		return s.Run.settling()
	}
	j := s.State.Job()
	var out []state.Obstacle
	created := s.Run.Workflow.GetCreationTimestamp().Time
	if s.Run.Outcome.Phase == "" && now.Sub(created) > untaken && !created.IsZero() {
		out = append(out, state.Obstacle{
			Stuck: true,
			Kind:  "untaken",
			What: fmt.Sprintf("Argo has not taken up Workflow %s, which was created at %s",
				s.Run.Workflow.GetName(), stamp(created)),
			Fix: fmt.Sprintf("See that the Argo controller runs, that it watches namespace %q, and that its limits on parallel "+
				"Workflows leave room. %s", s.State.Namespace, instanceHint(j.InstanceID, s.Run.Workflow.GetName())),
		})
	}
	for _, w := range s.Run.Outcome.Waiting {
		out = append(out, waits(w, now, j.MaxPending, j.Spot))
	}
	if r := s.Run.Outcome.Retried; r.Pods > 0 {
		out = append(out, s.Run.retries(r))
	}
	return out
}

// instanceHint says how the id of a controller may be why nobody takes up a Workflow.
// Nothing of that has begun, and no controller would carry out a stop.
func instanceHint(id, workflow string) string {
	hint := "It also ignores Workflows without its instanceID, if it has one, and this one has none. If so, set " +
		"instance_id"
	if id != "" {
		hint = fmt.Sprintf("It also ignores Workflows whose instance id is not its own, and this one has %q. If that is "+
			"wrong, correct instance_id", id)
	}
	return hint + fmt.Sprintf(", delete Workflow %s, of which nothing has begun, and apply again.", workflow)
}

// waits words pods that have not started.
func waits(w read.Waiting, now time.Time, limit time.Duration, spot job.Spot) state.Obstacle {
	o := state.Obstacle{Stuck: now.Sub(w.Since) > limit, Kind: string(w.Reason) + w.Capacity}
	pods, wait, nodes := "1 pod", "waits", "its node"
	if w.Pods > 1 {
		pods, wait, nodes = fmt.Sprintf("%d pods", w.Pods), "wait", "their nodes"
	}
	since := " since " + stamp(w.Since)
	switch {
	case w.Reason == read.WaitsForNode && w.Capacity == argo.CapacitySpot:
		o.What = "no spot capacity" + since + ": " + pods + " " + wait + " for a spot node"
		o.Fix = "Set spot.mode = \"prefer\", so that pods take other nodes while there are no spot nodes; or see that a " +
			"pool of " +
			"spot nodes exists and may grow."
		if spot.OnDemandFrom > 0 {
			o.Fix = "A fallback helps attempts that failed, and one that waits for its node has not. " + o.Fix
		}
	case w.Reason == read.WaitsForNode:
		o.What = "no node" + since + ": " + pods + " " + wait + " for one that fits"
		o.Fix = "See that nodes with room for runner.resources exist, that node_selector, affinity and tolerations let " +
			"pods on " +
			"them, and that quotas and autoscalers let the pool grow."
	case w.Reason == read.WaitsForImage:
		o.What = "no image" + since + ": " + pods + " " + wait + " for the image to be pulled"
		o.Fix = "See that runner.image is right, that the registry can be reached from the nodes, and that " +
			"image_pull_secrets let " +
			"them in."
	default:
		o.What = "not started" + since + ": " + pods + " " + wait + " to be started on " + nodes
		o.Fix = "See the pods' events: a Secret, ConfigMap or volume that they mount may be missing."
	}
	if message := text.OneLine(w.Message); message != "" {
		o.What += " (" + message + ")"
	}
	return o
}

// retries words attempts that failed and are tried again.
func (r *Run) retries(of read.Retried) state.Obstacle {
	kind, what := "step", "step "+of.Step
	if of.Partition != nil {
		kind, what = "partition", "partition "+r.Domain.Key(*of.Partition)
	}
	pods := fmt.Sprintf("1 %s is", kind)
	if of.Pods > 1 {
		pods = fmt.Sprintf("%d %ss are", of.Pods, kind)
	}
	last := attempt(of.Last)
	return state.Obstacle{
		Retried: true,
		Kind:    "retried" + last.Cause + last.Message,
		What:    fmt.Sprintf("%s tried again; the last to fail was %s, %s", pods, what, last),
	}
}

// Stuck warns of the obstacles of a job that have lasted too long.
func Stuck(o *state.Observation) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, t := range o.Obstacles {
		if t.Stuck {
			diags = append(diags, Warning(diag.CodeStuck, "Run %s of job \"%s/%s\" is stuck: %s. %s",
				o.LatestRun(), o.Namespace, o.Name, t.What, t.Fix))
		}
	}
	return diags
}
