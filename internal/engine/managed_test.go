// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/clustertest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// managed are the objects of a job that its active run depends on, with the
// fields of each that this program wrote.
func managed(objects []manifest.Object) map[string][]clustertest.Field {
	all := map[string][]clustertest.Field{}
	for _, o := range objects {
		if o.GetKind() == "ConfigMap" && strings.HasSuffix(o.GetName(), "-backfill") ||
			o.GetLabels()["backfill.dev/shard"] != "" && o.GetKind() == "Workflow" {
			continue
		}
		found := append(
			clustertest.Fields(clustertest.Field{"spec"}, o.Object["spec"]),
			clustertest.Fields(clustertest.Field{"data"}, o.Object["data"])...)
		for _, where := range []string{"labels", "annotations"} {
			found = append(
				found,
				clustertest.Fields(clustertest.Field{"metadata", where}, o.Object["metadata"].(map[string]any)[where])...)
		}
		all[o.GetKind()+"/"+o.GetName()] = slices.DeleteFunc(
			found,
			func(f clustertest.Field) bool { return len(f) == 1 || len(f) == 2 && f[0] == "metadata" },
		)
	}
	return all
}

// managedJobs are of each shape of run: one Workflow and launchers, by
// arithmetic and by data.
func managedJobs() map[string]declared {
	odd := orders().with("reason", "why").
		with("partition", map[string]any{"range": map[string]any{"boundaries": []int64{0, 3, 17, 20, 60}}})
	return map[string]declared{
		"one Workflow": orders().with("spot", map[string]any{"provider": "gke"}).
			with("anchor", map[string]any{"mode": "protect"}),
		"shards":         orders().with("shard_size", 5),
		"written out":    odd,
		"data of shards": odd.with("shard_size", 2).with("canary", map[string]any{"partitions": 1}),
	}
}

// TestEveryManagedFieldIsWatched changes and removes, one after the other, each
// field that this program wrote in an object that the active run depends on.
// It is one line of drift that names the field; the next apply heals it, and
// the run is as it was.
func TestEveryManagedFieldIsWatched(t *testing.T) {
	for name, d := range managedJobs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.must(w.apply(d))
			n := 0
			for what, fields := range managed(w.cluster.Objects()) {
				kind, object, _ := strings.Cut(what, "/")
				if kind == "WorkflowTemplate" && name != "one Workflow" {
					continue // it is the same for all shapes
				}
				for _, f := range fields {
					for _, remove := range []bool{false, true} {
						w.editAndHeal(d, cluster.Kind(kind), object, f, remove)
						n++
					}
				}
			}
			t.Logf("%d edits", n)
			w.argo.finish()
			if o := w.observe("orders"); o.Phase != state.PhaseComplete || o.LatestRun() != "orders-r1" {
				t.Errorf("phase %s of %s", o.Phase, o.LatestRun())
			}
			w.exactly(0, 60, 1)
		})
	}
}

// unwatched are fields that the run does not depend on: notes of what was
// declared when it began, for the record says what is declared now; and whether
// it is suspended, which the command line may decide where the declaration does not.
func unwatched(f clustertest.Field) bool {
	name := f[len(f)-1]
	return name == "backfill.dev/reason" || name == "backfill.dev/declaration" || name == "suspend"
}

func (w *world) editAndHeal(d declared, kind cluster.Kind, name string, f clustertest.Field, remove bool) {
	w.Helper()
	if unwatched(f) {
		return
	}
	if _, byNumber := f[len(f)-1].(int); byNumber && remove {
		return
	}
	before, err := w.cluster.Get(w.Context(), kind, "data", name)
	w.must(err)
	after := before.DeepCopy()
	clustertest.Edit(after.Object, f, remove)
	_, err = w.cluster.Update(w.Context(), after)
	w.must(err)
	o, err := w.refresh("orders")
	if err != nil {
		w.Errorf("%s %s, %s edited: %v", kind, name, f, err)
		return
	}
	lines := 1
	if f[len(f)-1] == "name" {
		lines = 2 // one is gone, and another was added
	}
	if len(o.Drift) == 0 || len(o.Drift) > lines || lines == 1 && !strings.Contains(o.Drift[0], fmt.Sprint(f[len(f)-1])) {
		w.Errorf("%s %s, %s edited: drift %q", kind, name, f, o.Drift)
	}
	if _, empty := w.plan(d); empty {
		w.Errorf("%s %s, %s edited: the plan is empty", kind, name, f)
	}
	w.must(w.apply(d))
	if o, err = w.refresh("orders"); err != nil || len(o.Drift) > 0 {
		w.Fatalf("%s %s, %s edited and healed: drift %q, %v", kind, name, f, o.Drift, err)
	}
	healed, err := w.cluster.Get(w.Context(), kind, "data", name)
	w.must(err)
	if f[len(f)-1] == "name" {
		return // the renamed element stays besides the right one, as one that a controller's defaults add
	}
	for _, part := range []string{"spec", "data"} {
		if fmt.Sprint(healed.Object[part]) != fmt.Sprint(before.Object[part]) {
			w.Fatalf("%s %s, %s edited: healed is\n%v\nand was\n%v", kind, name, f, healed.Object[part], before.Object[part])
		}
	}
}
