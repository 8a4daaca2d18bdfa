// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// bracketed is the job with setup and teardown.
func bracketed() declared {
	container := object{"image": "ops", "command": []any{"ops"}}
	return orders().with("setup", container).with("teardown", container)
}

func (w *world) ran(setups, teardowns int) {
	w.Helper()
	if w.argo.once["setup"] != setups || w.argo.once["teardown"] != teardowns {
		w.Errorf("setup and teardown ran %v times, want %d and %d", w.argo.once, setups, teardowns)
	}
}

func TestSetupThatFailsStartsNothing(t *testing.T) {
	w := newWorld(t)
	d := bracketed()
	w.argo.broken = map[string]string{"setup": "main: Error (exit code 3)"}
	o := w.runs(d)
	w.shows(o, state.PhaseFailed, "orders-r1", "")
	if o.SetupError() != "main: Error (exit code 3)" || o.FailedCount() != 0 || o.TeardownError() != "" ||
		len(observe.Troubles(o)) > 0 {
		t.Errorf("observed %+v", o)
	}
	w.ran(1, 1)
	next, empty := w.plan(d)
	if empty || next.Partitions != 12 ||
		!strings.Contains(
			next.Because,
			"The setup of run orders-r1 failed, and nothing else was started: main: Error (exit code 3).",
		) {
		t.Errorf("the next plan is %+v", next)
	}
	w.argo.broken = nil
	o = w.runs(d)
	w.shows(o, state.PhaseComplete, "orders-r2", "[0,60)")
	if o.SetupError() != "" {
		t.Errorf("the setup of the last run is said to have failed: %q", o.SetupError())
	}
	w.ran(2, 2)
	w.exactly(0, 60, 1)
}

func TestTeardownThatFailsIsAWarning(t *testing.T) {
	w := newWorld(t)
	d := bracketed()
	w.argo.broken = map[string]string{"teardown": "main: Error (exit code 4)"}
	w.argo.fails = func(lo, _ int64) bool { return lo == 10 }
	o := w.runs(d)
	w.shows(o, state.PhaseFailed, "orders-r1", "[0,10) [15,60)")
	w.argo.fails = func(int64, int64) bool { return false }
	o = w.runs(d)
	w.shows(o, state.PhaseComplete, "orders-r2", "[0,60)")
	// Merged into the record by now, it is still told.
	for range 2 {
		troubles := observe.Troubles(o)
		if len(troubles) != 1 || troubles.HasErrors() || diag.CodeOf(troubles[0]) != diag.CodeTeardown ||
			!strings.Contains(troubles[0].Detail, "orders-r2") ||
			!strings.Contains(troubles[0].Detail, "exit code 4") {
			t.Fatalf("troubles %v", troubles)
		}
		var err error
		o, err = w.refresh("orders")
		w.must(err)
	}
	if next, empty := w.plan(d); !empty {
		t.Errorf("a teardown that failed is drift: %+v", next)
	}
	w.ran(2, 2)
	w.exactly(0, 60, 1)
}

// A run that ends at a gate is a run: it has its own setup and teardown.
func TestEveryRunHasItsSetupAndTeardown(t *testing.T) {
	w := newWorld(t)
	container := object{"image": "ops", "command": []any{"ops"}}
	d := cautious().with("setup", container).with("teardown", container)
	w.shows(w.runs(d), state.PhaseAwaitingApproval, "orders-r1", "[0,5)")
	w.ran(1, 1)
	w.policy.ApprovedWave = approve(9)
	w.shows(w.runs(d), state.PhaseComplete, "orders-r2", "[0,60)")
	w.ran(2, 2)
}

// A changed teardown is a new template: what is done stays done.
func TestChangedTeardownRunsNothingAgain(t *testing.T) {
	w := newWorld(t)
	w.shows(w.runs(bracketed()), state.PhaseComplete, "orders-r1", "[0,60)")
	if next, empty := w.plan(
		bracketed().with("teardown", object{"image": "ops:2", "command": []any{"ops"}}),
	); next != nil {
		t.Errorf("planned is %+v (empty %t)", next, empty)
	}
}

// A stop reaches the partitions, and the teardown still runs.
func TestStoppedRunIsTornDown(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(bracketed()))
	w.argo.tick(2)
	_, diags := w.engine.Stop(t.Context(), "data", "orders")
	w.must(errorOf(diags))
	w.argo.finish()
	o, err := w.refresh("orders")
	w.must(err)
	if o.Phase != state.PhaseIncomplete || o.SetupError() != "" || o.TeardownError() != "" {
		t.Errorf("observed %+v", o)
	}
	w.ran(1, 1)
}
