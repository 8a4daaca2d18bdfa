// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package read turns what Argo's controller wrote about a run into what the run has
// achieved, in key space.
//
// Parse reads a run once; the Run that it returns answers every question about it:
// which of its children and data are needed too, what a query has found, and with
// those, the Outcome. Node statuses may be compressed. What a run did is read by the
// arguments that it was submitted with: who suspects that somebody has edited them
// gives Parse the run with the arguments as submitted, see argo.WithArguments.
//
// The phase of a run alone says nothing, because launchers succeed however their
// children ended: partitions count by their own nodes, or by a launcher that saw
// its child succeed with every one of them. What cannot be made sense of is an
// error and never a guess. A partition that a stop has cut short is left to do, and
// has not failed.
//
// Runs that earlier versions of this program submitted can be read, so names of
// steps and parameters that are read here never change their meaning.
package read

import (
	"cmp"
	"slices"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Run is an observed run.
type Run struct {
	workflow
	shape
	result   Result
	launched []launched
	on       func(attempt int) string // see argo.CapacityOf
}

// Parse reads the node statuses and the arguments of a run.
func Parse(run manifest.Object) (*Run, error) {
	w, err := parseWorkflow(run)
	if err != nil {
		return nil, err
	}
	r := &Run{workflow: w, on: argo.CapacityOf(run)}
	if r.shape, err = shapeOf(w.args); err != nil {
		return nil, err
	}
	if r.findsBounds {
		if err := r.findBounds(); err != nil {
			return nil, err
		}
	}
	if r.launches {
		r.launched, err = r.launchers()
	}
	return r, err
}

// Query is what the query of a run has found; zero for a run without one.
func (r *Run) Query() Result { return r.result }

// FindsBounds tells whether a run finds the bounds of its keys by itself, and
// whether it does nothing else.
func (r *Run) FindsBounds() (finds, only bool) { return r.findsBounds, r.findsBounds && !r.launches }

// Wanted names the children that must be observed besides the run: those that
// are active, and those whose launcher reported less than full success.
func (r *Run) Wanted() []string {
	var names []string
	for _, l := range r.launched {
		if !l.complete {
			names = append(names, argo.ChildName(r.run, int(l.k)))
		}
	}
	return names
}

// NeedsData tells whether the data ConfigMaps of the run must be observed.
func (r *Run) NeedsData() bool { return r.needsData() }

// launched is a shard whose launcher has begun.
type launched struct {
	shard
	// complete tells that the launcher saw the child succeed with every
	// partition; then the child itself is not needed any more.
	complete bool
}

func (r *Run) launchers() ([]launched, error) {
	var out []launched
	for _, n := range r.running(argo.TemplateLauncher) {
		var texts [4]string
		for i, name := range shardNumbers {
			texts[i], _ = n.Inputs.get(name)
		}
		shard, err := r.shardOf(r.args.Workflow, texts)
		if err != nil {
			return nil, err
		}
		out = append(out, launched{shard, n.Phase == argo.PhaseSucceeded && fullSuccess(n, shard.count)})
	}
	slices.SortFunc(out, func(a, b launched) int { return cmp.Compare(a.k, b.k) })
	return out, nil
}

// fullSuccess reads a launcher's outputs. Progress counts pods, so failed
// attempts raise the denominator; the numerator is the partitions that
// succeeded.
func fullSuccess(n *nodeStatus, count int64) bool {
	phase, _ := n.Outputs.get(argo.OutPhase)
	progress, _ := n.Outputs.get(argo.OutProgress)
	done, _, _ := strings.Cut(progress, "/")
	return argo.Phase(phase) == argo.PhaseSucceeded && done == argo.Decimal(count)
}

// Outcome is what the run has achieved so far, by its children and its data, of
// which there may be more than are needed. A wanted child that is missing counts as
// not done.
func (r *Run) Outcome(d domain.Domain, children, data []manifest.Object) (Outcome, error) {
	if r.product {
		if err := expr.CheckProduct(r.args, d); err != nil {
			return Outcome{}, err
		}
	}
	g := reader{domain: d, shape: r.shape, written: map[string][]domain.Partition{}, on: r.on}
	if err := g.readData(data); err != nil {
		return Outcome{}, err
	}
	covers, err := g.covers()
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{
		Phase:      r.phase,
		Message:    r.message,
		Started:    r.started,
		Finished:   r.finished,
		Ended:      r.phase.Ended(),
		Covers:     covers,
		Canary:     r.canary(),
		Setup:      r.once(argo.TemplateSetup),
		Teardown:   r.once(argo.TemplateTeardown),
		OverBudget: r.stoppedByBudget() && !r.launchedAll(),
	}
	if err := g.leaves(r.workflow, shard{g: argo.NoSegment}, r.data); err != nil {
		return Outcome{}, err
	}
	if err := g.children(r.launched, children, &out); err != nil {
		return Outcome{}, err
	}
	out.Done = ledger.Of(d, slices.Values(g.done))
	out.Failed = ledger.Of(d, slices.Values(g.failed))
	out.Running = ledger.Of(d, slices.Values(g.running))
	out.Failures = g.failures()
	if !out.Ended {
		g.steps(r.workflow)
		out.Waiting, out.Retried = g.sorted(), g.retried
	}
	return out, nil
}

// launchedAll tells whether a run that finds its bounds has started all of its
// shards: then a further wave was left out because there was nothing for it.
func (r *Run) launchedAll() bool {
	return r.findsBounds && r.shape.shard > 0 && int64(len(r.launched))*r.shape.shard >= r.total
}

// Abandoned tells whether a Workflow has ended while pods of it had not, as when
// Argo can make no sense of it any more. They go on, and nobody hears of it.
func Abandoned(workflow manifest.Object) bool {
	w, err := parseWorkflow(workflow)
	return err == nil && w.phase.Ended() && slices.ContainsFunc(w.nodes, func(n nodeStatus) bool {
		return n.Type == "Pod" && (n.Phase == argo.PhaseRunning || n.Phase == argo.PhasePending)
	})
}
