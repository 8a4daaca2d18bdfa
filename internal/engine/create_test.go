// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
)

// cutOff creates a job by a program that ends before it notes the end of that.
func (w *world) cutOff(d declared) {
	w.Helper()
	w.cluster.Before = func(c cluster.Call) error {
		if c.Verb == "update" && c.Name == recordName {
			return cluster.NewError(cluster.Canceled, c, "", errors.New("injected"))
		}
		return nil
	}
	if err := w.apply(d); err != nil {
		w.Fatal(err)
	}
	w.cluster.Before = nil
	w.engine = w.process()
	if !strings.Contains(w.entry("progress.json"), `"creating":true`) {
		w.Fatalf("the creation is over: %s", w.entry("progress.json"))
	}
}

// A job whose creation is over is its owner's, whatever became of its run: a creation
// of the same declaration would take it from the state that has it, and run nothing.
func TestFinishedCreationIsNotContinued(t *testing.T) {
	for name, then := range map[string]func(*world){
		"its run is under way":     func(w *world) { w.argo.tick(3) },
		"its run has ended unseen": func(w *world) { w.argo.finish() },
		"it is complete":           func(w *world) { w.argo.finish(); w.observe("orders") },
		"its run is gone unseen": func(w *world) {
			w.must(w.cluster.Delete(w.Context(), cluster.Workflow, "data", "orders-r1", ""))
		},
		"nobody owns it": func(w *world) {
			w.must(errorOf(w.engine.Release(w.Context(), "data", "orders", w.kept.owner)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.must(w.apply(orders()))
			then(w)
			before := w.cluster.Objects()
			o, diags := w.process().Create(t.Context(), engine.Submission{Value: orders().value(t)})
			if o != nil || codeOf(diags) != diag.CodeJobExists || !strings.Contains(diags.Error(), "create_before_destroy") {
				t.Errorf("got %v", diags)
			}
			if !reflect.DeepEqual(w.cluster.Objects(), before) {
				t.Error("something was changed")
			}
		})
	}
}

// A creation that was cut off is continued by another process, and is over then.
func TestCreationThatWasCutOffIsContinued(t *testing.T) {
	w := newWorld(t)
	w.cutOff(orders())
	w.kept = nil
	w.must(w.apply(orders()))
	if strings.Contains(w.entry("progress.json"), "creating") {
		t.Error("the creation is not over")
	}
	w.argo.finish()
	w.exactly(0, 60, 1)
}

// A creation whose end could not be noted is over for the state that has the job, and
// the next change of the job notes it.
func TestEndOfACreationIsNotedLater(t *testing.T) {
	w := newWorld(t)
	w.cutOff(orders())
	w.must(w.apply(orders().with("reason", "another")))
	if strings.Contains(w.entry("progress.json"), "creating") {
		t.Error("the creation is not over")
	}
	// One that has ended needs no note.
	w = newWorld(t)
	w.cutOff(orders())
	w.argo.finish()
	w.observe("orders")
	_, diags := w.process().Create(t.Context(), engine.Submission{Value: orders().value(t)})
	if codeOf(diags) != diag.CodeJobExists {
		t.Errorf("got %v", diags)
	}
}

// Two resources of one name are created at the same time by one process: the first
// that has a record has the job, and the other one changes nothing.
func TestTwoResourcesOfOneName(t *testing.T) {
	w := newWorld(t)
	w.meanwhile("create", cluster.Workflow, "orders-r1", func() {
		o, diags := w.engine.Create(t.Context(), engine.Submission{Value: orders().value(t)})
		if o != nil || codeOf(diags) != diag.CodeJobExists || !strings.Contains(diags.Error(), "Two resources") {
			t.Errorf("the second one got %v", diags)
		}
	})
	o, diags := w.engine.Create(t.Context(), engine.Submission{Value: orders().value(t)})
	w.must(errorOf(diags))
	if o == nil || o.Owner != w.entry("owner") {
		t.Error("the first one does not own the job")
	}
	w.argo.finish()
	w.exactly(0, 60, 1)
	w.must(errorOf(w.engine.Delete(t.Context(), "data", "orders", o.Owner)))
	if left := w.names(); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

// The same by two processes, of which neither can know of the other: one of them has
// the job, and the other one fails, wherever they meet.
func TestTwoCreationsAtOnceHaveOneOwner(t *testing.T) {
	for _, met := range []struct {
		verb string
		kind cluster.Kind
		name string
	}{
		{"create", cluster.Workflow, "orders-r1"},
		{"get", cluster.ConfigMap, recordName},
		{"update", cluster.ConfigMap, recordName},
	} {
		t.Run(met.verb+" "+string(met.kind), func(t *testing.T) {
			w := newWorld(t)
			var owners []string
			create := func() {
				o, diags := w.process().Create(t.Context(), engine.Submission{Value: orders().value(t)})
				switch {
				case o != nil:
					owners = append(owners, o.Owner)
				case codeOf(diags) != diag.CodeJobExists:
					t.Errorf("got %v", diags)
				}
			}
			w.meanwhile(met.verb, met.kind, met.name, create)
			create()
			if !slices.Equal(owners, []string{w.entry("owner")}) {
				t.Errorf("%d own the job: %q, and the record says %q", len(owners), owners, w.entry("owner"))
			}
			w.argo.finish()
			w.exactly(0, 60, 1)
		})
	}
}

// A resource whose job another state has taken over can leave its state: the job stays
// as it is.
func TestJobOfAnotherOwnerIsForgotten(t *testing.T) {
	for name, leave := range map[string]func(*world) error{
		"destroyed": func(w *world) error {
			return errorOf(w.engine.Delete(w.Context(), "data", "orders", w.kept.owner))
		},
		"released": func(w *world) error {
			return errorOf(w.engine.Release(w.Context(), "data", "orders", w.kept.owner))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.must(w.apply(orders()))
			w.takenOver()
			before := w.cluster.Objects()
			w.must(leave(w))
			if !reflect.DeepEqual(w.cluster.Objects(), before) {
				t.Error("something was changed")
			}
		})
	}
}
