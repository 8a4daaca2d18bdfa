// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/access"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// permits lists what a Role of the access permits, as "verb resource".
func permits(a access.Access, role string) map[string]bool {
	out := map[string]bool{}
	for _, o := range access.Roles(a) {
		if o.GetKind() != "Role" || o.GetName() != role {
			continue
		}
		rules, _, _ := unstructured.NestedSlice(o.Object, "rules")
		for _, r := range rules {
			rule := r.(map[string]any)
			for _, verb := range rule["verbs"].([]any) {
				out[verb.(string)+" "+rule["resources"].([]any)[0].(string)] = true
			}
		}
	}
	return out
}

func asked(calls []cluster.Call) map[string]bool {
	out := map[string]bool{}
	for _, c := range calls {
		out[c.Verb+" "+cluster.Resource(c.Kind).Resource] = true
	}
	return out
}

func keysOf(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }

// The Role of whoever applies jobs permits what a life of jobs asks for, and
// nothing that it does not.
func TestRoleOfTheProviderIsWhatIsAskedFor(t *testing.T) {
	w := newWorld(t)
	noted := map[string]bool{}
	note := func() {
		maps.Copy(noted, asked(w.cluster.Calls()))
		w.cluster.ResetCalls()
	}
	// What the tests themselves and Argo ask for does not count.
	as := func(do func()) {
		note()
		do()
		w.cluster.ResetCalls()
	}
	// Scattered keys need data, which is bound to its run when that has ended.
	w.argo.fails = func(lo, _ int64) bool { return lo == 5 || lo == 25 || lo == 50 }
	w.must(w.apply(orders()))
	as(w.argo.finish)
	w.argo.fails = func(int64, int64) bool { return false }
	w.must(w.apply(orders()))
	as(w.argo.finish)
	_, err := w.refresh("orders")
	w.must(err)
	note()
	w = newWorld(t)
	w.must(w.apply(orders().with("target", "t")))
	as(func() {
		w.argo.tick(2)
		for _, o := range w.cluster.Objects() {
			if o.GetKind() == "WorkflowTemplate" {
				w.patch(
					cluster.WorkflowTemplate,
					o.GetName(),
					`{"spec":{"templates":[]},"metadata":{"labels":{"backfill.dev/job":null}}}`,
				)
			}
		}
	})
	_, err = w.refresh("orders")
	w.must(err)
	w.must(w.apply(orders().with("target", "t").with("reason", "healed")))
	if _, diags := w.engine.Pause(t.Context(), "data", "orders"); diags.HasErrors() {
		t.Fatal(diags)
	}
	w.must(w.apply(orders().with("target", "t").image("example.com/orders:2")))
	note()
	if diags := w.engine.Delete(context.Background(), "data", "orders", w.kept.owner); diags.HasErrors() {
		t.Fatal(diags)
	}
	note()
	who := access.Access{Provider: access.Subject{Kind: "User", Name: "a"}}
	want := permits(who, "backfill-provider")
	maps.Copy(want, permits(who, "backfill-pods"))
	for _, what := range keysOf(noted) {
		if !want[what] {
			t.Errorf("asked for and not permitted: %s", what)
		}
	}
	for _, what := range keysOf(want) {
		if !noted[what] {
			t.Errorf("permitted and not asked for: %s", what)
		}
	}
}

// Whoever may only read sees everything, and is told what could not be
// recorded.
func TestRoleOfTheReaderSuffices(t *testing.T) {
	w := newWorld(t)
	w.must(
		w.apply(orders().with("partition", map[string]any{"range": map[string]any{"start": 0, "end": 3000, "size": 5}})),
	)
	w.must(w.apply(orders().with("name", "other")))
	may := permits(access.Access{Reader: access.Subject{Kind: "User", Name: "a"}}, "backfill-reader")
	looks := func() {
		t.Helper()
		w.cluster.ResetCalls()
		w.cluster.Before = func(c cluster.Call) error {
			if !may[c.Verb+" "+cluster.Resource(c.Kind).Resource] {
				return cluster.NewError(cluster.Forbidden, c, "", nil)
			}
			return nil
		}
		defer func() { w.cluster.Before = nil }()
		for _, name := range []string{"orders", "other", "orders"} {
			o, diags := w.engine.ObserveKnown(t.Context(), "data", name, nil)
			if diags.HasErrors() || o == nil {
				t.Fatal(diags)
			}
			if ended := o.Phase == state.PhaseComplete; ended != (len(diags) == 1) {
				t.Errorf("job %s is %s: %v", name, o.Phase, diags)
			}
		}
	}
	looks()
	w.argo.finish()
	looks()
}
