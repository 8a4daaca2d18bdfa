// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// A canary is followed while its run is active, and remembered by the record.
func TestCanaryState(t *testing.T) {
	w := newWorld(t)
	is := func(when string, want state.CanaryState) {
		t.Helper()
		if o := w.observe("orders"); o.CanaryState != want {
			t.Errorf("%s: %s, want %s", when, o.CanaryState, want)
		}
	}
	w.must(w.apply(orders()))
	is("without one", state.CanaryNone)
	w = newWorld(t)
	d := orders().with("canary", map[string]any{"partitions": 1})
	bad := func(lo, _ int64) bool { return lo == 0 }
	w.argo.fails = bad
	w.must(w.apply(d))
	is("submitted", state.CanaryPending)
	w.argo.finish()
	is("failed", state.CanaryBroken)
	is("failed, from the record", state.CanaryBroken)
	w.argo.fails = func(lo, _ int64) bool { return lo == 20 }
	w.must(w.apply(d))
	is("again", state.CanaryPending)
	w.argo.tick(3)
	is("while the rest runs", state.CanaryPassed)
	w.argo.finish()
	is("ended", state.CanaryPassed)
	w.argo.fails = bad
	w.must(w.apply(d))
	is("left out, because it has succeeded", state.CanaryPassed)
	w.must(w.apply(d.image("example.com/orders:2")))
	is("of another template", state.CanaryPending)
	if _, diags := w.engine.Stop(t.Context(), "data", "orders"); diags.HasErrors() {
		t.Fatal(diags)
	}
	w.argo.finish()
	is("stopped before its end", state.CanaryLost)
}
