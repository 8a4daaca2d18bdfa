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
	first := w.state
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
		if test.code != "" && (len(w.names()) != before || !strings.Contains(diags.Error(), `"data/first" holds the target "index/orders"`)) {
			t.Errorf("%s: %v left %v", name, diags, w.names())
		}
	}
	w.state = first
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
	for _, frozen := range []bool{false, true} {
		for _, descending := range []bool{false, true} {
			for point := 1; point <= 6; point++ {
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
