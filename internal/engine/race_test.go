// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"context"
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"pgregory.net/rapid"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// stepped is a backend whose calls wait until it is their turn.
type stepped struct {
	cluster.Backend
	ready, turn chan struct{}
}

func (s *stepped) wait() { s.ready <- struct{}{}; <-s.turn }

func (s *stepped) Get(ctx context.Context, k cluster.Kind, namespace, name string) (manifest.Object, error) {
	s.wait()
	return s.Backend.Get(ctx, k, namespace, name)
}

func (s *stepped) List(ctx context.Context, k cluster.Kind, namespace, selector string) ([]manifest.Object, error) {
	s.wait()
	return s.Backend.List(ctx, k, namespace, selector)
}

func (s *stepped) Create(ctx context.Context, o manifest.Object) (manifest.Object, error) {
	s.wait()
	return s.Backend.Create(ctx, o)
}

func (s *stepped) Update(ctx context.Context, o manifest.Object) (manifest.Object, error) {
	s.wait()
	return s.Backend.Update(ctx, o)
}

func (s *stepped) Patch(
	ctx context.Context,
	k cluster.Kind,
	namespace, name string,
	patch []byte,
) (manifest.Object, error) {
	s.wait()
	return s.Backend.Patch(ctx, k, namespace, name, patch)
}

func (s *stepped) Delete(ctx context.Context, k cluster.Kind, namespace, name, uid string) error {
	s.wait()
	return s.Backend.Delete(ctx, k, namespace, name, uid)
}

// racer is one of two processes that work at the same moment.
type racer struct {
	*stepped
	done  chan struct{}
	diags hcl.Diagnostics
	won   bool
}

func startRacer(c *fake.Cluster, seed int64, do func(*engine.Engine) (*state.Observation, hcl.Diagnostics)) *racer {
	r := &racer{stepped: &stepped{c, make(chan struct{}), make(chan struct{})}, done: make(chan struct{})}
	e := engine.New(r.stepped, engine.Options{
		Now: func() time.Time { return start }, Random: rand.New(rand.NewSource(seed)),
		Pause: func(ctx context.Context, _ time.Duration) error { r.wait(); return ctx.Err() },
	})
	go func() {
		defer close(r.done)
		var o *state.Observation
		o, r.diags = do(e)
		r.won = o != nil
	}()
	return r
}

// race lets both go on, call by call, in the order that first draws.
func raceBoth(a, b *racer, first func() bool) {
	waiting := map[*racer]bool{}
	over := map[*racer]bool{}
	for {
		for _, r := range []*racer{a, b} {
			if !waiting[r] && !over[r] {
				select {
				case <-r.ready:
					waiting[r] = true
				case <-r.done:
					over[r] = true
				}
			}
		}
		next := a
		switch {
		case over[a] && over[b]:
			return
		case over[a], !over[b] && !first():
			next = b
		}
		waiting[next] = false
		next.turn <- struct{}{}
	}
}

// TestJobsGrowIntoEachOther has two jobs of one target, each with a run under
// way, grow into each other at the same moment, call by call in any order; and
// the same for a job that grows where another is created. Never do both get
// the keys, and whoever does not has changed nothing.
func TestJobsGrowIntoEachOther(t *testing.T) {
	both := 0
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		w.cluster.Frozen, w.cluster.Descending = rapid.Bool().Draw(r, "frozen"), rapid.Bool().Draw(r, "descending")
		grow := func(from, to declared) func(*engine.Engine) (*state.Observation, hcl.Diagnostics) {
			w.kept = nil
			w.must(w.apply(from))
			s := engine.Submission{Value: to.value(t), Owner: w.kept.owner, Known: w.kept.known}
			return func(e *engine.Engine) (*state.Observation, hcl.Diagnostics) { return e.Update(t.Context(), s) }
		}
		first := grow(orders().named("first"), orders().named("first").between(0, 120, 5))
		second := func(e *engine.Engine) (*state.Observation, hcl.Diagnostics) {
			return e.Create(t.Context(), engine.Submission{Value: orders().named("second").between(60, 160, 5).value(t)})
		}
		grows := rapid.Bool().Draw(r, "second grows")
		if grows {
			second = grow(orders().named("second").between(100, 160, 5), orders().named("second").between(60, 160, 5))
		}
		turns := rapid.SliceOfN(rapid.Bool(), 60, 60).Draw(r, "turns")
		a, b := startRacer(w.cluster, 1, first), startRacer(w.cluster, 2, second)
		raceBoth(a, b, func() bool {
			if len(turns) == 0 {
				return true
			}
			turn := turns[0]
			turns = turns[1:]
			return turn
		})
		if a.won && b.won {
			r.Fatalf("both got the keys")
		}
		if !a.won && !b.won {
			both++
		}
		for name, racer := range map[string]*racer{"first": a, "second": b} {
			if !racer.won && codeOf(racer.diags) != diag.CodeOverlap {
				r.Fatalf("%s: %v", name, racer.diags)
			}
			w.nothingChanged(
				r,
				name,
				racer.won,
				map[string]int64{"first": 24, "second": 20}[name],
				map[string]int64{"first": 12, "second": 12}[name],
				grows || name == "first",
			)
		}
	})
	t.Logf("%d times both gave way", both)
}

func (w *world) nothingChanged(r *rapid.T, name string, won bool, after, before int64, existed bool) {
	o, diags := w.process().Observe(w.Context(), "data", name)
	switch want := before; {
	case diags.HasErrors():
		r.Fatalf("%s: %v", name, diags)
	case !existed && !won:
		if o != nil ||
			slices.ContainsFunc(w.names(), func(n string) bool { return n == fmt.Sprintf("Workflow/%s-r1", name) }) {
			r.Fatalf("%s lost, and is there", name)
		}
	default:
		if won {
			want = after
		}
		if o == nil || o.Total() != want {
			r.Fatalf("%s has %+v, want %d partitions", name, o, want)
		}
	}
	for _, obj := range w.cluster.Objects() {
		if obj.GetLabels()["backfill.dev/reserved-hash"] != "" {
			r.Fatalf("%s keeps a reservation", obj.GetName())
		}
	}
}

// TestAskedKeysAreTakenOnce has a job whose query was asked again go on with what
// that has found, while another job of its target is created or grows, call by
// call in any order: no key is ever processed by both, and whoever does not
// get the keys is told so.
func TestAskedKeysAreTakenOnce(t *testing.T) {
	outcomes := map[string]int{}
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		w.cluster.Frozen, w.cluster.Descending = rapid.Bool().Draw(r, "frozen"), rapid.Bool().Draw(r, "descending")
		anew, grows := rapid.Bool().Draw(r, "another revision"), rapid.Bool().Draw(r, "second grows")
		asked := queried().named("first")
		w.argo.answer = answer(0, 60)
		w.must(w.apply(asked))
		w.argo.finish()
		_, err := w.refresh("first")
		w.must(err)
		w.argo.answer = answer(0, 80)
		if anew {
			w.policy.Revision = "b"
		} else { // the answer is there, and nobody has read it
			w.policy.RerunToken = "2"
			w.must(w.apply(asked))
			w.argo.finish()
		}
		s := engine.Submission{Value: asked.value(t), Owner: w.kept.owner, Known: w.kept.known, Policy: w.policy}
		first := func(e *engine.Engine) (*state.Observation, hcl.Diagnostics) { return e.Update(t.Context(), s) }
		takes := orders().named("second").between(60, 160, 5).value(t)
		second := func(e *engine.Engine) (*state.Observation, hcl.Diagnostics) {
			return e.Create(t.Context(), engine.Submission{Value: takes})
		}
		if grows && !anew { // with another revision the second job is in the way from the start
			o, diags := w.process().
				Create(t.Context(), engine.Submission{Value: orders().named("second").between(100, 160, 5).value(t)})
			w.must(errorOf(diags))
			w.argo.finish()
			second = func(e *engine.Engine) (*state.Observation, hcl.Diagnostics) {
				return e.Update(t.Context(), engine.Submission{Value: takes, Owner: o.Owner})
			}
		}
		turns := rapid.SliceOfN(rapid.Bool(), 60, 60).Draw(r, "turns")
		a, b := startRacer(w.cluster, 1, first), startRacer(w.cluster, 2, second)
		raceBoth(a, b, func() bool {
			if len(turns) == 0 {
				return true
			}
			turn := turns[0]
			turns = turns[1:]
			return turn
		})
		for name, racer := range map[string]*racer{"first": a, "second": b} {
			if !racer.won && codeOf(racer.diags) != diag.CodeOverlap {
				r.Fatalf("%s: %v", name, racer.diags)
			}
		}
		w.argo.finish()
		for k := int64(60); k < 80; k++ {
			if n := w.argo.times[k]; n > 1 || n == 0 && (a.won || b.won) {
				r.Fatalf("key %d was processed %d times; first won %t, second %t", k, n, a.won, b.won)
			}
		}
		for _, obj := range w.cluster.Objects() {
			if obj.GetLabels()["backfill.dev/reserved-hash"] != "" {
				r.Fatalf("%s keeps a reservation", obj.GetName())
			}
		}
		outcomes[fmt.Sprintf("first %t, second %t", a.won, b.won)]++
	})
	t.Log(outcomes)
	if len(outcomes) < 2 {
		t.Error("the race always ends in the same way")
	}
}
