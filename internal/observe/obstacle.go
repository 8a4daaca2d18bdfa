// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package observe

import (
	"fmt"
	"strings"
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
	stuck := stuckness{now, j.MaxPending, &s.Run.Outcome}
	for _, w := range s.Run.Outcome.Waiting {
		if w.Reason == read.WaitsForPlace {
			out = append(out, s.places(w, stuck))
			continue
		}
		out = append(out, waits(w, stuck.of(w), j.Spot))
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

// stuckness tells whether waits of a run have lasted too long. A run in which something
// ended well since then goes on, and so does one that waits in a queue while something
// of it is at work.
type stuckness struct {
	now   time.Time
	limit time.Duration
	seen  *read.Outcome
}

func (s stuckness) of(w read.Waiting) bool {
	since := w.Since
	if s.seen.Progress.After(since) {
		since = s.seen.Progress
	}
	return s.now.Sub(since) > s.limit && !(w.Reason.Queues() && s.seen.Working > 0)
}

// waits words pods that have not started.
func waits(w read.Waiting, stuck bool, spot job.Spot) state.Obstacle {
	o := state.Obstacle{Stuck: stuck, Kind: string(w.Reason) + w.Capacity}
	pods, its := "1 pod waits", "its"
	if w.Pods > 1 {
		pods, its = fmt.Sprintf("%d pods wait", w.Pods), "their"
	}
	since := " since " + stamp(w.Since) + ": " + pods
	forSpot := w.Capacity == argo.CapacitySpot && (w.Reason == read.WaitsForNode || w.Reason == read.WaitsForRoom)
	switch {
	case forSpot:
		o.What = "no spot capacity" + since + " for a spot node"
		o.Fix = "Set spot.mode = \"prefer\", so that pods take other nodes while there are no spot nodes; or see that a " +
			"pool of spot nodes exists and may grow."
		if spot.OnDemandFrom > 0 {
			o.Fix = "A fallback helps attempts that failed, and one that waits for its node has not. " + o.Fix
		}
	case w.Reason == read.WaitsForNode:
		o.What = "no node" + since + " for one that fits"
		o.Fix = "See that nodes with room for runner.resources exist, that node_selector, affinity and tolerations let " +
			"pods on them, and that quotas and autoscalers let the pool grow."
	case w.Reason == read.WaitsForRoom:
		o.What = "no room" + since + " for pods of the same or a higher priority to leave " + its + " nodes"
		o.Fix = "Pods start as others end. For more at once, let the node pool grow, ask for less in runner.resources, " +
			"or give the job a higher runner.priority_class."
	case w.Reason == read.WaitsForImage:
		o.What = "no image" + since + " for the image to be pulled"
		o.Fix = "See that runner.image is right, that the registry can be reached from the nodes, and that " +
			"image_pull_secrets let them in."
	default:
		named(&o, w, since, its)
	}
	if message := text.OneLine(w.Message); message != "" {
		o.What += " (" + message + ")"
	}
	return o
}

// named words what pods wait for besides nodes and images.
func named(o *state.Obstacle, w read.Waiting, since, its string) {
	switch w.Reason {
	case read.WaitsForQuota:
		o.What = "no quota" + since + " until a ResourceQuota of the namespace has room"
		o.Fix = cureOf(w.Message)
	case read.WaitsForGate:
		o.What = "not admitted" + since + " to be handed to the scheduler, as pods with a scheduling gate do " +
			"(SchedulingGated)"
		o.Fix = "A queue such as Kueue's lifts the gate when there is quota: see its Workloads, and that a queue of the " +
			"name that the job's labels give exists. Without a queue, see that the pods' scheduler runs."
	case read.WaitsForInput:
		o.What = "no input" + since + " for what " + its + " container refers to"
		o.Fix = cureOf(w.Message)
	default:
		o.What = "not started" + since + " to be started by the kubelet"
		o.Fix = "See the pods' events: a Secret, ConfigMap or volume that they mount may be missing."
	}
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
	last, fix := attempt(of.Last), ""
	if of.Last.Cause == read.CauseRefused {
		fix = cureOf(of.Last.Message)
	}
	return state.Obstacle{
		Retried: true,
		Fix:     fix,
		Kind:    "retried" + last.Cause + last.Message,
		What:    fmt.Sprintf("%s tried again; the last to fail was %s, %s", pods, what, last),
	}
}

// refusals are what the API server did not take of an ended run, as the failures that
// are recorded tell: the next run will fare no better.
func refusals(o *state.Observation) []state.Obstacle {
	refused, first := 0, ""
	for _, f := range o.FailedPartitions(state.MaxFailures) {
		if n := len(f.Details); n > 0 && f.Details[n-1].Cause == string(read.CauseRefused) {
			if refused++; refused == 1 {
				first = f.Message
			}
		}
	}
	if refused == 0 {
		return nil
	}
	pods := "the pod of 1 partition"
	if refused > 1 {
		pods = fmt.Sprintf("the pods of %d partitions", refused)
	}
	return []state.Obstacle{{
		Refused: true,
		Kind:    "refused" + first,
		What:    "the API server did not accept " + pods + ": " + strings.TrimSuffix(text.OneLine(first), "."),
		Fix:     cureOf(first),
	}}
}

// Refused warns of what the API server did not take.
func Refused(o *state.Observation) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, t := range o.Obstacles {
		if t.Refused {
			diags = append(diags, Warning(diag.CodePodsRefused, "In run %s of job \"%s/%s\", %s. %s A new run needs that "+
				"cure; this warning goes with it.", o.LatestRun(), o.Namespace, o.Name, t.What, t.Fix))
		}
	}
	return diags
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
