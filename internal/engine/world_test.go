// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/decide"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
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

func (d declared) canonical(t testing.TB) string {
	t.Helper()
	text, err := job.Canonical(d.value(t))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
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
	kept    *remembered
	policy  state.Policy
}

// remembered is what Terraform keeps of the job.
type remembered struct {
	owner string
	known *state.Observation
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
func ledgerOf(t testing.TB, o *state.Observation) *state.Observation {
	data, err := state.EncodePrivate(&o.State)
	if err != nil {
		t.Fatal(err)
	}
	s, err := state.DecodePrivate(o.Namespace, o.Name, data)
	if err != nil {
		t.Fatal(err)
	}
	return &state.Observation{State: *s, Phase: o.Phase, Drift: o.Drift, Unrecorded: o.Unrecorded}
}

// refresh is Terraform's: read, and forget what is gone.
func (w *world) refresh(name string) (*state.Observation, error) {
	w.engine = w.process()
	if w.kept == nil {
		return nil, nil
	}
	o, diags := w.engine.ObserveKnown(w.Context(), "data", name, w.kept.known)
	if err := errorOf(diags); err != nil {
		return nil, err
	}
	if o == nil {
		w.kept = nil
		return nil, nil
	}
	w.kept.known = ledgerOf(w, o)
	return o, nil
}

// plan is what Terraform would do: nil for an empty plan.
func (w *world) plan(d declared) (next *decide.NextRun, empty bool) {
	w.Helper()
	p, empty := w.preview(d)
	return p.Next, empty
}

func (w *world) preview(d declared) (p *decide.Preview, empty bool) {
	w.Helper()
	var known *state.Observation
	if w.kept != nil {
		known = w.kept.known
	}
	p, diags := decide.Declare(d.value(w)).PlanWith(w.policy, known)
	if diags.HasErrors() {
		w.Fatal(diags)
	}
	same := known != nil && known.Declaration.Text() == d.canonical(w) && reflect.DeepEqual(known.Policy, w.policy)
	return p, same && p.Next == nil && len(p.Repairs) == 0
}

// apply refreshes, plans and does what the plan says.
func (w *world) apply(d declared) error {
	w.Helper()
	if _, err := w.refresh(d["name"].(string)); err != nil {
		return err
	}
	p, empty := w.preview(d)
	if empty {
		return nil
	}
	s := engine.Submission{Value: d.value(w), Planned: p.Next, Pinned: true, Policy: w.policy}
	var (
		o     *state.Observation
		diags hcl.Diagnostics
	)
	if w.kept == nil {
		o, diags = w.engine.Create(w.Context(), s)
	} else {
		s.Owner, s.Known = w.kept.owner, w.kept.known
		o, diags = w.engine.Update(w.Context(), s)
	}
	if o != nil {
		w.kept = &remembered{owner: o.Owner, known: ledgerOf(w, o)}
		if !slices.ContainsFunc(diags, func(d *hcl.Diagnostic) bool { return diag.CodeOf(d) == diag.CodeAdopted }) {
			w.asForeseen(p, o) // an adopted job may be anywhere
		}
	}
	return errorOf(diags)
}

// asForeseen demands of an apply what its plan has promised, where nothing but the
// apply has changed anything meanwhile.
func (w *world) asForeseen(p *decide.Preview, o *state.Observation) {
	w.Helper()
	if p.After == nil || slices.ContainsFunc(p.Actions, endsRun) || w.cluster.Before != nil || w.cluster.After != nil {
		return
	}
	if got, want := resultsOf(o), resultsOf(p.After); got != want {
		w.Errorf("the plan promised\n%s, and there is\n%s", want, got)
	}
}

// endsRun tells whether an action waits for the end of a run, and so for what
// nobody can foresee.
func endsRun(a decide.Action) bool {
	switch a := a.(type) {
	case decide.StopRun:
		return true
	case decide.SetPaused:
		return a.Paused
	}
	return false
}

// resultsOf are what users see of a job. A run that goes on again counts as
// running before it is known whether it had begun.
func resultsOf(o *state.Observation) string {
	phase := o.Phase
	if phase == state.PhasePending && o.Active() != nil {
		phase = state.PhaseRunning
	}
	return fmt.Sprintf("%s %s %s done %s failed %s %v", phase, o.LatestRun(), o.Progress(), o.DoneText(), o.FailedText(),
		o.FailedPartitions(state.MaxRemembered))
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) observe(name string) *state.Observation {
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
