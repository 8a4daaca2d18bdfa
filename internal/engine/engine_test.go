// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

func TestLifeOfAJob(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	// The record, the template, the run, and the mark that the creation is over.
	if n := count(w.cluster.Calls(), "create", "update", "patch", "delete"); n != 4 {
		t.Errorf("create took %d writes: %v", n, w.cluster.Calls())
	}
	if w.kept.known.Phase != state.PhasePending || w.kept.known.LatestRun() != "orders-r1" {
		t.Errorf("after create: %+v", w.kept.known)
	}
	w.argo.tick(4)
	o := w.observe("orders")
	if o.Phase != state.PhaseRunning || o.DoneCount() != 4 || o.RemainingCount() != 8 || o.Total() != 12 ||
		o.DoneText() != "[0,20)" {
		t.Errorf(
			"while running: phase %s, done %d %s, remaining %d of %d",
			o.Phase,
			o.DoneCount(),
			o.DoneText(),
			o.RemainingCount(),
			o.Total(),
		)
	}
	w.must(w.apply(orders()))
	if len(w.names()) != 3 {
		t.Errorf("an apply while running made %v", w.names())
	}
	w.argo.finish()
	o = w.observe("orders")
	if o.Phase != state.PhaseComplete || o.RemainingText() != "" || o.RemainingCount() != 0 {
		t.Errorf("at the end: %+v", o)
	}
	w.must(w.cluster.Delete(t.Context(), cluster.Workflow, "data", "orders-r1", ""))
	w.cluster.ResetCalls()
	w.must(w.apply(orders()))
	if calls := w.cluster.Calls(); len(calls) != 1 {
		t.Errorf("a refresh of a finished job took %v", calls)
	}
	w.exactly(0, 60, 1)
	w.must(errorOf(w.engine.Delete(t.Context(), "data", "orders", w.kept.owner)))
	if left := w.names(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFailedPartitionsAreDrift(t *testing.T) {
	w := newWorld(t)
	w.argo.fails = func(lo, _ int64) bool { return lo == 10 || lo == 45 }
	w.must(w.apply(orders()))
	w.argo.finish()
	o, err := w.refresh("orders")
	w.must(err)
	if o.Phase != state.PhaseFailed || o.FailedText() != "[10,15) [45,50)" ||
		len(o.FailedPartitions(state.MaxFailures)) != 2 {
		t.Fatalf("phase %s, failed %s", o.Phase, o.FailedText())
	}
	f := o.FailedPartitions(state.MaxFailures)[0]
	if f.Key != "10--15" || f.Start != "10" || f.End != "15" || f.Attempts != 1 ||
		f.Message != "main: Error (exit code 1)" {
		t.Errorf("failure %+v", f)
	}
	next, _ := w.plan(orders())
	if next == nil || next.Intervals != "[10,15) [45,50)" || next.Partitions != 2 ||
		next.Because != "2 partitions failed." {
		t.Fatalf("next run %+v", next)
	}
	w.argo.fails = func(int64, int64) bool { return false }
	w.must(w.apply(orders()))
	w.argo.finish()
	o, err = w.refresh("orders")
	w.must(err)
	if o.Phase != state.PhaseComplete || o.LatestRun() != "orders-r2" || len(o.FailedPartitions(state.MaxFailures)) != 0 {
		t.Errorf("after the second run: phase %s of %s", o.Phase, o.LatestRun())
	}
	if _, empty := w.plan(orders()); !empty {
		t.Error("the plan is not empty")
	}
	w.exactly(0, 60, 1)
}

func TestShards(t *testing.T) {
	w := newWorld(t)
	d := orders().with("shard_size", 5)
	w.argo.fails = func(lo, _ int64) bool { return lo == 30 }
	w.must(w.apply(d))
	w.argo.tick(2)
	w.argo.tick(2)
	if o := w.observe("orders"); o.Phase != state.PhaseRunning || o.DoneCount() == 0 {
		t.Errorf("while running: phase %s, %d done", o.Phase, o.DoneCount())
	}
	w.argo.finish()
	if o := w.observe("orders"); o.Phase != state.PhaseFailed || o.FailedText() != "[30,35)" || o.DoneCount() != 11 {
		t.Errorf("at the end: phase %s, failed %s, %d done", o.Phase, o.FailedText(), o.DoneCount())
	}
}

func TestEdits(t *testing.T) {
	tests := map[string]struct {
		edit    func(declared) declared
		next    string // intervals, "" for none
		because string
		runs    int // runs in all
	}{
		"runner":            {func(d declared) declared { return d.image("example.com/orders:2") }, "", "", 1},
		"reason":            {func(d declared) declared { return d.with("reason", "another") }, "", "", 1},
		"larger partitions": {func(d declared) declared { return d.between(0, 60, 20) }, "", "", 1},
		"domain grows": {
			func(d declared) declared { return d.between(0, 75, 5) },
			"[60,75)",
			"3 partitions are new because the domain has grown.",
			2,
		},
		"grows at the head": {
			func(d declared) declared { return d.between(-5, 60, 5) },
			"[-5,0)",
			"1 partition is new because the domain has grown.",
			2,
		},
		"domain shrinks": {func(d declared) declared { return d.between(10, 50, 5) }, "", "", 1},
		"grows with runner": {
			func(d declared) declared { return d.image("example.com/orders:2").between(0, 65, 5) },
			"[60,65)",
			"1 partition is new because the domain has grown. The runner changed; they run with the new template.",
			2,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.must(w.apply(orders()))
			w.argo.finish()
			_, err := w.refresh("orders")
			w.must(err)
			edited := test.edit(orders())
			next, _ := w.plan(edited)
			if next == nil && test.next != "" || next != nil && (next.Intervals != test.next || next.Because != test.because) {
				t.Fatalf("next run %+v, want %q because %q", next, test.next, test.because)
			}
			w.must(w.apply(edited))
			w.argo.finish()
			o, err := w.refresh("orders")
			w.must(err)
			if o.Phase != state.PhaseComplete || o.LatestRun() != fmt.Sprintf("orders-r%d", test.runs) {
				t.Errorf("phase %s of %s", o.Phase, o.LatestRun())
			}
			if _, empty := w.plan(edited); !empty {
				t.Error("the plan is not empty")
			}
			for k, n := range w.argo.times {
				if n != 1 {
					t.Errorf("key %d was processed %d times", k, n)
				}
			}
		})
	}
}

func TestRunnerEditStopsTheActiveRun(t *testing.T) {
	for _, size := range []int64{500, 5} {
		w := newWorld(t)
		d := orders().with("shard_size", size)
		w.must(w.apply(d))
		w.argo.tick(3)
		w.argo.tick(3)
		_, err := w.refresh("orders")
		w.must(err)
		edited := d.image("example.com/orders:2")
		next, _ := w.plan(edited)
		if next == nil || !strings.Contains(next.Because, "orders-r1 is active") {
			t.Fatalf("next run %+v", next)
		}
		w.must(w.apply(edited))
		if w.kept.known.LatestRun() != "orders-r2" {
			t.Fatalf("run %s", w.kept.known.LatestRun())
		}
		w.argo.finish()
		if o := w.observe("orders"); o.Phase != state.PhaseComplete {
			t.Errorf("phase %s", o.Phase)
		}
		w.exactly(0, 60, 1)
	}
}

func TestDomainEditsLetTheActiveRunGoOn(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	w.argo.tick(3)
	edited := orders().between(10, 80, 7)
	w.must(w.apply(edited))
	if o := w.observe("orders"); o.Phase != state.PhaseRunning || o.LatestRun() != "orders-r1" || o.Total() != 10 {
		t.Fatalf("phase %s of %s, total %d", o.Phase, o.LatestRun(), o.Total())
	}
	w.argo.finish()
	o, err := w.refresh("orders")
	w.must(err)
	if o.Phase != state.PhaseIncomplete || o.RemainingText() != "[60,80)" {
		t.Fatalf("phase %s, remaining %s", o.Phase, o.RemainingText())
	}
	w.must(w.apply(edited))
	w.argo.finish()
	if o := w.observe("orders"); o.Phase != state.PhaseComplete {
		t.Errorf("phase %s", o.Phase)
	}
	w.exactly(0, 80, 1)
}

func TestLostRunCountsAsNotDone(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	w.argo.tick(3)
	w.must(w.cluster.Delete(t.Context(), cluster.Workflow, "data", "orders-r1", ""))
	o, diags := w.engine.Observe(t.Context(), "data", "orders")
	if o == nil || o.Phase != state.PhaseIncomplete || len(diags) != 1 || diag.CodeOf(diags[0]) != diag.CodeRunLost {
		t.Fatalf("got %+v, %v", o, diags)
	}
	w.must(w.apply(orders()))
	w.argo.finish()
	if o := w.observe("orders"); o.Phase != state.PhaseComplete {
		t.Errorf("phase %s", o.Phase)
	}
}

func TestReadOnlyCredential(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	w.argo.finish()
	w.cluster.Before = func(c cluster.Call) error {
		if c.Verb == "get" || c.Verb == "list" {
			return nil
		}
		return cluster.NewError(cluster.Forbidden, c, "", nil)
	}
	o, diags := w.engine.Observe(t.Context(), "data", "orders")
	if o == nil || o.Phase != state.PhaseComplete || len(diags) != 1 || diag.CodeOf(diags[0]) != diag.CodeNotRecorded ||
		diags.HasErrors() {
		t.Fatalf("got %+v, %v", o, diags)
	}
}

func TestOwnership(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	w.argo.finish()
	before := len(w.names())
	s := engine.Submission{Value: orders().image("x:1").between(0, 90, 5).value(t), Owner: "somebody else"}
	if _, diags := w.engine.Update(t.Context(), s); codeOf(diags) != diag.CodeHeldElsewhere {
		t.Errorf("update: %v", diags)
	}
	for doing, leaves := range map[string]func(context.Context, string, string, string) hcl.Diagnostics{
		"delete": w.engine.Delete, "release": w.engine.Release,
	} {
		diags := leaves(t.Context(), "data", "orders", "somebody else")
		if len(diags) != 1 || diag.CodeOf(diags[0]) != diag.CodeForgotten || diags.HasErrors() {
			t.Errorf("%s: %v", doing, diags)
		}
	}
	if _, diags := w.process().Create(
		t.Context(),
		engine.Submission{Value: orders().between(0, 90, 5).value(t)},
	); codeOf(
		diags,
	) != diag.CodeJobExists ||
		!strings.Contains(diags.Error(), "terraform import <address> data/orders") {
		t.Errorf("create of another declaration: %v", diags)
	}
	if len(w.names()) != before {
		t.Errorf("objects were made: %v", w.names())
	}
}

func TestForeignObjectsAreNeverOverwritten(t *testing.T) {
	probe := newWorld(t)
	probe.must(probe.apply(orders()))
	for _, o := range probe.cluster.Objects() {
		t.Run(o.GetKind(), func(t *testing.T) {
			w := newWorld(t)
			w.process = func() *engine.Engine { // beside which Argo does nothing
				return engine.New(
					w.cluster,
					engine.Options{Random: w.random, Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }},
				)
			}
			w.engine = w.process()
			foreign := o.DeepCopy()
			foreign.SetLabels(map[string]string{"app": "theirs"})
			foreign.SetResourceVersion("")
			theirs, err := w.cluster.Create(t.Context(), foreign)
			w.must(err)
			if err := w.apply(orders()); err == nil || !strings.Contains(err.Error(), "never overwritten") {
				t.Fatalf("got %v", err)
			}
			now, err := w.cluster.Get(t.Context(), cluster.Kind(o.GetKind()), "data", o.GetName())
			w.must(err)
			if now.GetResourceVersion() != theirs.GetResourceVersion() {
				t.Error("the object was changed")
			}
			if left := w.names(); len(left) != 1 {
				t.Errorf("the failed creation left %v", left)
			}
		})
	}
}

func TestStalePlan(t *testing.T) {
	w := newWorld(t)
	w.argo.fails = func(lo, _ int64) bool { return lo == 10 || lo == 45 }
	w.must(w.apply(orders()))
	w.argo.finish()
	_, err := w.refresh("orders")
	w.must(err)
	next, _ := w.plan(orders())
	// Somebody else repairs one partition meanwhile, with the same token.
	w.argo.fails = func(lo, _ int64) bool { return lo == 10 }
	w.must(w.apply(orders()))
	w.argo.finish()
	w.cluster.ResetCalls()
	_, diags := w.engine.Update(
		t.Context(),
		engine.Submission{Value: orders().value(t), Owner: w.kept.owner, Planned: next, Pinned: true},
	)
	if codeOf(diags) != diag.CodeStalePlan {
		t.Fatalf("got %v", diags)
	}
	if n := count(w.cluster.Calls(), "create"); n > 0 {
		t.Errorf("%d objects were created", n)
	}
}

func TestTemplateEditedByHandIsRestored(t *testing.T) {
	w := newWorld(t)
	w.argo.fails = func(lo, _ int64) bool { return lo == 10 }
	w.must(w.apply(orders()))
	w.argo.finish()
	_, err := w.refresh("orders")
	w.must(err)
	name := ""
	for _, o := range w.cluster.Objects() {
		if o.GetKind() == "WorkflowTemplate" {
			name = o.GetName()
		}
	}
	_, err = w.cluster.Patch(t.Context(), cluster.WorkflowTemplate, "data", name, []byte(`{"spec":{"templates":[]}}`))
	w.must(err)
	w.must(w.apply(orders()))
	o, err := w.cluster.Get(t.Context(), cluster.WorkflowTemplate, "data", name)
	w.must(err)
	if templates, _ := o.Object["spec"].(map[string]any)["templates"].([]any); len(templates) == 0 {
		t.Error("the template was not restored")
	}
}

func TestCompileIsOffline(t *testing.T) {
	c, diags := compile.Value(orders().value(t), ledger.Set{}, 7)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var kinds []string
	for _, o := range c.Objects() {
		kinds = append(kinds, o.GetKind()+"/"+o.GetName())
	}
	if got := strings.Join(kinds, " "); got != "WorkflowTemplate/"+c.Spec.Template+" Workflow/orders-r7" {
		t.Errorf("objects: %s", got)
	}
}

// TestRefreshOfManyJobs demands that refreshing finished jobs takes a number of
// requests that does not grow with them.
func TestRefreshOfManyJobs(t *testing.T) {
	w := newWorld(t)
	const jobs = 50
	states := make([]*remembered, jobs)
	for i := range jobs {
		w.kept = nil
		w.must(w.apply(orders().with("name", fmt.Sprintf("orders-%d", i))))
		states[i] = w.kept
	}
	requests := func() int {
		e := w.process()
		w.cluster.ResetCalls()
		for i := range jobs {
			o, diags := e.ObserveKnown(t.Context(), "data", fmt.Sprintf("orders-%d", i), states[i].known)
			w.must(errorOf(diags))
			if o.Name != fmt.Sprintf("orders-%d", i) {
				t.Fatalf("got %s", o.Name)
			}
		}
		return len(w.cluster.Calls())
	}
	w.argo.finish()
	// Two reads each of records and runs; to merge a run, three writes and what
	// the run has left.
	if n := requests(); n != 4+6*jobs {
		t.Errorf("%d requests to merge %d runs", n, jobs)
	}
	if n := requests(); n != 2 {
		t.Errorf("%d requests to refresh %d finished jobs: %v", n, jobs, w.cluster.Calls())
	}
}

// TestListServesOneRefresh counts the lists of a refresh that takes long, and of
// others.
func TestListServesOneRefresh(t *testing.T) {
	w := newWorld(t)
	const jobs = 70
	for i := range jobs {
		w.kept = nil
		w.must(w.apply(orders().with("name", fmt.Sprintf("orders-%d", i))))
	}
	w.argo.finish()
	now := start
	lists := func(between time.Duration, names ...int) int {
		o := w.options()
		o.Now = func() time.Time { return now }
		e := engine.New(w.cluster, o)
		w.cluster.ResetCalls()
		for _, i := range names {
			now = now.Add(between)
			_, diags := e.ObserveKnown(t.Context(), "data", fmt.Sprintf("orders-%d", i), nil)
			w.must(errorOf(diags))
		}
		return count(w.cluster.Calls(), "list")
	}
	all := make([]int, jobs)
	for i := range all {
		all[i] = i
	}
	lists(time.Second, all...) // merges the runs
	for _, test := range []struct {
		name    string
		between time.Duration
		jobs    []int
		lists   int
	}{
		{"quick", 0, all, 1},
		{"slow", 5 * time.Second, all[:50], 1},
		{"longer than a list may serve", 5 * time.Second, all, 2},
		{"with pauses, as if each read were a refresh", 6 * time.Second, all, 0},
		{"twice", time.Second, slices.Concat(all, all), 2},
	} {
		if n := lists(test.between, test.jobs...); n != test.lists {
			t.Errorf("%s: %d lists, want %d", test.name, n, test.lists)
		}
	}
}

func TestTemplatesLeaveWithTheHistory(t *testing.T) {
	w := newWorld(t)
	for i := range 25 {
		w.must(w.apply(orders().image(fmt.Sprintf("example.com/orders:%d", i)).between(0, int64(5*i+5), 5)))
		w.argo.finish()
	}
	n := 0
	for _, o := range w.cluster.Objects() {
		if o.GetKind() == "WorkflowTemplate" {
			n++
		}
	}
	if n != 20 {
		t.Errorf("%d templates are left of 25, want those of the last 20 runs", n)
	}
	w.exactly(0, 125, 1)
}
