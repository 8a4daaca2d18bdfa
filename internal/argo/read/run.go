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
// The phase of a run says too little, because launchers succeed however their
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
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// Run is an observed run.
type Run struct {
	workflow
	shape
	result   Result
	launched []launched
	on       func(attempt int) string // see argo.CapacityOf
	byPods   map[string]bool          // see Finish
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

// launched is a shard whose launcher has begun.
type launched struct {
	shard
	// complete tells that the launcher saw the child succeed with every
	// partition; then the child itself is not needed any more.
	complete bool
	at       time.Time // of its end
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
		out = append(out, launched{shard, n.Phase == argo.PhaseSucceeded && fullSuccess(n, shard.count), n.FinishedAt})
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

// Finish takes pods of the run, where Argo looks at them no more: what they have
// finished counts, although their nodes say that they were stopped.
// See internal/decisions/0050-a-run-ends-with-its-pods.md.
func (r *Run) Finish(pods []manifest.Object) {
	r.byPods = map[string]bool{}
	for _, pod := range pods {
		if id := argo.FinishedNode(pod); id != "" {
			r.byPods[id] = true
		}
	}
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
	g := reader{domain: d, shape: r.shape, written: map[string][]domain.Partition{}, on: r.on, byPods: r.byPods}
	if err := g.readData(data); err != nil {
		return Outcome{}, err
	}
	covers, err := g.covers()
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{
		Phase:    r.phase,
		Message:  r.message,
		Started:  r.started,
		Finished: r.finished,
		Covers:   covers,
		Canary:   r.step("Steps", argo.StepCanary).Phase,
		Setup:    r.once(argo.TemplateSetup),
		Teardown: r.once(argo.TemplateTeardown),
		// When a run that finds its bounds has started all of its shards, a further wave
		// was left out because there was nothing for it.
		OverBudget: r.step("Skipped", argo.StepThen).Type != "" &&
			!(r.findsBounds && r.shape.shard > 0 && int64(len(r.launched))*r.shape.shard >= r.total),
	}
	if err := g.leaves(r.workflow, shard{g: argo.NoSegment}, r.data); err != nil {
		return Outcome{}, err
	}
	if err := g.children(r.launched, children); err != nil {
		return Outcome{}, err
	}
	slices.SortFunc(g.failures, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(a.shard, b.shard), cmp.Compare(a.number, b.number))
	})
	if n, why := r.unlaunched(); n > 0 {
		out.Unlaunched, out.Message = n, why
	}
	out.Ended = !g.active
	out.Done = ledger.Of(d, slices.Values(g.done))
	out.Failed = ledger.Of(d, slices.Values(g.failed))
	out.Running = ledger.Of(d, slices.Values(g.running))
	out.Failures = g.failures
	if !out.Ended {
		g.notePlace(r.workflow)
		g.steps(r.workflow)
		out.Waiting, out.Retried = g.sum()
		out.Working, out.Progress = g.working, g.progress
	}
	return out, nil
}

// unlaunched counts the launchers that failed for good, and says why the last one
// did. Argo only says of a run that a child of it failed, and means a node.
func (r *Run) unlaunched() (count int, why string) {
	var last Attempt
	for _, n := range r.running(argo.TemplateLauncher) {
		if !n.failed() || r.stopped(n) {
			continue
		}
		one := r.lastAttempt(n).attempt(0, r.on)
		if one.Message = r.reason(n); count == 0 || one.after(last) {
			last = one
		}
		count++
	}
	shards := "1 shard"
	if count > 1 {
		shards = fmt.Sprintf("%d shards", count)
	}
	return count, "the launcher of " + shards + " failed: " + cmp.Or(last.Message, "no reason was given")
}

// Abandoned tells whether a Workflow has ended while pods of it had not, as when
// Argo can make no sense of it any more. They go on, and nobody hears of it.
func Abandoned(workflow manifest.Object) bool {
	w, err := parseWorkflow(workflow)
	if err != nil || !w.phase.Ended() {
		return false
	}
	for _, n := range w.nodes {
		if n.Type == "Pod" && (n.Phase == argo.PhaseRunning || n.Phase == argo.PhasePending) {
			return true
		}
	}
	return false
}

// OnlyLaunches tells whether a Workflow is a run that does nothing but wait for its
// shards, none of which has ended since then.
func OnlyLaunches(workflow manifest.Object, since time.Time) bool {
	w, err := parseWorkflow(workflow)
	if err != nil || !w.args.Launches() {
		return false
	}
	for _, n := range w.nodes {
		active := n.Phase == argo.PhaseRunning || n.Phase == argo.PhasePending
		if n.Type == "Pod" && (active && n.template() != argo.TemplateLauncher || n.FinishedAt.After(since)) {
			return false
		}
	}
	return true
}

// Failure is a partition that failed for good.
type Failure struct {
	Partition domain.Partition
	Attempts  int
	Message   string // at most 256 bytes
	// Details are the last five attempts, ascending.
	Details []Attempt
	// shard and number are its place in run order.
	shard, number int64
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
	// Working is how many containers of the user run, and Progress when one of them
	// ended well the last time; zero where none has.
	Working  int
	Progress time.Time
	// Unlaunched is how many launchers failed for good; Message is then why.
	Unlaunched int
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

// Result is what the generator of a run has found.
type Result struct {
	// Bounds is nil while there is no usable result.
	Bounds *domain.Interval
	// Problem is why there will be none, for people; "" while there may be one.
	Problem string
}

// findBounds reads the result of the run's generator, and what follows from it:
// the whole grid between the bounds is the only segment of the run.
func (r *Run) findBounds() error {
	// What does not depend on the result is read now, so that no result is blamed.
	q, err := expr.QueryOf(r.args)
	if err != nil {
		return err
	}
	text, written, problem := r.generated()
	if r.result.Problem = problem; !written {
		return nil
	}
	found, problem := q.Bounds(text)
	if r.result.Problem = problem; problem == "" {
		r.result.Bounds = &found.Bounds
		r.segments, r.total = []expr.Segment{found.Whole}, found.Total
	}
	return nil
}

// generated is what the generator wrote, or why it will write nothing.
func (w workflow) generated() (result string, written bool, problem string) {
	for _, n := range w.running(argo.TemplateGenerator) {
		if strings.HasPrefix(n.DisplayName, argo.StepFirstWave) {
			continue // the check
		}
		switch {
		case n.Phase == argo.PhaseSucceeded:
			result, _ := n.Outputs.get(argo.OutResult)
			return result, true, ""
		case n.failed() && w.stopped(n):
			return "", false, "the run was stopped before its generator had answered"
		case n.failed():
			return "", false, "the generator failed: " + w.reason(n)
		}
	}
	if !w.phase.Ended() {
		return "", false, ""
	}
	problem = "the run ended before its generator had answered"
	if w.message != "" {
		problem += ": " + text.Shorten(w.message, argo.MaxMessage)
	}
	return "", false, problem
}
