// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/decide"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema/jobschematest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// TestEditsOfEachClass edits every attribute of the table, on a job that is
// done and on one with a run under way, and demands what its class says.
func TestEditsOfEachClass(t *testing.T) {
	base := orders().with("runner", map[string]any{
		"image": "example.com/orders:1", "command": []string{"run"}, "resources": map[string]any{"memory": "1Gi"},
	})
	edits := jobschematest.Edits()
	first, diags := decide.Declare(base.value(t)).Plan(nil)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	done, running := ran(t, base, "[0,60)", state.PhaseComplete), ran(t, base, "[0,20)", state.PhaseRunning)
	for _, a := range jobschema.Job() {
		if a.Class == jobschema.Replace { // it makes another job, which package provider sees to
			delete(edits, a.Name)
			continue
		}
		if a.Moved != "" {
			continue
		}
		after, ok := edits[a.Name]
		if !ok {
			t.Errorf("%s has no edit here", a.Name)
			continue
		}
		delete(edits, a.Name)
		t.Run(a.Name, func(t *testing.T) {
			d := base.with(a.Name, after)
			whenDone, diags := decide.Declare(d.value(t)).Plan(done)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			whenRunning, diags := decide.Declare(d.value(t)).Plan(running)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			if whenDone.Next != nil {
				t.Errorf("class %s: a finished job runs again: %+v", a.Class, whenDone.Next)
			}
			next := a.Class == jobschema.Next
			if changes := whenDone.Template != first.Template; changes != next {
				t.Errorf("class %s: another template: %t", a.Class, changes)
			}
			actsAsItsClassSays(t, a, base, d, whenDone.Actions, whenRunning.Actions)
			switch {
			case whenDone.Template == first.Template && whenRunning.Next != nil:
				t.Errorf("class %s: the run under way is replaced: %+v", a.Class, whenRunning.Next)
			case whenDone.Template != first.Template && (whenRunning.Next == nil || whenRunning.Next.Intervals != "[20,60)"):
				t.Errorf("class %s: a run under way leads to %+v, want what is not done", a.Class, whenRunning.Next)
			}
		})
	}
	for name := range maps.Keys(edits) {
		t.Errorf("%s is not in the table", name)
	}
}

// ran is a job whose first run has done some keys, and has ended unless the phase
// is that of a run.
func ran(t *testing.T, d declared, done string, phase state.Phase) *state.Observation {
	t.Helper()
	declaration, err := state.ParseDeclaration(d.canonical(t))
	if err != nil {
		t.Fatal(err)
	}
	o := &state.Observation{Phase: phase}
	o.Namespace, o.Name, o.NextRun = "data", "orders", 2
	if err := o.Declare(declaration, nil); err != nil {
		t.Fatal(err)
	}
	if o.Done, err = ledger.Parse(o.Domain(), done); err != nil {
		t.Fatal(err)
	}
	run := state.Run{RunSpec: plan.RunSpec{Number: 1}}
	if !phase.Active() {
		run.Recorded(state.Succeeded)
	}
	o.Runs = []state.Run{run}
	return o
}

// actsAsItsClassSays demands the actions that follow from the class of an edited
// attribute, on a job that is done and on one with a run under way.
func actsAsItsClassSays(t *testing.T, a jobschema.Attribute, before, after declared, done, running []decide.Action) {
	t.Helper()
	for _, e := range jobschema.Edits([]byte(before.canonical(t)), []byte(after.canonical(t))) {
		if e.Class != a.Class && !strings.HasPrefix(e.Path, a.Name+".") {
			t.Errorf("the edit of %s is one of %+v", a.Name, e)
		}
	}
	reserve := []string{}
	if a.Name == "target" {
		reserve = []string{"ReserveKeys"}
	}
	want := append(reserve, "WriteDeclaration")
	if got := kindsOf(done); !slices.Equal(got, want) {
		t.Errorf("class %s: on a finished job it leads to %v, want %v", a.Class, got, want)
	}
	switch a.Class {
	case jobschema.Next:
		want = []string{"StopRun"}
	case jobschema.Live:
		want = []string{"WriteDeclaration", "Rescale"}
	}
	if got := kindsOf(running); !slices.Equal(got, want) {
		t.Errorf("class %s: on a run under way it leads to %v, want %v", a.Class, got, want)
	}
}

func kindsOf(actions []decide.Action) []string {
	kinds := []string{}
	for _, action := range actions {
		kinds = append(kinds, reflect.TypeOf(action).Name())
	}
	return kinds
}

// TestEditsWithinObjects edits attributes whose class is another than that of the
// object that holds them.
func TestEditsWithinObjects(t *testing.T) {
	days := func(format string) object {
		return object{"time": object{"start": "2026-01-01", "end": "2026-03-02", "every": "1d", "format": format}}
	}
	query := func(image string) object {
		return object{"query": object{"image": image, "command": []string{"bounds"}, "size": 5}}
	}
	for path, c := range map[string]struct {
		attribute     string
		before, after any
		class         jobschema.EditClass
		want          []string
	}{
		"partition.time.format": {"partition", days("date"), days("unix"), jobschema.Next, []string{"StopRun"}},
		"partition.query.image": {"partition", query("a:1"), query("a:2"), jobschema.Note, []string{"WriteDeclaration"}},
		"controller.pods_per_second": {
			"controller", object{"pods_per_second": 5}, object{"pods_per_second": 6}, jobschema.Note, []string{"WriteDeclaration"},
		},
		"spot.max_pending": {
			"spot", object{"provider": "gke", "max_pending": "5m"}, object{"provider": "gke", "max_pending": "6m"},
			jobschema.Note, []string{"WriteDeclaration"},
		},
		"runner.args": {
			"runner", object{"image": "a", "command": []string{"a"}, "args": []string{"1"}},
			object{"image": "a", "command": []string{"a"}, "args": []string{"2"}},
			jobschema.Next, []string{"StopRun"},
		},
	} {
		t.Run(path, func(t *testing.T) {
			before, after := orders().with(c.attribute, c.before), orders().with(c.attribute, c.after)
			edits := jobschema.Edits([]byte(before.canonical(t)), []byte(after.canonical(t)))
			if len(edits) != 1 || edits[0] != (jobschema.Edit{Path: path, Class: c.class}) {
				t.Errorf("edits %+v", edits)
			}
			p, diags := decide.Declare(after.value(t)).Plan(ran(t, before, "", state.PhaseRunning))
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			if got := kindsOf(p.Actions); !slices.Equal(got, c.want) {
				t.Errorf("it leads to %v, want %v", got, c.want)
			}
		})
	}
}
