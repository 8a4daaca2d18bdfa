// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package observe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/read"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// holders are the Workflows of a namespace that hold places among those that the
// Argo controller processes at once. A run holds one while it waits for its shards,
// which need places too: when only such runs hold them, all wait for ever.
// See internal/decisions/0048-runs-leave-a-place-for-shards.md.
type holders struct {
	idle    []string // runs that only wait for their shards, sorted
	working int
}

// deadlocked tells whether nothing of the namespace can end by itself.
func (h holders) deadlocked() bool { return h.working == 0 && len(h.idle) > 0 }

// holders are read where a Workflow of the run waits for a place.
func (r *Reader) holders(ctx context.Context, s *Snapshot) (holders, error) {
	waits := func(w read.Waiting) bool { return w.Reason == read.WaitsForPlace }
	if !s.Active() || !slices.ContainsFunc(s.Run.Outcome.Waiting, waits) {
		return holders{}, nil
	}
	all, err := r.backend.List(ctx, cluster.Workflow, s.State.Namespace, argo.Unfinished)
	if err != nil {
		return holders{}, err
	}
	return holdersAmong(all, r.now()), nil
}

func holdersAmong(all []manifest.Object, now time.Time) holders {
	var h holders
	for _, o := range all {
		switch {
		case argo.Ended(o) || argo.Postponed(o) || argo.PhaseOf(o) == "":
		case read.OnlyLaunches(o, now.Add(-untaken)):
			h.idle = append(h.idle, o.GetName())
		default:
			h.working++
		}
	}
	slices.Sort(h.idle)
	return h
}

// mostNamed bounds the runs that a message names.
const mostNamed = 5

// places words Workflows of the run that wait for a place.
func (s *Snapshot) places(w read.Waiting, stuck stuckness) state.Obstacle {
	workflows, wait := "1 Workflow of the run waits", "no place since "+stamp(w.Since)+": "
	if w.Pods > 1 {
		workflows = fmt.Sprintf("%d Workflows of the run wait", w.Pods)
	}
	if s.Run.Outcome.Phase == argo.PhasePending {
		workflows = "the run waits"
	}
	o := state.Obstacle{
		Stuck: stuck.of(w),
		Kind:  string(w.Reason),
		What:  wait + workflows + ", because as many Workflows run as the Argo controller is set to process at once",
	}
	const raise = "raise the limit: the label workflows.argoproj.io/parallelism-limit of the namespace, or " +
		"namespaceParallelism or parallelism of the controller"
	if !s.holders.deadlocked() {
		o.Fix = "They start as others end. For more at once, " + raise + "."
		return o
	}
	idle := s.holders.idle
	impatient := stuck
	impatient.limit = min(stuck.limit, untaken)
	o.Stuck = impatient.of(w)
	o.Kind += "less"
	if len(idle) == 1 && idle[0] == s.Run.Workflow.GetName() {
		o.What += ". Only the run itself holds a place in the namespace"
		o.Fix = "With a limit of 1 no shard can ever start: " + raise + ". Otherwise Argo gives a shard the place that " +
			"has become free when it looks again, within 20 minutes."
		return o
	}
	if more := len(idle) - mostNamed; more > 0 {
		idle = append(slices.Clone(idle[:mostNamed]), fmt.Sprintf("%d more", more))
	}
	o.What += ". Only runs that wait for their own shards hold places in the namespace: " + strings.Join(idle, ", ")
	o.Fix = "They wait for each other for ever. Stop one of them, or " + raise + ". Declare the limit as " +
		"controller.max_workflows, and a run that would take the last place is not submitted."
	return o
}
