// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

func TestMaxParallelChangesWhileRunning(t *testing.T) {
	for _, test := range []struct {
		size, to   int
		run, child int64
	}{{500, 3, 3, 0}, {500, 40, 40, 0}, {4, 2, 1, 1}, {4, 40, 3, 13}} {
		w := newWorld(t)
		d := orders().with("shard_size", test.size)
		w.must(w.apply(d))
		w.argo.tick(1)
		w.must(w.apply(d.with("max_parallel", test.to)))
		for name, got := range w.workflows() {
			want := test.run
			if name != "orders-r1" {
				want = test.child
			}
			if got != want {
				t.Errorf("max_parallel %d: parallelism of %s is %d, want %d", test.to, name, got, want)
			}
		}
		w.argo.finish()
		if o := w.observe("orders"); o.Phase != state.PhaseComplete || o.LatestRun() != "orders-r1" {
			t.Errorf("phase %s of %s", o.Phase, o.LatestRun())
		}
		w.exactly(0, 60, 1)
	}
}

func TestEditsByHandAreDrift(t *testing.T) {
	tests := map[string]struct {
		edit func(*world, string)
		want string
	}{
		"parallelism": {
			func(w *world, _ string) { w.patch(cluster.Workflow, "orders-r1", `{"spec":{"parallelism":1}}`) },
			"spec.parallelism is 1 and was written as 10",
		},
		"template": {func(w *world, template string) {
			w.patch(cluster.WorkflowTemplate, template, `{"spec":{"templates":[]}}`)
		}, "spec.templates is []"},
		"template gone": {func(w *world, template string) {
			w.must(w.cluster.Delete(w.Context(), cluster.WorkflowTemplate, "data", template, ""))
		}, "was deleted while run orders-r1 needs it"},
		"record gone": {func(w *world, _ string) {
			w.must(w.cluster.Delete(w.Context(), cluster.ConfigMap, "data", "orders-backfill", ""))
		}, "ConfigMap data/orders-backfill, is gone"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.must(w.apply(orders()))
			w.argo.tick(2)
			o, err := w.refresh("orders")
			w.must(err)
			if len(o.Drift) != 0 {
				t.Fatalf("drift without an edit: %q", o.Drift)
			}
			test.edit(w, o.Template())
			o, err = w.refresh("orders")
			w.must(err)
			if len(o.Drift) != 1 || !strings.Contains(o.Drift[0], test.want) {
				t.Fatalf("drift %q, want %q", o.Drift, test.want)
			}
			if _, empty := w.plan(orders()); empty {
				t.Error("the plan is empty")
			}
			w.must(w.apply(orders()))
			o, err = w.refresh("orders")
			w.must(err)
			if len(o.Drift) != 0 {
				t.Errorf("drift after the apply: %q", o.Drift)
			}
			w.argo.finish()
			if o := w.observe("orders"); o.Phase != state.PhaseComplete || o.LatestRun() != "orders-r1" {
				t.Errorf("phase %s of %s", o.Phase, o.LatestRun())
			}
			w.exactly(0, 60, 1)
		})
	}
}

func TestImportTakesOver(t *testing.T) {
	w := newWorld(t)
	w.argo.fails = func(lo, _ int64) bool { return lo == 10 }
	w.must(w.apply(orders()))
	w.argo.finish()
	old := w.kept
	w.kept = &remembered{known: &state.Observation{}}
	_, err := w.refresh("orders")
	w.must(err)
	w.argo.fails = func(int64, int64) bool { return false }
	w.must(w.apply(orders()))
	if w.kept.owner == "" || w.kept.owner == old.owner {
		t.Errorf("owner %q after the import, %q before", w.kept.owner, old.owner)
	}
	w.argo.finish()
	imported := w.kept
	w.kept = old
	if err := w.apply(
		orders().between(0, 90, 5),
	); err == nil ||
		!strings.Contains(err.Error(), "another Terraform state") {
		t.Errorf("the old state may still write: %v", err)
	}
	w.kept = imported
	if o := w.observe("orders"); o.Phase != state.PhaseComplete || o.Total() != 12 {
		t.Errorf("phase %s, total %d", o.Phase, o.Total())
	}
	w.exactly(0, 60, 1)
}

// A shard whose pods are limited by hand, or that is suspended by itself, would
// hold the run up with nobody seeing why.
func TestEditsOfShardsAreDrift(t *testing.T) {
	for name, test := range map[string]struct{ patch, want string }{
		"lowered":   {`{"spec":{"parallelism":1}}`, "Workflow orders-r1-s0: spec.parallelism is 1 and was written as 4"},
		"raised":    {`{"spec":{"parallelism":99}}`, "Workflow orders-r1-s0: spec.parallelism is 99 and was written as 4"},
		"removed":   {`{"spec":{"parallelism":null}}`, "Workflow orders-r1-s0: spec.parallelism is 0 and was written as 4"},
		"suspended": {`{"spec":{"suspend":true}}`, "Workflow orders-r1-s0: spec.suspend is true and was written as false"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d := orders().with("shard_size", 4).with("max_parallel", 12)
			w.must(w.apply(d))
			w.argo.tick(1)
			o, err := w.refresh("orders")
			w.must(err)
			if len(o.Drift) != 0 {
				t.Fatalf("drift without an edit: %q", o.Drift)
			}
			before := w.workflows()
			w.patch(cluster.Workflow, "orders-r1-s0", test.patch)
			o, err = w.refresh("orders")
			w.must(err)
			if len(o.Drift) != 1 || !strings.Contains(o.Drift[0], test.want) {
				t.Fatalf("drift %q, want %q", o.Drift, test.want)
			}
			if _, empty := w.plan(d); empty {
				t.Error("the plan is empty")
			}
			w.must(w.apply(d))
			o, err = w.refresh("orders")
			w.must(err)
			if len(o.Drift) != 0 {
				t.Errorf("drift after the apply: %q", o.Drift)
			}
			for name, want := range before {
				if got := w.workflows()[name]; got != want {
					t.Errorf("parallelism of %s is %d, and was %d", name, got, want)
				}
			}
			w.argo.finish()
			if o := w.observe("orders"); o.Phase != state.PhaseComplete || o.LatestRun() != "orders-r1" {
				t.Errorf("phase %s of %s", o.Phase, o.LatestRun())
			}
			w.exactly(0, 60, 1)
		})
	}
}

// A live edit that leaves shards with fewer pods than new ones get is no drift,
// now and when some of them have ended.
func TestLoweredShardsAreNoDrift(t *testing.T) {
	w := newWorld(t)
	d := orders().between(0, 60, 1).with("shard_size", 10).with("max_parallel", 24)
	w.must(w.apply(d))
	w.argo.tick(1)
	for _, parallel := range []int{4, 9, 24, 1} {
		w.must(w.apply(d.with("max_parallel", parallel)))
		for range 3 {
			w.argo.tick(1)
			o, err := w.refresh("orders")
			w.must(err)
			if len(o.Drift) != 0 {
				t.Fatalf("max_parallel %d: drift %q", parallel, o.Drift)
			}
		}
	}
	w.argo.finish()
	w.exactly(0, 60, 1)
}

func TestImposedDefaultsAreSaid(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	w.argo.tick(1)
	warned := func() hcl.Diagnostics {
		o, diags := w.engine.Observe(t.Context(), "data", "orders")
		if diags.HasErrors() || len(o.Drift) > 0 {
			t.Fatalf("%v, drift %q", diags, o.Drift)
		}
		return diags
	}
	if diags := warned(); len(diags) > 0 {
		t.Errorf("without defaults: %v", diags)
	}
	w.patch(
		cluster.Workflow,
		"orders-r1",
		`{"spec":{"retryStrategy":{"limit":2},"synchronization":{"mutex":{"name":"all"}},"templateDefaults":{"memoize":{"key":"k"}}}}`,
	)
	diags := warned()
	if len(diags) != 1 || diag.CodeOf(diags[0]) != diag.CodeImposed {
		t.Fatalf("got %v", diags)
	}
	for _, want := range []string{"data/orders-r1", `"spec.synchronization" (`, `"spec.templateDefaults.memoize" (partitions may be taken for done`} {
		if !strings.Contains(diags[0].Detail, want) {
			t.Errorf("%q does not tell %q", diags[0].Detail, want)
		}
	}
	if strings.Contains(diags[0].Detail, "retryStrategy") {
		t.Error("what is kept out is warned of")
	}
	w.argo.finish()
	if diags := warned(); len(diags) > 0 {
		t.Errorf("after the run: %v", diags)
	}
}
