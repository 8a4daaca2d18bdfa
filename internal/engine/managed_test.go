// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// field is a place in an object: names of fields, and numbers of elements.
type field []any

func (f field) String() string {
	parts := make([]string, len(f))
	for i, part := range f {
		parts[i] = fmt.Sprint(part)
	}
	return strings.Join(parts, ".")
}

// fieldsOf lists every leaf below a value, and every object and list that is
// empty.
func fieldsOf(at field, v any) []field {
	var all []field
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			all = append(all, fieldsOf(append(slices.Clone(at), name), v[name])...)
		}
	case []any:
		for i := range v {
			all = append(all, fieldsOf(append(slices.Clone(at), i), v[i])...)
		}
	}
	if len(all) == 0 {
		return []field{at}
	}
	return all
}

// edit changes or removes one field of an object.
func edit(v any, at field, remove bool) any {
	if len(at) == 0 {
		switch v := v.(type) {
		case string:
			return v + "7"
		case int64:
			return v + 1
		case bool:
			return !v
		}
		return "7"
	}
	switch v := v.(type) {
	case map[string]any:
		name := at[0].(string)
		if remove && len(at) == 1 {
			delete(v, name)
			return v
		}
		v[name] = edit(v[name], at[1:], remove)
	case []any:
		v[at[0].(int)] = edit(v[at[0].(int)], at[1:], remove)
	}
	return v
}

// managed are the objects of a job that its active run depends on, with the
// fields of each that this program wrote.
func managed(objects []manifest.Object) map[string][]field {
	all := map[string][]field{}
	for _, o := range objects {
		if o.GetKind() == "ConfigMap" && strings.HasSuffix(o.GetName(), "-backfill") || o.GetLabels()["backfill.dev/shard"] != "" && o.GetKind() == "Workflow" {
			continue
		}
		found := append(fieldsOf(field{"spec"}, o.Object["spec"]), fieldsOf(field{"data"}, o.Object["data"])...)
		for _, where := range []string{"labels", "annotations"} {
			found = append(found, fieldsOf(field{"metadata", where}, o.Object["metadata"].(map[string]any)[where])...)
		}
		all[o.GetKind()+"/"+o.GetName()] = slices.DeleteFunc(found, func(f field) bool { return len(f) == 1 || len(f) == 2 && f[0] == "metadata" })
	}
	return all
}

// managedJobs are of each shape of run: one Workflow and launchers, by
// arithmetic and by data.
func managedJobs() map[string]declared {
	odd := orders().with("reason", "why").with("partition", map[string]any{"range": map[string]any{"boundaries": []int64{0, 3, 17, 20, 60}}})
	return map[string]declared{
		"one Workflow":   orders().with("spot", map[string]any{"provider": "gke"}).with("anchor", map[string]any{"mode": "protect"}),
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
			if o := w.observe("orders"); o.Phase != engine.Complete || o.Run != "orders-r1" {
				t.Errorf("phase %s of %s", o.Phase, o.Run)
			}
			w.exactly(0, 60, 1)
		})
	}
}

// unwatched are fields that the run does not depend on: notes of what was
// declared when it began. The record says what is declared now.
func unwatched(f field) bool {
	name := f[len(f)-1]
	return name == "backfill.dev/reason" || name == "backfill.dev/declaration"
}

func (w *world) editAndHeal(d declared, kind cluster.Kind, name string, f field, remove bool) {
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
	edit(after.Object, f, remove)
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
