// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"math/rand"
	"reflect"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

var start = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)

// declared is a job as a user writes it.
type declared map[string]any

func orders() declared {
	return declared{
		"name": "orders", "namespace": "data",
		"partition": map[string]any{"range": map[string]any{"start": 0, "end": 60, "size": 5}},
		"runner":    map[string]any{"image": "example.com/orders:1", "command": []string{"run"}},
	}
}

func (d declared) with(name string, v any) declared {
	out := maps.Clone(d)
	out[name] = v
	return out
}

func (d declared) between(start, end, size int64) declared {
	return d.with("partition", map[string]any{"range": map[string]any{"start": start, "end": end, "size": size}})
}

func (d declared) image(name string) declared {
	return d.with("runner", map[string]any{"image": name, "command": []string{"run"}})
}

func (d declared) value(t testing.TB) cty.Value {
	t.Helper()
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	v, err := job.ParseCanonical(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// world is a cluster with Argo, and one Terraform state.
type world struct {
	testing.TB
	cluster *fake.Cluster
	argo    *simulator
	random  *rand.Rand
	engine  *engine.Engine
	// process makes the engine of a new process, as each command has one.
	process func() *engine.Engine
	state   *state
	policy  engine.Policy
}

// state is what Terraform keeps of the job.
type state struct {
	owner string
	known *engine.Known
}

func newWorld(t testing.TB) *world {
	c := fake.New(start)
	w := &world{TB: t, cluster: c, argo: newSimulator(t, c), random: rand.New(rand.NewSource(1))}
	w.process = func() *engine.Engine { return engine.New(c, w.options()) }
	w.engine = w.process()
	return w
}

func (w *world) options() engine.Options {
	return engine.Options{
		Now: func() time.Time { return start }, Random: w.random,
		// Time passes in the cluster while somebody waits.
		Pause: func(ctx context.Context, _ time.Duration) error { w.argo.tick(1); return ctx.Err() },
	}
}

// retrying puts the product's retries between engine and cluster.
func (w *world) retrying() {
	policy := cluster.DefaultRetry()
	policy.Pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	w.process = func() *engine.Engine { return engine.New(cluster.WithRetry(w.cluster, policy), w.options()) }
	w.engine = w.process()
}

func errorOf(diags hcl.Diagnostics) error {
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			return d
		}
	}
	return nil
}

// ledgerOf remembers an observation as the provider does.
func ledgerOf(_ *world, o *engine.Observation) *engine.Known {
	return &engine.Known{Job: o.Job, Done: o.Done.Text(o.Domain), Failed: o.Failed.Text(o.Domain), Bounds: o.Bounds, Message: o.Message, Phase: o.Phase, Run: o.Run, Drift: o.Drift, Policy: o.Policy, Ending: o.Ending, SetupError: o.SetupError, Canary: o.Canary, Gate: o.Gate}
}

// refresh is Terraform's: read, and forget what is gone.
func (w *world) refresh(name string) (*engine.Observation, error) {
	w.engine = w.process()
	if w.state == nil {
		return nil, nil
	}
	o, diags := w.engine.ObserveKnown(w.Context(), "data", name, w.state.known)
	if err := errorOf(diags); err != nil {
		return nil, err
	}
	if o == nil {
		w.state = nil
		return nil, nil
	}
	w.state.known = ledgerOf(w, o)
	return o, nil
}

// plan is what Terraform would do: nil for an empty plan.
func (w *world) plan(d declared) (next *engine.NextRun, empty bool) {
	w.Helper()
	var known *engine.Known
	if w.state != nil {
		known = w.state.known
	}
	p, diags := engine.Declare(d.value(w)).PlanWith(w.policy, known)
	if diags.HasErrors() {
		w.Fatal(diags)
	}
	canonical, err := job.Canonical(d.value(w))
	if err != nil {
		w.Fatal(err)
	}
	same := known != nil && bytes.Equal(known.Job, canonical) && reflect.DeepEqual(known.Policy, w.policy)
	return p.Next, same && p.Next == nil && len(p.Heals) == 0
}

// apply refreshes, plans and does what the plan says.
func (w *world) apply(d declared) error {
	w.Helper()
	if _, err := w.refresh(d["name"].(string)); err != nil {
		return err
	}
	next, empty := w.plan(d)
	if empty {
		return nil
	}
	s := engine.Submission{Value: d.value(w), Planned: next, Pinned: true, Policy: w.policy}
	var (
		o     *engine.Observation
		diags hcl.Diagnostics
	)
	if w.state == nil {
		o, diags = w.engine.Create(w.Context(), s)
	} else {
		s.Owner, s.Known = w.state.owner, w.state.known
		o, diags = w.engine.Update(w.Context(), s)
	}
	if o != nil {
		w.state = &state{owner: o.Owner, known: ledgerOf(w, o)}
	}
	return errorOf(diags)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) observe(name string) *engine.Observation {
	w.Helper()
	o, diags := w.engine.Observe(w.Context(), "data", name)
	if err := errorOf(diags); err != nil {
		w.Fatal(err)
	}
	return o
}

// names lists what is in the cluster, as kind/name.
func (w *world) names() []string {
	var all []string
	for _, o := range w.cluster.Objects() {
		all = append(all, o.GetKind()+"/"+o.GetName())
	}
	return all
}

// exactly demands that every key of [lo, hi) was processed n times.
func (w *world) exactly(lo, hi int64, n int) {
	w.Helper()
	for k := lo; k < hi; k++ {
		if w.argo.times[k] != n {
			w.Fatalf("key %d was processed %d times, want %d", k, w.argo.times[k], n)
		}
	}
}

func count(calls []cluster.Call, verbs ...string) int {
	n := 0
	for _, c := range calls {
		for _, v := range verbs {
			if c.Verb == v {
				n++
			}
		}
	}
	return n
}

func (w *world) patch(kind cluster.Kind, name, patch string) {
	w.Helper()
	_, err := w.cluster.Patch(w.Context(), kind, "data", name, []byte(patch))
	w.must(err)
}

func (w *world) workflows() (parallelism map[string]int64) {
	parallelism = map[string]int64{}
	for _, o := range w.cluster.Objects() {
		if o.GetKind() == "Workflow" {
			spec := o.Object["spec"].(map[string]any)
			parallelism[o.GetName()], _ = spec["parallelism"].(int64)
		}
	}
	return parallelism
}

func codeOf(diags hcl.Diagnostics) string {
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			return diag.CodeOf(d)
		}
	}
	return ""
}
