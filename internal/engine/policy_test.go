// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/decide"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

func (w *world) complete(run string) {
	w.Helper()
	w.argo.finish()
	o, err := w.refresh("orders")
	w.must(err)
	if o.Phase != state.PhaseComplete || o.LatestRun() != run {
		w.Errorf("phase %s of %s, want Complete of %s", o.Phase, o.LatestRun(), run)
	}
}

func TestRevisionReprocesses(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	w.complete("orders-r1")
	w.policy.Revision = "2"
	next, _ := w.plan(orders())
	if next == nil || next.Partitions != 12 ||
		!strings.Contains(next.Because, `from "" to "2": all 12 partitions will run again, including 12 that are done.`) {
		t.Fatalf("next run %+v", next)
	}
	w.policy.PreventReprocess = true
	known := w.kept.known
	if _, diags := decide.Declare(orders().value(t)).PlanWith(w.policy, known); codeOf(diags) != diag.CodeReprocess {
		t.Errorf("prevented plan: %v", diags)
	}
	if _, diags := w.engine.Update(
		t.Context(),
		engine.Submission{Value: orders().value(t), Owner: w.kept.owner, Policy: w.policy},
	); codeOf(
		diags,
	) != diag.CodeReprocess {
		t.Errorf("prevented update: %v", diags)
	}
	w.exactly(0, 60, 1)
	w.policy.PreventReprocess = false
	w.must(w.apply(orders()))
	w.complete("orders-r2")
	w.exactly(0, 60, 2)
	if _, empty := w.plan(orders()); !empty {
		t.Error("the plan is not empty")
	}
	// An import knows the revision from the record.
	w.kept = &remembered{known: &state.Observation{}}
	_, err := w.refresh("orders")
	w.must(err)
	if next, _ := w.plan(orders()); next != nil {
		t.Errorf("after an import: next run %+v", next)
	}
}

func TestRevisionInARunStopsIt(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	w.argo.tick(3)
	w.policy.Revision = "2"
	w.must(w.apply(orders()))
	w.complete("orders-r2")
	for k := int64(0); k < 60; k++ {
		if n := w.argo.times[k]; n != 1 && k >= 30 || n < 1 || n > 2 {
			t.Errorf("key %d was processed %d times", k, n)
		}
	}
}

func TestManualRerun(t *testing.T) {
	w := newWorld(t)
	w.policy = state.Policy{Rerun: state.RerunManual}
	w.argo.fails = func(lo, _ int64) bool { return lo == 10 }
	w.must(w.apply(orders()))
	w.argo.finish()
	w.argo.fails = func(int64, int64) bool { return false }
	_, err := w.refresh("orders")
	w.must(err)
	if next, empty := w.plan(orders()); !empty {
		t.Fatalf("next run %+v", next)
	}
	grown := orders().between(0, 70, 5)
	if next, _ := w.plan(grown); next == nil || next.Intervals != "[60,70)" {
		t.Fatalf("after the domain has grown: next run %+v", next)
	}
	w.policy.RerunToken = "once more"
	if next, _ := w.plan(orders()); next == nil || next.Intervals != "[10,15)" {
		t.Fatalf("with another token: next run %+v", next)
	}
	w.must(w.apply(orders()))
	w.complete("orders-r2")
	w.exactly(0, 60, 1)
}

func TestManualRerunGoesOnAfterAStop(t *testing.T) {
	w := newWorld(t)
	w.policy = state.Policy{Rerun: state.RerunManual}
	w.argo.fails = func(lo, _ int64) bool { return lo == 5 }
	w.must(w.apply(orders()))
	w.argo.tick(3)
	w.must(w.apply(orders().image("example.com/orders:2")))
	w.argo.fails = func(int64, int64) bool { return false }
	w.argo.finish()
	o, err := w.refresh("orders")
	w.must(err)
	if o.Phase != state.PhaseFailed || o.FailedText() != "[5,10)" || o.RemainingText() != "[5,10)" {
		t.Errorf("phase %s, failed %s, remaining %s", o.Phase, o.FailedText(), o.RemainingText())
	}
}

func TestRunnerEditMayLetTheRunFinish(t *testing.T) {
	w := newWorld(t)
	w.policy = state.Policy{OnChange: state.OnChangeFinish}
	w.argo.fails = func(lo, _ int64) bool { return lo == 10 }
	w.must(w.apply(orders()))
	w.argo.tick(4)
	edited := orders().image("example.com/orders:2")
	w.must(w.apply(edited))
	if o := w.observe("orders"); o.Phase != state.PhaseRunning || o.LatestRun() != "orders-r1" || len(o.Drift) != 0 {
		t.Fatalf("phase %s of %s, drift %q", o.Phase, o.LatestRun(), o.Drift)
	}
	w.argo.finish()
	_, err := w.refresh("orders")
	w.must(err)
	w.argo.fails = func(int64, int64) bool { return false }
	next, _ := w.plan(edited)
	if next == nil || next.Intervals != "[10,15)" {
		t.Fatalf("next run %+v", next)
	}
	w.must(w.apply(edited))
	w.complete("orders-r2")
	w.exactly(0, 60, 1)
}

func TestPaused(t *testing.T) {
	w := newWorld(t)
	yes, no := true, false
	w.policy.Paused = &yes
	w.must(w.apply(orders()))
	w.argo.tick(4)
	if o := w.observe("orders"); o.Phase != state.PhasePaused || o.DoneCount() != 0 || len(o.Drift) != 0 {
		t.Errorf("born paused: phase %s, %d done, drift %q", o.Phase, o.DoneCount(), o.Drift)
	}
	w.policy.Paused = &no
	w.must(w.apply(orders()))
	w.argo.tick(4)
	if o := w.observe("orders"); o.Phase != state.PhaseRunning || o.DoneCount() != 4 {
		t.Errorf("resumed: phase %s, %d done", o.Phase, o.DoneCount())
	}
	if _, diags := w.engine.Pause(t.Context(), "data", "orders"); diags.HasErrors() {
		t.Fatal(diags)
	}
	o, err := w.refresh("orders")
	w.must(err)
	if o.Phase != state.PhasePaused || len(o.Drift) != 1 {
		t.Errorf("paused by hand: phase %s, drift %q", o.Phase, o.Drift)
	}
	w.must(w.apply(orders()))
	w.complete("orders-r1")
	w.exactly(0, 60, 1)
}

// An update that pauses or resumes a run returns the job as it is after that.
func TestAnUpdateShowsThePauseThatItMade(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	w.argo.tick(3)
	for _, paused := range []bool{true, false} {
		w.policy.Paused = &paused
		w.must(w.apply(orders()))
		want := map[bool]state.Phase{true: state.PhasePaused, false: state.PhaseRunning}[paused]
		if got := w.kept.known.Phase; got != want {
			t.Errorf("paused = %t: the phase is %s, want %s", paused, got, want)
		}
	}
}
