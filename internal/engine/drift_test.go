// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
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
		if o := w.observe("orders"); o.Phase != engine.Complete || o.Run != "orders-r1" {
			t.Errorf("phase %s of %s", o.Phase, o.Run)
		}
		w.exactly(0, 60, 1)
	}
}

func TestEditsByHandAreDrift(t *testing.T) {
	tests := map[string]struct {
		edit func(*world, string)
		want string
	}{
		"parallelism": {func(w *world, _ string) { w.patch(cluster.Workflow, "orders-r1", `{"spec":{"parallelism":1}}`) }, "spec.parallelism is 1 and was written as 10"},
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
			test.edit(w, o.Template)
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
			if o := w.observe("orders"); o.Phase != engine.Complete || o.Run != "orders-r1" {
				t.Errorf("phase %s of %s", o.Phase, o.Run)
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
	old := w.state
	w.state = &state{known: &engine.Known{}}
	_, err := w.refresh("orders")
	w.must(err)
	w.argo.fails = func(int64, int64) bool { return false }
	w.must(w.apply(orders()))
	if w.state.owner == "" || w.state.owner == old.owner {
		t.Errorf("owner %q after the import, %q before", w.state.owner, old.owner)
	}
	w.argo.finish()
	imported := w.state
	w.state = old
	if err := w.apply(orders().between(0, 90, 5)); err == nil || !strings.Contains(err.Error(), "another Terraform state") {
		t.Errorf("the old state may still write: %v", err)
	}
	w.state = imported
	if o := w.observe("orders"); o.Phase != engine.Complete || o.Total != 12 {
		t.Errorf("phase %s, total %d", o.Phase, o.Total)
	}
	w.exactly(0, 60, 1)
}
