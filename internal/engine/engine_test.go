// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
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
func ledgerOf(w *world, o *engine.Observation) *engine.Known {
	v, err := job.ParseCanonical(o.Job)
	if err != nil {
		w.Fatal(err)
	}
	j, diags := job.Decode(v)
	if diags.HasErrors() {
		w.Fatal(diags)
	}
	return &engine.Known{Job: o.Job, Done: o.Done.Text(j.Domain), Failed: o.Failed.Text(j.Domain), Phase: o.Phase, Run: o.Run, Drift: o.Drift, Policy: o.Policy}
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
	p, diags := engine.PlanJobWith(d.value(w), w.policy, known)
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

func TestLifeOfAJob(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	if n := count(w.cluster.Calls(), "create", "update", "patch", "delete"); n != 3 {
		t.Errorf("create took %d writes: %v", n, w.cluster.Calls())
	}
	if w.state.known.Phase != engine.Pending || w.state.known.Run != "orders-r1" {
		t.Errorf("after create: %+v", w.state.known)
	}
	w.argo.tick(4)
	o := w.observe("orders")
	if o.Phase != engine.Running || o.DoneCount != 4 || o.RemainingCount != 8 || o.Total != 12 || o.DoneText != "[0,20)" {
		t.Errorf("while running: phase %s, done %d %s, remaining %d of %d", o.Phase, o.DoneCount, o.DoneText, o.RemainingCount, o.Total)
	}
	w.must(w.apply(orders()))
	if len(w.names()) != 3 {
		t.Errorf("an apply while running made %v", w.names())
	}
	w.argo.finish()
	o = w.observe("orders")
	if o.Phase != engine.Complete || o.RemainingText != "" || o.RemainingCount != 0 {
		t.Errorf("at the end: %+v", o)
	}
	w.must(w.cluster.Delete(t.Context(), cluster.Workflow, "data", "orders-r1", ""))
	w.cluster.ResetCalls()
	w.must(w.apply(orders()))
	if calls := w.cluster.Calls(); len(calls) != 1 {
		t.Errorf("a refresh of a finished job took %v", calls)
	}
	w.exactly(0, 60, 1)
	w.must(errorOf(w.engine.Delete(t.Context(), "data", "orders", w.state.owner)))
	if left := w.names(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFailedPartitionsAreDrift(t *testing.T) {
	w := newWorld(t)
	w.argo.fails = func(lo, _ int64) bool { return lo == 10 || lo == 45 }
	w.must(w.apply(orders()))
	w.argo.finish()
	o, err := w.refresh("orders")
	w.must(err)
	if o.Phase != engine.Failed || o.FailedText != "[10,15) [45,50)" || len(o.FailedPartitions) != 2 {
		t.Fatalf("phase %s, failed %s", o.Phase, o.FailedText)
	}
	f := o.FailedPartitions[0]
	if f.Key != "10--15" || f.Start != "10" || f.End != "15" || f.Attempts != 1 || f.Message != "main: Error (exit code 1)" {
		t.Errorf("failure %+v", f)
	}
	next, _ := w.plan(orders())
	if next == nil || next.Intervals != "[10,15) [45,50)" || next.Partitions != 2 || next.Because != "2 partitions failed." {
		t.Fatalf("next run %+v", next)
	}
	w.argo.fails = func(int64, int64) bool { return false }
	w.must(w.apply(orders()))
	w.argo.finish()
	o, err = w.refresh("orders")
	w.must(err)
	if o.Phase != engine.Complete || o.Run != "orders-r2" || len(o.FailedPartitions) != 0 {
		t.Errorf("after the second run: phase %s of %s", o.Phase, o.Run)
	}
	if _, empty := w.plan(orders()); !empty {
		t.Error("the plan is not empty")
	}
	w.exactly(0, 60, 1)
}

func TestShards(t *testing.T) {
	w := newWorld(t)
	d := orders().with("shard_size", 5)
	w.argo.fails = func(lo, _ int64) bool { return lo == 30 }
	w.must(w.apply(d))
	w.argo.tick(2)
	w.argo.tick(2)
	if o := w.observe("orders"); o.Phase != engine.Running || o.DoneCount == 0 {
		t.Errorf("while running: phase %s, %d done", o.Phase, o.DoneCount)
	}
	w.argo.finish()
	if o := w.observe("orders"); o.Phase != engine.Failed || o.FailedText != "[30,35)" || o.DoneCount != 11 {
		t.Errorf("at the end: phase %s, failed %s, %d done", o.Phase, o.FailedText, o.DoneCount)
	}
}

func TestEdits(t *testing.T) {
	tests := map[string]struct {
		edit    func(declared) declared
		next    string // intervals, "" for none
		because string
		runs    int // runs in all
	}{
		"runner":            {func(d declared) declared { return d.image("example.com/orders:2") }, "", "", 1},
		"reason":            {func(d declared) declared { return d.with("reason", "another") }, "", "", 1},
		"larger partitions": {func(d declared) declared { return d.between(0, 60, 20) }, "", "", 1},
		"domain grows":      {func(d declared) declared { return d.between(0, 75, 5) }, "[60,75)", "3 partitions are new because the domain has grown.", 2},
		"grows at the head": {func(d declared) declared { return d.between(-5, 60, 5) }, "[-5,0)", "1 partition is new because the domain has grown.", 2},
		"domain shrinks":    {func(d declared) declared { return d.between(10, 50, 5) }, "", "", 1},
		"grows with runner": {func(d declared) declared { return d.image("example.com/orders:2").between(0, 65, 5) }, "[60,65)",
			"1 partition is new because the domain has grown. The runner changed; they run with the new template.", 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.must(w.apply(orders()))
			w.argo.finish()
			_, err := w.refresh("orders")
			w.must(err)
			edited := test.edit(orders())
			next, _ := w.plan(edited)
			if next == nil && test.next != "" || next != nil && (next.Intervals != test.next || next.Because != test.because) {
				t.Fatalf("next run %+v, want %q because %q", next, test.next, test.because)
			}
			w.must(w.apply(edited))
			w.argo.finish()
			o, err := w.refresh("orders")
			w.must(err)
			if o.Phase != engine.Complete || o.Run != fmt.Sprintf("orders-r%d", test.runs) {
				t.Errorf("phase %s of %s", o.Phase, o.Run)
			}
			if _, empty := w.plan(edited); !empty {
				t.Error("the plan is not empty")
			}
			for k, n := range w.argo.times {
				if n != 1 {
					t.Errorf("key %d was processed %d times", k, n)
				}
			}
		})
	}
}

func TestRunnerEditStopsTheActiveRun(t *testing.T) {
	for _, size := range []int64{500, 5} {
		w := newWorld(t)
		d := orders().with("shard_size", size)
		w.must(w.apply(d))
		w.argo.tick(3)
		w.argo.tick(3)
		_, err := w.refresh("orders")
		w.must(err)
		edited := d.image("example.com/orders:2")
		next, _ := w.plan(edited)
		if next == nil || !strings.Contains(next.Because, "orders-r1 is active") {
			t.Fatalf("next run %+v", next)
		}
		w.must(w.apply(edited))
		if w.state.known.Run != "orders-r2" {
			t.Fatalf("run %s", w.state.known.Run)
		}
		w.argo.finish()
		if o := w.observe("orders"); o.Phase != engine.Complete {
			t.Errorf("phase %s", o.Phase)
		}
		w.exactly(0, 60, 1)
	}
}

func TestDomainEditsLetTheActiveRunGoOn(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	w.argo.tick(3)
	edited := orders().between(10, 80, 7)
	w.must(w.apply(edited))
	if o := w.observe("orders"); o.Phase != engine.Running || o.Run != "orders-r1" || o.Total != 10 {
		t.Fatalf("phase %s of %s, total %d", o.Phase, o.Run, o.Total)
	}
	w.argo.finish()
	o, err := w.refresh("orders")
	w.must(err)
	if o.Phase != engine.Incomplete || o.RemainingText != "[60,80)" {
		t.Fatalf("phase %s, remaining %s", o.Phase, o.RemainingText)
	}
	w.must(w.apply(edited))
	w.argo.finish()
	if o := w.observe("orders"); o.Phase != engine.Complete {
		t.Errorf("phase %s", o.Phase)
	}
	w.exactly(0, 80, 1)
}

func TestLostRunCountsAsNotDone(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	w.argo.tick(3)
	w.must(w.cluster.Delete(t.Context(), cluster.Workflow, "data", "orders-r1", ""))
	o, diags := w.engine.Observe(t.Context(), "data", "orders")
	if o == nil || o.Phase != engine.Incomplete || len(diags) != 1 || diag.CodeOf(diags[0]) != diag.CodeRunLost {
		t.Fatalf("got %+v, %v", o, diags)
	}
	w.must(w.apply(orders()))
	w.argo.finish()
	if o := w.observe("orders"); o.Phase != engine.Complete {
		t.Errorf("phase %s", o.Phase)
	}
}

func TestReadOnlyCredential(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	w.argo.finish()
	w.cluster.Before = func(c cluster.Call) error {
		if c.Verb == "get" || c.Verb == "list" {
			return nil
		}
		return cluster.NewError(cluster.Forbidden, c, "", nil)
	}
	o, diags := w.engine.Observe(t.Context(), "data", "orders")
	if o == nil || o.Phase != engine.Complete || len(diags) != 1 || diag.CodeOf(diags[0]) != diag.CodeNotRecorded || diags.HasErrors() {
		t.Fatalf("got %+v, %v", o, diags)
	}
}

func TestOwnership(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	w.argo.finish()
	before := len(w.names())
	s := engine.Submission{Value: orders().image("x:1").between(0, 90, 5).value(t), Owner: "somebody else"}
	if _, diags := w.engine.Update(t.Context(), s); codeOf(diags) != diag.CodeHeldElsewhere {
		t.Errorf("update: %v", diags)
	}
	if diags := w.engine.Delete(t.Context(), "data", "orders", "somebody else"); codeOf(diags) != diag.CodeHeldElsewhere {
		t.Errorf("delete: %v", diags)
	}
	if _, diags := w.engine.Create(t.Context(), engine.Submission{Value: orders().between(0, 90, 5).value(t)}); codeOf(diags) != diag.CodeJobExists ||
		!strings.Contains(diags.Error(), "terraform import <address> data/orders") {
		t.Errorf("create of another declaration: %v", diags)
	}
	if len(w.names()) != before {
		t.Errorf("objects were made: %v", w.names())
	}
}

func codeOf(diags hcl.Diagnostics) string {
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			return diag.CodeOf(d)
		}
	}
	return ""
}

func TestForeignObjectsAreNeverOverwritten(t *testing.T) {
	probe := newWorld(t)
	probe.must(probe.apply(orders()))
	for _, o := range probe.cluster.Objects() {
		t.Run(o.GetKind(), func(t *testing.T) {
			w := newWorld(t)
			foreign := o.DeepCopy()
			foreign.SetLabels(map[string]string{"app": "theirs"})
			foreign.SetResourceVersion("")
			theirs, err := w.cluster.Create(t.Context(), foreign)
			w.must(err)
			if err := w.apply(orders()); err == nil || !strings.Contains(err.Error(), "never overwritten") {
				t.Fatalf("got %v", err)
			}
			now, err := w.cluster.Get(t.Context(), cluster.Kind(o.GetKind()), "data", o.GetName())
			w.must(err)
			if now.GetResourceVersion() != theirs.GetResourceVersion() {
				t.Error("the object was changed")
			}
			if left := w.names(); len(left) != 1 {
				t.Errorf("the failed creation left %v", left)
			}
		})
	}
}

func TestStalePlan(t *testing.T) {
	w := newWorld(t)
	w.argo.fails = func(lo, _ int64) bool { return lo == 10 || lo == 45 }
	w.must(w.apply(orders()))
	w.argo.finish()
	_, err := w.refresh("orders")
	w.must(err)
	next, _ := w.plan(orders())
	// Somebody else repairs one partition meanwhile, with the same token.
	w.argo.fails = func(lo, _ int64) bool { return lo == 10 }
	w.must(w.apply(orders()))
	w.argo.finish()
	w.cluster.ResetCalls()
	_, diags := w.engine.Update(t.Context(), engine.Submission{Value: orders().value(t), Owner: w.state.owner, Planned: next, Pinned: true})
	if codeOf(diags) != diag.CodeStalePlan {
		t.Fatalf("got %v", diags)
	}
	if n := count(w.cluster.Calls(), "create"); n > 0 {
		t.Errorf("%d objects were created", n)
	}
}

func TestTemplateEditedByHandIsRestored(t *testing.T) {
	w := newWorld(t)
	w.argo.fails = func(lo, _ int64) bool { return lo == 10 }
	w.must(w.apply(orders()))
	w.argo.finish()
	_, err := w.refresh("orders")
	w.must(err)
	name := ""
	for _, o := range w.cluster.Objects() {
		if o.GetKind() == "WorkflowTemplate" {
			name = o.GetName()
		}
	}
	_, err = w.cluster.Patch(t.Context(), cluster.WorkflowTemplate, "data", name, []byte(`{"spec":{"templates":[]}}`))
	w.must(err)
	w.must(w.apply(orders()))
	o, err := w.cluster.Get(t.Context(), cluster.WorkflowTemplate, "data", name)
	w.must(err)
	if templates, _ := o.Object["spec"].(map[string]any)["templates"].([]any); len(templates) == 0 {
		t.Error("the template was not restored")
	}
}

func TestCompileIsOffline(t *testing.T) {
	c, diags := engine.Compile(orders().value(t), ledger.Set{}, 7)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var kinds []string
	for _, o := range c.Objects {
		kinds = append(kinds, o.GetKind()+"/"+o.GetName())
	}
	if got := strings.Join(kinds, " "); got != "WorkflowTemplate/"+c.Template+" Workflow/orders-r7" {
		t.Errorf("objects: %s", got)
	}
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

func TestMaxParallelChangesWhileRunning(t *testing.T) {
	for _, test := range []struct {
		size, to   int
		run, child int64
	}{{500, 3, 3, 0}, {500, 40, 40, 0}, {4, 2, 1, 2}, {4, 40, 3, 13}} {
		w := newWorld(t)
		d := orders().with("shard_size", test.size)
		w.must(w.apply(d))
		w.argo.tick(1)
		w.must(w.apply(d.with("max_parallel", test.to)))
		for name, got := range w.workflows() {
			want := test.run
			if name != "orders-r1" {
				want = test.child
			}
			if got != want {
				t.Errorf("max_parallel %d: parallelism of %s is %d, want %d", test.to, name, got, want)
			}
		}
		w.argo.finish()
		if o := w.observe("orders"); o.Phase != engine.Complete || o.Run != "orders-r1" {
			t.Errorf("phase %s of %s", o.Phase, o.Run)
		}
		w.exactly(0, 60, 1)
	}
}

func TestEditsByHandAreDrift(t *testing.T) {
	tests := map[string]struct {
		edit func(*world, string)
		want string
	}{
		"parallelism": {func(w *world, _ string) { w.patch(cluster.Workflow, "orders-r1", `{"spec":{"parallelism":1}}`) }, "spec.parallelism is 1 and was written as 10"},
		"template": {func(w *world, template string) {
			w.patch(cluster.WorkflowTemplate, template, `{"spec":{"templates":[]}}`)
		}, "spec.templates is []"},
		"template gone": {func(w *world, template string) {
			w.must(w.cluster.Delete(w.Context(), cluster.WorkflowTemplate, "data", template, ""))
		}, "was deleted while run orders-r1 needs it"},
		"record gone": {func(w *world, _ string) {
			w.must(w.cluster.Delete(w.Context(), cluster.ConfigMap, "data", "orders-backfill", ""))
		}, "ConfigMap data/orders-backfill, is gone"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.must(w.apply(orders()))
			w.argo.tick(2)
			o, err := w.refresh("orders")
			w.must(err)
			if len(o.Drift) != 0 {
				t.Fatalf("drift without an edit: %q", o.Drift)
			}
			test.edit(w, o.Template)
			o, err = w.refresh("orders")
			w.must(err)
			if len(o.Drift) != 1 || !strings.Contains(o.Drift[0], test.want) {
				t.Fatalf("drift %q, want %q", o.Drift, test.want)
			}
			if _, empty := w.plan(orders()); empty {
				t.Error("the plan is empty")
			}
			w.must(w.apply(orders()))
			o, err = w.refresh("orders")
			w.must(err)
			if len(o.Drift) != 0 {
				t.Errorf("drift after the apply: %q", o.Drift)
			}
			w.argo.finish()
			if o := w.observe("orders"); o.Phase != engine.Complete || o.Run != "orders-r1" {
				t.Errorf("phase %s of %s", o.Phase, o.Run)
			}
			w.exactly(0, 60, 1)
		})
	}
}

func TestImportTakesOver(t *testing.T) {
	w := newWorld(t)
	w.argo.fails = func(lo, _ int64) bool { return lo == 10 }
	w.must(w.apply(orders()))
	w.argo.finish()
	old := w.state
	w.state = &state{known: &engine.Known{}}
	_, err := w.refresh("orders")
	w.must(err)
	w.argo.fails = func(int64, int64) bool { return false }
	w.must(w.apply(orders()))
	if w.state.owner == "" || w.state.owner == old.owner {
		t.Errorf("owner %q after the import, %q before", w.state.owner, old.owner)
	}
	w.argo.finish()
	imported := w.state
	w.state = old
	if err := w.apply(orders().between(0, 90, 5)); err == nil || !strings.Contains(err.Error(), "another Terraform state") {
		t.Errorf("the old state may still write: %v", err)
	}
	w.state = imported
	if o := w.observe("orders"); o.Phase != engine.Complete || o.Total != 12 {
		t.Errorf("phase %s, total %d", o.Phase, o.Total)
	}
	w.exactly(0, 60, 1)
}

// TestRefreshOfManyJobs demands that refreshing finished jobs takes a number of
// requests that does not grow with them.
func TestRefreshOfManyJobs(t *testing.T) {
	w := newWorld(t)
	const jobs = 50
	states := make([]*state, jobs)
	for i := range jobs {
		w.state = nil
		w.must(w.apply(orders().with("name", fmt.Sprintf("orders-%d", i))))
		states[i] = w.state
	}
	requests := func() int {
		e := w.process()
		w.cluster.ResetCalls()
		for i := range jobs {
			o, diags := e.ObserveKnown(t.Context(), "data", fmt.Sprintf("orders-%d", i), states[i].known)
			w.must(errorOf(diags))
			if o.Name != fmt.Sprintf("orders-%d", i) {
				t.Fatalf("got %s", o.Name)
			}
		}
		return len(w.cluster.Calls())
	}
	w.argo.finish()
	// Two reads each of records and runs, and to merge a run two writes.
	if n := requests(); n != 4+2*jobs {
		t.Errorf("%d requests to merge %d runs", n, jobs)
	}
	if n := requests(); n != 2 {
		t.Errorf("%d requests to refresh %d finished jobs: %v", n, jobs, w.cluster.Calls())
	}
}
