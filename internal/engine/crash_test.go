// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// history is a job with something to do next, and the command that does it.
type history struct {
	name string
	// before brings the world to where the command starts.
	before func(*world)
	// command is an apply of this declaration, or a destruction when it is nil.
	command declared
	// last is the key after the last of the domain.
	last int64
}

func histories() []history {
	failing := func(los ...int64) func(*world) {
		return func(w *world) {
			w.argo.fails = func(lo, _ int64) bool { return slices.Contains(los, lo) }
			w.must(w.apply(orders()))
			w.argo.finish()
			w.argo.fails = func(int64, int64) bool { return false }
		}
	}
	running := func(d declared) func(*world) {
		return func(w *world) {
			w.must(w.apply(d))
			w.argo.tick(3)
			w.argo.tick(2)
		}
	}
	sharded := orders().with("shard_size", 5)
	targeted := orders().with("target", "index/orders")
	odd := orders().with("partition", map[string]any{"range": map[string]any{"boundaries": []int64{0, 3, 17, 20, 60}}})
	return []history{
		{"create", func(*world) {}, orders(), 60},
		{"create with shards", func(*world) {}, sharded, 60},
		{"run what failed", failing(10, 45), orders(), 60},
		{"run what failed, ended unseen", func(w *world) { failing(10, 45)(w) }, orders(), 60},
		{"the domain grows", failing(), orders().between(0, 75, 5), 75},
		{
			"the domain of a target grows",
			func(w *world) { w.must(w.apply(targeted)); w.argo.finish() },
			targeted.between(0, 75, 5),
			75,
		},
		{"more at once in a run of shards", running(sharded), sharded.with("max_parallel", 40), 60},
		{"what was edited by hand in a run", func(w *world) {
			running(odd)(w)
			w.patch(cluster.Workflow, "orders-r1", `{"spec":{"arguments":{"parameters":[]},"podGC":null}}`)
			w.must(w.cluster.Delete(w.Context(), cluster.ConfigMap, "data", "orders-r1-d0", ""))
		}, odd, 60},
		{"the runner changes in a run", running(orders()), orders().image("example.com/orders:2"), 60},
		{"the runner changes in a run of shards", running(sharded), sharded.image("example.com/orders:2"), 60},
		{"the reason changes in a run", running(orders()), orders().with("reason", "another"), 60},
		{"destroy a finished job", failing(), nil, 0},
		{"destroy a running job", running(orders()), nil, 0},
		{"destroy a running job of shards", running(sharded), nil, 0},
	}
}

// do runs the command of a history once.
func (w *world) do(h history) error {
	if h.command != nil {
		return w.apply(h.command)
	}
	if w.kept == nil {
		return nil
	}
	err := errorOf(w.engine.Delete(w.Context(), "data", "orders", w.kept.owner))
	if err == nil {
		w.kept = nil
	}
	return err
}

// converge repeats the command as a patient user does, with a cluster that
// works, and checks what must hold in the end.
func (w *world) converge(h history) {
	w.Helper()
	w.cluster.Before, w.cluster.After = nil, nil
	for range 3 {
		err := w.do(h)
		if codeOfError(err) == diag.CodeJobExists && w.kept == nil {
			// The creation was over, and nobody was left to write the state.
			w.imports()
			err = w.do(h)
		}
		w.must(err)
		w.argo.finish()
	}
	if h.command == nil {
		if left := w.names(); len(left) > 0 {
			w.Fatalf("left behind: %v", left)
		}
		return
	}
	o, err := w.refresh("orders")
	w.must(err)
	if o == nil || o.Phase != state.PhaseComplete {
		w.Fatalf("not complete: %+v", o)
	}
	if _, empty := w.plan(h.command); !empty {
		w.Fatal("the plan is not empty")
	}
	w.exactly(0, h.last, 1)
	w.noOrphans()
	w.must(errorOf(w.engine.Delete(w.Context(), "data", "orders", w.kept.owner)))
	if left := w.names(); len(left) > 0 {
		w.Fatalf("left behind: %v", left)
	}
}

// imports has the state know of the job, as the command of that name does.
func (w *world) imports() {
	w.Helper()
	w.kept = &remembered{known: &state.Observation{}}
	_, err := w.refresh("orders")
	w.must(err)
}

// noOrphans demands that the record knows of every object.
func (w *world) noOrphans() {
	w.Helper()
	o, err := w.cluster.Get(w.Context(), cluster.ConfigMap, "data", "orders-backfill")
	w.must(err)
	rec, err := state.DecodeRecord(o)
	w.must(err)
	known := []string{"ConfigMap/orders-backfill"}
	for _, r := range rec.Runs {
		known = append(known, fmt.Sprintf("Workflow/orders-r%d", r.Number), "WorkflowTemplate/"+r.Template)
	}
	for _, name := range w.names() {
		run, part, ok := strings.Cut(name, "-s")
		if !ok || strings.Contains(part, "-") {
			run, _, _ = strings.Cut(strings.Replace(name, "ConfigMap/", "Workflow/", 1), "-d")
		}
		if !slices.Contains(known, name) && !slices.Contains(known, run) {
			w.Fatalf("%s belongs to no run of the record: %v", name, known)
		}
	}
}

// TestKilledAnywhere kills the program before and after every call of each
// command, and repeats the command.
func TestKilledAnywhere(t *testing.T) {
	for _, h := range histories() {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			for point := 0; ; point++ {
				w := newWorld(t)
				h.before(w)
				if !w.killedAt(h, point) {
					t.Logf("%d points", point)
					if point < 4 {
						t.Errorf("only %d points were tried", point)
					}
					return
				}
				w.converge(h)
				if t.Failed() {
					t.Fatalf("after a kill at point %d", point)
				}
			}
		})
	}
}

// killedAt runs the command of h and ends it before (even points) or after
// (odd ones) call point/2; false when the command makes fewer calls.
func (w *world) killedAt(h history, point int) bool {
	calls, dead := 0, false
	kill := func(c cluster.Call) error {
		dead = true
		return cluster.NewError(cluster.Canceled, c, "", errors.New("killed"))
	}
	w.cluster.Before = func(c cluster.Call) error {
		calls++
		if dead || calls == point/2+1 && point%2 == 0 {
			return kill(c)
		}
		return nil
	}
	w.cluster.After = func(c cluster.Call) error {
		if calls == point/2+1 && point%2 == 1 {
			return kill(c)
		}
		return nil
	}
	before := w.kept
	err := w.do(h)
	w.cluster.Before, w.cluster.After = nil, nil
	if dead {
		w.kept, w.engine = before, w.process() // a dead program writes no state
		return true
	}
	w.must(err)
	return false
}

// TestFaultsAnywhere has every call of each command fail once, in every way in
// which a cluster fails, before or after it was carried out. Retries are on:
// the command itself must succeed wherever the fault is one that passes.
func TestFaultsAnywhere(t *testing.T) {
	for _, reason := range []cluster.Reason{cluster.Throttled, cluster.Unavailable, cluster.Unreachable} {
		for _, h := range histories() {
			t.Run(fmt.Sprintf("%s/%s", reason, h.name), func(t *testing.T) {
				t.Parallel()
				for point := 0; ; point++ {
					w := newWorld(t)
					w.retrying()
					h.before(w)
					hit, err := w.faultAt(h, point, 1, reason)
					if err != nil {
						t.Fatalf("point %d: %v", point, err)
					}
					if !hit {
						return
					}
					w.converge(h)
				}
			})
		}
	}
}

// TestLastingFaults has a call fail for good, in ways that retries do not
// help: the command may fail, but repeating it converges.
func TestLastingFaults(t *testing.T) {
	for _, reason := range []cluster.Reason{cluster.Unavailable, cluster.Forbidden, cluster.Conflict} {
		for _, h := range histories() {
			t.Run(fmt.Sprintf("%s/%s", reason, h.name), func(t *testing.T) {
				t.Parallel()
				for point := 0; ; point += 2 {
					w := newWorld(t)
					w.retrying()
					h.before(w)
					hit, _ := w.faultAt(h, point, 1000, reason)
					if !hit {
						return
					}
					w.converge(h)
				}
			})
		}
	}
}

// faultAt lets call point/2 and its repetitions fail, times times in all.
func (w *world) faultAt(h history, point, times int, reason cluster.Reason) (hit bool, err error) {
	calls, left := 0, times
	var first cluster.Call
	fail := func(c cluster.Call) error {
		if !hit {
			hit, first = true, c
		}
		if c != first || left == 0 {
			return nil
		}
		left--
		return cluster.NewError(reason, c, "", errors.New("injected"))
	}
	w.cluster.Before = func(c cluster.Call) error {
		calls++
		if point%2 == 0 && (hit || calls == point/2+1) {
			return fail(c)
		}
		return nil
	}
	w.cluster.After = func(c cluster.Call) error {
		if point%2 == 1 && (hit || calls == point/2+1) {
			return fail(c)
		}
		return nil
	}
	err = w.do(h)
	w.cluster.Before, w.cluster.After = nil, nil
	return hit, err
}
