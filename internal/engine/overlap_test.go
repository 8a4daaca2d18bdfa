// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"context"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
)

func (d declared) named(name string) declared {
	return d.with("name", name).with("target", "index/orders")
}

func TestOverlappingJobs(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders().named("first")))
	first := w.kept
	for name, test := range map[string]struct {
		d    declared
		code string
	}{
		"same-keys":      {orders(), diag.CodeOverlap},
		"last-key":       {orders().between(59, 100, 5), diag.CodeOverlap},
		"next-to-it":     {orders().between(60, 100, 5), ""},
		"another-target": {orders().with("target", "x"), ""},
	} {
		before := len(w.names())
		d := test.d.with("name", name)
		if d["target"] == nil {
			d = d.named(name)
		}
		_, diags := w.engine.Create(t.Context(), engine.Submission{Value: d.value(t)})
		if codeOf(diags) != test.code {
			t.Errorf("%s: %v", name, diags)
		}
		if test.code != "" &&
			(len(w.names()) != before || !strings.Contains(diags.Error(), `"data/first" holds the target "index/orders"`)) {
			t.Errorf("%s: %v left %v", name, diags, w.names())
		}
	}
	w.kept = first
	w.argo.finish()
	if err := w.apply(orders().named("first").between(0, 70, 5)); codeOfError(err) != diag.CodeOverlap {
		t.Errorf("growing into another job: %v", err)
	}
	w.must(w.apply(orders().named("first").between(0, 50, 5)))
}

// TestOverlapRace lets a second job appear between any two calls of the first
// one's creation, in the same second or later, with a smaller or a larger UID:
// exactly one of them stays.
func TestOverlapRace(t *testing.T) {
	eachRace(t, 6, race)
}

// eachRace runs a race at each of so many points, on clusters that differ in the
// order of what is created in the same second.
func eachRace(t *testing.T, points int, race func(t *testing.T, c *fake.Cluster, point int)) {
	t.Helper()
	for _, frozen := range []bool{false, true} {
		for _, descending := range []bool{false, true} {
			for point := 1; point <= points; point++ {
				t.Run(fmt.Sprintf("frozen=%t/descending=%t/%d", frozen, descending, point), func(t *testing.T) {
					c := fake.New(start)
					c.Frozen, c.Descending = frozen, descending
					race(t, c, point)
				})
			}
		}
	}
}

func race(t *testing.T, c *fake.Cluster, point int) {
	options := func(seed int64) engine.Options {
		return engine.Options{Now: func() time.Time { return start }, Random: rand.New(rand.NewSource(seed)),
			Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	}
	outcomes := map[string]bool{}
	create := func(seed int64, name string) {
		o, diags := engine.New(c, options(seed)).Create(t.Context(), engine.Submission{Value: orders().named(name).value(t)})
		if o == nil && codeOf(diags) != diag.CodeOverlap {
			t.Errorf("%s: %v", name, diags)
		}
		outcomes[name] = o != nil
	}
	calls := 0
	c.Before = func(cluster.Call) error {
		if calls++; calls == point {
			c.Before = nil
			create(2, "b")
		}
		return nil
	}
	create(1, "a")
	if c.Before != nil {
		c.Before = nil
		create(2, "b")
	}
	if outcomes["a"] == outcomes["b"] {
		t.Errorf("%v, want exactly one", outcomes)
	}
	left := map[string]int{}
	for _, o := range c.Objects() {
		left[o.GetKind()]++
	}
	if left["Workflow"] != 1 || left["ConfigMap"] != 1 || left["WorkflowTemplate"] != 1 {
		t.Errorf("left: %v", left)
	}
}

// bounded has a query job of a target at rest over [lo, hi), and makes another
// job that holds [60, 100) of the same target.
func (w *world) bounded(lo, hi int64) declared {
	w.Helper()
	d := queried().named("first")
	w.argo.answer = answer(lo, hi)
	w.must(w.apply(d))
	w.argo.finish()
	_, err := w.refresh("first")
	w.must(err)
	if _, diags := w.engine.Create(
		w.Context(),
		engine.Submission{Value: orders().named("second").between(60, 100, 5).value(w)},
	); diags.HasErrors() {
		w.Fatal(diags)
	}
	w.argo.finish()
	return d
}

// askAgain lets the next token ask, and the next refresh see the answer.
func (w *world) askAgain(d declared, lo, hi int64) {
	w.Helper()
	w.policy.RerunToken += "x"
	w.argo.answer = answer(lo, hi)
	w.must(w.apply(d))
	w.argo.finish()
	_, err := w.refresh("first")
	w.must(err)
}

// What is found when a query is asked again may belong to another job: then it
// is not processed, until the bounds are others or somebody allows it.
func TestBoundsThatGrowIntoAnotherJob(t *testing.T) {
	w := newWorld(t)
	d := w.bounded(0, 60)
	w.askAgain(d, 0, 80)
	before := len(w.names())
	for range 2 {
		err := w.apply(d)
		if codeOfError(err) != diag.CodeOverlap ||
			!strings.Contains(
				err.Error(),
				`"data/second" holds the target "index/orders" for keys that this job declares too: [60,80)`,
			) {
			t.Fatalf("got %v", err)
		}
	}
	if err := w.apply(d.with("reason", "noted")); codeOfError(err) != diag.CodeOverlap {
		t.Errorf("another declaration takes the keys: %v", err)
	}
	if len(w.names()) != before {
		t.Errorf("left %v", w.names())
	}
	w.askAgain(d, 0, 60) // which must be possible
	w.nothing(d)
	w.askAgain(d, 0, 75)
	if err := w.apply(d); codeOfError(err) != diag.CodeOverlap {
		t.Fatalf("got %v", err)
	}
	w.policy.AllowOverlap = true
	w.must(w.apply(d))
	w.argo.finish()
	w.exactly(0, 60, 1)
	w.exactly(60, 75, 2)
	w.policy.AllowOverlap = false
	w.must(w.apply(d.with("reason", "they are held now")))
}

// Bounds that grow where no other job is are held from then on.
func TestBoundsThatGrowAreHeld(t *testing.T) {
	w := newWorld(t)
	d := w.bounded(20, 60)
	w.askAgain(d, 0, 60)
	w.must(w.apply(d))
	w.argo.finish()
	w.exactly(0, 60, 1)
	_, diags := w.engine.Create(t.Context(), engine.Submission{Value: orders().named("third").between(0, 10, 5).value(t)})
	if codeOf(diags) != diag.CodeOverlap || !strings.Contains(diags.Error(), `"data/first"`) {
		t.Errorf("got %v", diags)
	}
}

// A run that asks and at once processes what it finds may find any key, so that
// no other job may hold one.
func TestAskingAnewClaimsEveryKey(t *testing.T) {
	for name, change := range map[string]func(w *world, d declared) declared{
		"another revision": func(w *world, d declared) declared { w.policy.Revision = "b"; return d },
		"another revision behind a canary": func(w *world, d declared) declared {
			w.policy.Revision = "b"
			return d.with("canary", map[string]any{"partitions": 1})
		},
		"another token, and nothing is done": func(w *world, d declared) declared {
			w.argo.fails = func(int64, int64) bool { return true }
			w.policy.Revision = "a"
			w.must(w.apply(d))
			w.argo.finish()
			_, err := w.refresh("first")
			w.must(err)
			w.policy.RerunToken = "2"
			return d
		},
		"times instead of numbers": func(_ *world, d declared) declared {
			query := map[string]any{"image": "i", "command": []string{"b"}, "every": "1d"}
			return d.with("partition", map[string]any{"query": query})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d := queried().named("first")
			w.argo.answer = answer(0, 40)
			w.must(w.apply(d))
			w.argo.finish()
			_, err := w.refresh("first")
			w.must(err)
			d = change(w, d)
			other := orders().named("second").between(60, 100, 5)
			if strings.Contains(name, "times") {
				other = other.with(
					"partition",
					map[string]any{"time": map[string]any{"start": "2026-01-01", "end": "2026-01-04", "every": "1d"}},
				)
			}
			if _, diags := w.engine.Create(t.Context(), engine.Submission{Value: other.value(t)}); diags.HasErrors() {
				t.Fatal(diags)
			}
			before := w.names()
			err = w.apply(d)
			if codeOfError(err) != diag.CodeOverlap || !strings.Contains(err.Error(), "run time only") ||
				len(w.names()) != len(before) {
				t.Fatalf("got %v, objects %v", err, w.names())
			}
			if diags := w.engine.Delete(t.Context(), "data", "second", ""); diags.HasErrors() {
				t.Fatal(diags)
			}
			w.must(w.apply(d))
			if _, diags := w.engine.Create(
				t.Context(),
				engine.Submission{Value: other.value(t)},
			); codeOf(
				diags,
			) != diag.CodeOverlap {
				t.Errorf("while the bounds are asked: %v", diags)
			}
		})
	}
}
