// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/apply"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

var sharedPool = apply.Pool{Namespace: "data", Name: "shared", Size: 2}

// inPool is a world with a pool, and a job of it that runs.
func inPool(t *testing.T) (*world, declared) {
	w, d := newWorld(t), orders().with("pool", "shared")
	if problem := w.engine.CreatePool(t.Context(), sharedPool); problem != nil {
		t.Fatal(problem)
	}
	w.must(w.apply(d))
	w.argo.tick(4)
	return w, d
}

func yes(b bool) *bool { return &b }

func TestRunWithoutItsPoolIsNotSubmitted(t *testing.T) {
	w := newWorld(t)
	if err := w.apply(
		orders().with("pool", "shared"),
	); err == nil || !strings.Contains(err.Error(), "backfill_pool") ||
		len(w.names()) != 0 {
		t.Errorf("got %v, and %v", err, w.names())
	}
	w, d := inPool(t)
	w.argo.finish()
	w.must(errorOf(nil))
	w.patch(cluster.ConfigMap, "backfill-pool-shared", `{"data":{"shards":"none"}}`)
	if err := w.apply(d.between(0, 100, 5)); err == nil || !strings.Contains(err.Error(), "no size") {
		t.Errorf("got %v", err)
	}
}

// A job of a pool that is paused has no run; resumed, it gets one for what is
// left, whatever is to happen to failures.
func TestPausedJobLeavesItsPool(t *testing.T) {
	for _, rerun := range []string{state.RerunAuto, state.RerunManual} {
		w, d := inPool(t)
		w.policy.Rerun, w.policy.Paused = rerun, yes(true)
		w.must(w.apply(d))
		w.argo.finish()
		o, err := w.refresh("orders")
		w.must(err)
		if o.Phase != state.PhasePaused || o.DoneCount() == 0 || o.RemainingCount() == 0 {
			t.Fatalf("phase %s, %d done, %d remaining", o.Phase, o.DoneCount(), o.RemainingCount())
		}
		if next, empty := w.plan(d); !empty {
			t.Errorf("a paused job is drift: %+v", next)
		}
		if next, _ := w.plan(d.image("example.com/orders:2")); next != nil {
			t.Errorf("a paused job is to run: %+v", next)
		}
		w.policy.Paused = nil
		if next, _ := w.plan(
			d,
		); next == nil || next.Partitions != o.RemainingCount() ||
			!strings.Contains(next.Because, "stopped when the job was paused") {
			t.Errorf("the plan to resume is %+v", next)
		}
		w.shows(w.runs(d), state.PhaseComplete, "orders-r2", "[0,60)")
		w.exactly(0, 60, 1)
	}
}

// The job goes on although its run has not quite ended.
func TestResumedWhileItsRunIsBeingStopped(t *testing.T) {
	w, d := inPool(t)
	w.policy.Paused = yes(true)
	w.must(w.apply(d))
	w.policy.Paused = yes(false)
	w.must(w.apply(d))
	w.argo.finish()
	o, err := w.refresh("orders")
	w.must(err)
	w.shows(o, state.PhaseComplete, "orders-r2", "[0,60)")
}

func TestPauseAndResumeCommandsInAPool(t *testing.T) {
	w, d := inPool(t)
	_, diags := w.engine.Pause(t.Context(), "data", "orders")
	w.must(errorOf(diags))
	w.argo.finish()
	o, err := w.refresh("orders")
	w.must(err)
	if o.Phase != state.PhasePaused || o.Policy.Paused != nil {
		t.Fatalf("phase %s, paused %v", o.Phase, o.Policy.Paused)
	}
	if next, empty := w.plan(d); !empty {
		t.Errorf("a job paused by the command line is drift: %+v", next)
	}
	o, diags = w.engine.Resume(t.Context(), "data", "orders")
	w.must(errorOf(diags))
	if o.LatestRun() != "orders-r2" {
		t.Errorf("resumed, the run is %s", o.LatestRun())
	}
	w.argo.finish()
	o, err = w.refresh("orders")
	w.must(err)
	w.shows(o, state.PhaseComplete, "orders-r2", "[0,60)")
	if next, empty := w.plan(d); !empty {
		t.Errorf("after the commands Terraform plans %+v", next)
	}
}

// A job may be paused from its start: a run that never began holds no place.
func TestPausedFromTheStart(t *testing.T) {
	w, d := newWorld(t), orders().with("pool", "shared")
	if problem := w.engine.CreatePool(t.Context(), sharedPool); problem != nil {
		t.Fatal(problem)
	}
	w.policy.Paused = yes(true)
	w.must(w.apply(d))
	if o := w.observe("orders"); o.Phase != state.PhasePaused || o.DoneCount() != 0 {
		t.Errorf("phase %s", o.Phase)
	}
	w.policy.Paused = yes(false)
	w.shows(w.runs(d), state.PhaseComplete, "orders-r1", "[0,60)")
}

func TestPoolsAreKeptWhileTheyAreNeeded(t *testing.T) {
	w, _ := inPool(t)
	if problem := w.engine.CreatePool(
		t.Context(),
		sharedPool,
	); problem == nil ||
		diag.CodeOf(problem) != diag.CodePoolExists {
		t.Errorf("creating it again gave %v", problem)
	}
	if problem := w.engine.DeletePool(
		t.Context(),
		"data",
		"shared",
	); problem == nil || diag.CodeOf(problem) != diag.CodePoolInUse ||
		!strings.Contains(problem.Detail, "orders") {
		t.Errorf("deleting it gave %v", problem)
	}
	if problem := w.engine.ResizePool(
		t.Context(),
		apply.Pool{Namespace: "data", Name: "shared", Size: 9},
	); problem != nil {
		t.Error(problem)
	}
	if p, problem := w.engine.ReadPool(t.Context(), "data", "shared"); problem != nil || p.Size != 9 {
		t.Errorf("got %v, %v", p, problem)
	}
	w.argo.finish()
	if problem := w.engine.DeletePool(t.Context(), "data", "shared"); problem != nil {
		t.Error(problem)
	}
	if p, problem := w.engine.ReadPool(t.Context(), "data", "shared"); p != nil || problem != nil {
		t.Errorf("got %v, %v", p, problem)
	}
	if problem := w.engine.ResizePool(t.Context(), sharedPool); problem == nil || diag.CodeOf(problem) != diag.CodeNoPool {
		t.Errorf("got %v", problem)
	}
}

// A run that waits for its pool does not notice that it is to stop, but that
// its time is over.
func TestStoppingWhatWaits(t *testing.T) {
	w, _ := inPool(t)
	w.patch(cluster.Workflow, "orders-r1", `{"status":{"phase":"Running","nodes":null}}`)
	w.patch(
		cluster.Workflow,
		"orders-r1",
		`{"status":{"nodes":{"orders-r1":{"type":"Steps","phase":"Pending","synchronizationStatus":{"waiting":"data/ConfigMap/backfill-pool-shared/shards"}}}}}`,
	)
	_, diags := w.engine.Stop(t.Context(), "data", "orders")
	w.must(errorOf(diags))
	for _, o := range w.cluster.Objects() {
		if o.GetName() != "orders-r1" {
			continue
		}
		spec := o.Object["spec"].(map[string]any)
		if spec["shutdown"] != "Stop" || spec["activeDeadlineSeconds"] != int64(1) {
			t.Errorf("shutdown %v, deadline %v", spec["shutdown"], spec["activeDeadlineSeconds"])
		}
	}
}
