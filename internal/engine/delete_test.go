// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// Whatever object of a job a finalizer holds, the deletion ends with its name,
// and goes on when the finalizer is gone.
func TestDestroyNamesWhatFinalizersHold(t *testing.T) {
	d := orders().with("partition", map[string]any{"range": map[string]any{"boundaries": []int64{0, 3, 17, 20, 60}}})
	probe := newWorld(t)
	probe.must(probe.apply(d))
	for _, o := range probe.cluster.Objects() {
		kind, name := cluster.Kind(o.GetKind()), o.GetName()
		t.Run(o.GetKind()+"/"+name, func(t *testing.T) {
			w := newWorld(t)
			w.must(w.apply(d))
			w.argo.tick(1)
			w.patch(kind, name, `{"metadata":{"finalizers":["example.com/audit","example.com/backup"]}}`)
			diags := w.engine.Delete(t.Context(), "data", "orders", w.kept.owner)
			want := "  " + o.GetKind() + " " + name + ", held by the finalizers example.com/audit, example.com/backup"
			if codeOf(diags) != diag.CodeLeftBehind || !strings.Contains(diags[0].Detail, want+"\n\n") {
				t.Fatalf("got %v, want %q", diags, want)
			}
			if strings.Count(diags[0].Detail, "\n  ") != 1 {
				t.Errorf("more is left: %s", diags[0].Detail)
			}
			w.patch(kind, name, `{"metadata":{"finalizers":null}}`)
			if diags := w.engine.Delete(t.Context(), "data", "orders", w.kept.owner); diags.HasErrors() {
				t.Fatal(diags)
			}
			if left := w.names(); len(left) > 0 {
				t.Errorf("left are %v", left)
			}
		})
	}
}

// A deletion whose time is over, or that is interrupted, tells what is left as
// well, also when it is a request that notices.
func TestDestroyOutOfTimeNamesWhatIsLeft(t *testing.T) {
	for _, during := range []string{"a pause", "a request"} {
		t.Run(during, func(t *testing.T) {
			w := newWorld(t)
			w.must(w.apply(orders()))
			w.argo.finish()
			w.observe("orders")
			w.patch(cluster.Workflow, "orders-r1", `{"metadata":{"finalizers":["example.com/audit"]}}`)
			ctx, cancel := context.WithCancel(t.Context())
			pauses := 0
			e := engine.New(
				w.cluster,
				engine.Options{
					Now:    func() time.Time { return start },
					Random: w.random,
					Pause: func(ctx context.Context, _ time.Duration) error {
						if pauses++; pauses == 2 {
							cancel()
						}
						if during == "a pause" {
							return ctx.Err()
						}
						return nil
					},
				},
			)
			diags := e.Delete(ctx, "data", "orders", w.kept.owner)
			if codeOf(diags) != diag.CodeLeftBehind ||
				!strings.Contains(diags[0].Detail, "Workflow orders-r1, held by the finalizers example.com/audit") ||
				pauses != 2 {
				t.Fatalf("after %d pauses: %v", pauses, diags)
			}
		})
	}
}

// A run that does not end within stop_timeout is named, and nothing is submitted
// beside it.
func TestStopTimeoutSubmitsNothing(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	w.argo.tick(3)
	_, err := w.refresh("orders")
	w.must(err)
	before := w.names()
	waited := time.Duration(0)
	e := engine.New(
		w.cluster,
		engine.Options{
			Now:    func() time.Time { return start },
			Random: w.random,
			Pause: func(_ context.Context, d time.Duration) error {
				waited += d // and pods do not end
				return nil
			},
		},
	)
	s := engine.Submission{
		Value:  orders().image("example.com/orders:2").value(t),
		Owner:  w.kept.owner,
		Known:  w.kept.known,
		Policy: state.Policy{StopTimeout: 90 * time.Second},
	}
	o, diags := e.Update(t.Context(), s)
	if o != nil || codeOf(diags) != diag.CodeRunActive || !strings.Contains(diags.Error(), `"orders-r1"`) ||
		!strings.Contains(diags.Error(), "within 1m30s") {
		t.Fatalf("got %v", diags)
	}
	if waited < 85*time.Second || waited > 100*time.Second {
		t.Errorf("it waited for %s", waited)
	}
	if now := w.names(); strings.Join(now, " ") != strings.Join(before, " ") {
		t.Errorf("there were %v, and there are %v", before, now)
	}
	w.must(w.apply(orders().image("example.com/orders:2")))
	w.complete("orders-r2")
	w.exactly(0, 60, 1)
}
