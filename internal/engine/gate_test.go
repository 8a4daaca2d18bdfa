// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// object is a nested object of a declaration.
type object = map[string]any

// runs applies and lets the run end; it returns what the next refresh shows.
func (w *world) runs(d declared) *state.Observation {
	w.Helper()
	w.must(w.apply(d))
	w.argo.finish()
	o, err := w.refresh("orders")
	w.must(err)
	return o
}

// shows demands a phase, a run and what is done.
func (w *world) shows(o *state.Observation, phase state.Phase, run, done string) {
	w.Helper()
	if o.Phase != phase || o.LatestRun() != run || o.DoneText() != done {
		w.Fatalf("phase %s of %s, done %s; want %s of %s, %s", o.Phase, o.LatestRun(), o.DoneText(), phase, run, done)
	}
}

func approve(n int) *int { return &n }

// The job has 12 partitions of 5 keys; with shards of 2 and a canary of one the
// waves have 1, 2 and 3 shards: [5,15), [15,35), [35,60).
func cautious() declared {
	return orders().with("shard_size", 2).
		with("canary", object{"partitions": 1, "approve": "manual"}).
		with("wave", object{"approve": "manual"})
}

func TestRunsEndAtGates(t *testing.T) {
	w := newWorld(t)
	d := cautious()
	if next, _ := w.plan(
		d,
	); next.Partitions != 1 || next.Intervals != "[0,5)" ||
		!strings.Contains(next.Because, "1 run now; wave 1 and what follows it wait for approval") {
		t.Errorf("the first plan is %+v", next)
	}
	w.shows(w.runs(d), state.PhaseAwaitingApproval, "orders-r1", "[0,5)")
	if next, empty := w.plan(d); !empty {
		t.Errorf("waiting for approval is drift: %+v", next)
	}
	w.policy.ApprovedWave = approve(0)
	w.shows(w.runs(d), state.PhaseAwaitingApproval, "orders-r2", "[0,15)")
	if _, empty := w.plan(d); !empty {
		t.Error("an approval that was used is drift")
	}
	w.policy.ApprovedWave = approve(1)
	w.shows(w.runs(d), state.PhaseAwaitingApproval, "orders-r3", "[0,35)")
	w.policy.ApprovedWave = approve(9)
	w.shows(w.runs(d), state.PhaseComplete, "orders-r4", "[0,60)")
	w.exactly(0, 60, 1)
}

func TestApprovalsOpenAllGatesUpToOne(t *testing.T) {
	w := newWorld(t)
	w.policy.ApprovedWave = approve(1)
	w.shows(w.runs(cautious()), state.PhaseAwaitingApproval, "orders-r1", "[0,35)")
}

func TestFailuresWaitAtGates(t *testing.T) {
	w := newWorld(t)
	d := cautious().with("canary", object{"partitions": 1})
	w.argo.fails = func(lo, _ int64) bool { return lo == 10 }
	o := w.runs(d)
	w.shows(o, state.PhaseAwaitingApproval, "orders-r1", "[0,10)")
	if o.FailedText() != "[10,15)" {
		t.Errorf("failed %s", o.FailedText())
	}
	if _, empty := w.plan(d); !empty {
		t.Error("a failure before a gate is run again without approval")
	}
	w.argo.fails = func(int64, int64) bool { return false }
	w.policy.ApprovedWave = approve(1)
	// Wave 2 has two shards, of what remains: the failed partition and three more.
	w.shows(w.runs(d), state.PhaseAwaitingApproval, "orders-r2", "[0,30)")
}

func TestApproveCommand(t *testing.T) {
	w := newWorld(t)
	d := cautious()
	if _, diags := w.engine.Approve(t.Context(), "data", "orders"); !diags.HasErrors() {
		t.Error("a job that does not exist was approved")
	}
	w.runs(d)
	o, diags := w.engine.Approve(t.Context(), "data", "orders")
	w.must(errorOf(diags))
	w.shows(o, state.PhasePending, "orders-r2", "[0,5)")
	if _, diags := w.engine.Approve(t.Context(), "data", "orders"); !diags.HasErrors() {
		t.Error("a running job was approved")
	}
	w.argo.finish()
	o, err := w.refresh("orders")
	w.must(err)
	w.shows(o, state.PhaseAwaitingApproval, "orders-r2", "[0,15)")
	if next, empty := w.plan(d); !empty {
		t.Errorf("after the command Terraform plans %+v", next)
	}
}

func TestRevisionResetsApprovals(t *testing.T) {
	w := newWorld(t)
	d := cautious()
	w.policy.ApprovedWave = approve(9)
	w.shows(w.runs(d), state.PhaseComplete, "orders-r1", "[0,60)")
	w.policy.Revision = "2"
	w.shows(w.runs(d), state.PhaseAwaitingApproval, "orders-r2", "[0,5)")
	w.policy.ApprovedWave = approve(0)
	w.shows(w.runs(d), state.PhaseAwaitingApproval, "orders-r3", "[0,15)")
	w.exactly(0, 15, 2)
	w.exactly(15, 60, 1)
}

func TestCanaryIsNotRepeated(t *testing.T) {
	w := newWorld(t)
	d := orders().with("shard_size", 2).with("canary", object{"partitions": 1})
	w.argo.fails = func(lo, _ int64) bool { return lo == 0 }
	o := w.runs(d)
	w.shows(o, state.PhaseFailed, "orders-r1", "")
	next, _ := w.plan(d)
	if next == nil || !strings.Contains(next.Because, "The canary of run orders-r1 failed") {
		t.Errorf("the plan after a failed canary is %+v", next)
	}
	w.argo.fails = func(lo, _ int64) bool { return lo == 50 }
	w.shows(w.runs(d), state.PhaseFailed, "orders-r2", "[0,50) [55,60)")
	hasCanary := func(run string) bool {
		for _, name := range w.names() {
			if name == "ConfigMap/"+run+"-d-canary" || name == "ConfigMap/"+run+"-d0" {
				return true
			}
		}
		return false
	}
	w.must(w.apply(d))
	if !hasCanary("orders-r2") || hasCanary("orders-r3") {
		t.Errorf("run 2 should have a canary and run 3 none: %v", w.names())
	}
	w.argo.finish()
	w.must(w.apply(d.image("example.com/orders:2")))
	if !hasCanary("orders-r4") {
		t.Errorf("a new template has no canary: %v", w.names())
	}
}

func TestBudgetIsNamedAsTheReason(t *testing.T) {
	w := newWorld(t)
	d := orders().with("shard_size", 1).with("failure_budget", object{"max_failed": 1})
	w.argo.fails = func(lo, _ int64) bool { return lo < 10 }
	w.shows(w.runs(d), state.PhaseFailed, "orders-r1", "[10,15)")
	next, _ := w.plan(d)
	if next == nil || next.Partitions != 11 ||
		!strings.Contains(
			next.Because,
			"2 partitions failed, 9 did not finish. Run orders-r1 started no further wave, because more "+
				"partitions had failed than its failure budget allows",
		) {
		t.Errorf("the plan is %+v", next)
	}
}

func TestAStoppedRunIsNamedAsTheReason(t *testing.T) {
	w := newWorld(t)
	d := orders()
	w.must(w.apply(d))
	w.argo.tick(3)
	w.patch(cluster.Workflow, "orders-r1", `{"spec":{"shutdown":"Terminate"}}`) // as "argo terminate" does
	w.argo.finish()
	o, err := w.refresh("orders")
	w.must(err)
	next, _ := w.plan(d)
	if o.Done.Empty() || next == nil || next.Partitions != o.RemainingCount() ||
		!strings.HasSuffix(next.Because, "did not finish. Run orders-r1 was stopped before its end.") {
		t.Errorf("with %s done, the plan is %+v", o.DoneText(), next)
	}
}
