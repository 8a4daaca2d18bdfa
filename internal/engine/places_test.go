// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"context"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
)

// sharded is a job of three shards where the controller processes that many Workflows.
func sharded(name string, places int) declared {
	return orders().with("name", name).with("shard_size", 5).with("controller", map[string]any{"max_workflows": places})
}

func (w *world) creation(d declared) hcl.Diagnostics {
	_, diags := w.engine.Create(w.Context(), engine.Submission{Value: d.value(w)})
	return diags
}

// Runs with shards leave a place for shards: the one that would take the last leaves
// nothing behind, and is submitted when another has ended.
func TestLastPlaceIsLeftForShards(t *testing.T) {
	w := newWorld(t)
	w.must(errorOf(w.creation(sharded("a", 3))))
	w.must(errorOf(w.creation(sharded("b", 3))))
	before := len(w.names())
	if diags := w.creation(sharded("c", 3)); codeOf(diags) != diag.CodeNoPlace ||
		!strings.Contains(diags.Error(), "a-r1, b-r1") || len(w.names()) != before {
		t.Errorf("a third run: %v, left %v", diags, w.names())
	}
	w.must(errorOf(w.creation(sharded("small", 3).with("shard_size", 500))))
	w.must(errorOf(w.creation(sharded("unlimited", 3).with("controller", nil))))
	w.argo.finish()
	w.must(errorOf(w.creation(sharded("c", 3))))
}

// An update is refused before it claims its run, so that another apply continues.
func TestUpdateWithoutAPlace(t *testing.T) {
	w := newWorld(t)
	d := sharded("a", 2)
	w.argo.fails = func(lo, _ int64) bool { return lo%10 == 0 }
	w.must(w.apply(d))
	w.argo.finish()
	w.argo.fails = func(int64, int64) bool { return false }
	if diags := w.creation(sharded("b", 2)); diags.HasErrors() {
		t.Fatal(diags)
	}
	d = d.with("shard_size", 2)
	if err := w.apply(d); codeOfError(err) != diag.CodeNoPlace {
		t.Fatalf("got %v", err)
	}
	if o := w.observe("a"); o.LatestRun() != "a-r1" || o.UnderWay() {
		t.Errorf("the refused update left run %s, %s", o.LatestRun(), o.Phase)
	}
	w.argo.finish()
	w.must(w.apply(d))
	if o := w.observe("a"); o.LatestRun() != "a-r2" || !o.UnderWay() {
		t.Errorf("the next one: run %s, %s", o.LatestRun(), o.Phase)
	}
}

// A second run appears between any two calls of the first one's creation, in the same
// second or later, with a smaller or a larger UID: exactly one of them stays.
func TestRaceForTheLastPlace(t *testing.T) {
	eachRace(t, 7, raceForPlace)
}

func raceForPlace(t *testing.T, c *fake.Cluster, point int) {
	outcomes := map[string]bool{}
	create := func(seed int64, name string) {
		e := engine.New(c, engine.Options{
			Now: func() time.Time { return start }, Random: rand.New(rand.NewSource(seed)),
			Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		})
		o, diags := e.Create(t.Context(), engine.Submission{Value: sharded(name, 2).value(t)})
		if o == nil && codeOf(diags) != diag.CodeNoPlace {
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
		t.Fatalf("the creation has only %d calls", calls)
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

// putOff is what Argo writes on a Workflow that it does not process yet.
const putOff = `{"status":{"phase":"Pending","message":` +
	`"Workflow processing has been postponed because too many workflows are already running"}}`

// holding lets a run hold a place while its first launcher waits for a shard that
// Argo has put off.
func (w *world) holding(job string) {
	w.Helper()
	run := job + "-r1"
	w.patch(cluster.Workflow, run, `{"status":{"phase":"Running","nodes":{"l":{"id":"l","type":"Pod","phase":"Running",
		"displayName":"shards(0:0)(0)","templateRef":{"template":"launcher"},"startedAt":"2026-01-02T00:00:00Z",
		"inputs":{"parameters":[{"name":"k","value":"0"},{"name":"g","value":"0"},{"name":"from","value":"0"},
		{"name":"count","value":"5"}]}}}}}`)
	child := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"}}
	child.SetNamespace("data")
	child.SetName(run + "-s0")
	child.SetLabels(map[string]string{"backfill.dev/job": job, "backfill.dev/run": "1", "backfill.dev/shard": "0"})
	_, err := w.cluster.Create(w.Context(), child)
	w.must(err)
	w.patch(cluster.Workflow, run+"-s0", putOff)
}

// Two runs whose shards find no place wait for each other for ever: that is told soon,
// with who they are and what helps, and no more when something else holds a place.
func TestRunsThatWaitForEachOtherAreTold(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	o.Pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() } // Argo does nothing by itself
	w.engine = engine.New(w.cluster, o)
	w.must(errorOf(w.creation(orders().with("name", "small"))))
	w.patch(cluster.Workflow, "small-r1", putOff)
	for _, name := range []string{"a", "b"} {
		w.must(errorOf(w.creation(orders().with("name", name).with("shard_size", 5))))
		w.holding(name)
	}
	w.at(time.Minute)
	if o := w.observe("a"); len(o.Obstacles) != 1 || o.Obstacles[0].Stuck {
		t.Errorf("at once: %+v", o.Obstacles)
	}
	w.at(3 * time.Minute)
	stuck := observe.Stuck(w.observe("a"))
	if len(stuck) != 1 {
		t.Fatalf("got %v", stuck)
	}
	for _, want := range []string{"1 Workflow of the run waits, because as many Workflows run as the Argo controller",
		"hold places in the namespace: a-r1, b-r1. They wait for each other for ever. Stop one of them",
		"workflows.argoproj.io/parallelism-limit", "controller.max_workflows"} {
		if !strings.Contains(stuck[0].Detail, want) {
			t.Errorf("%q is not in %s", want, stuck[0].Detail)
		}
	}
	w.patch(cluster.Workflow, "small-r1", `{"status":{"phase":"Running"}}`)
	if o := w.observe("a"); len(observe.Stuck(o)) > 0 || len(o.Obstacles) != 1 ||
		!strings.Contains(o.Obstacles[0].Fix, "They start as others end.") {
		t.Errorf("beside a run that works: %+v", o.Obstacles)
	}
}

// A run that Argo has put off is no run that Argo does not see; when it is stopped, it
// is told in the only way that Argo heeds then.
func TestRunThatWaitsForAPlace(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	w.patch(cluster.Workflow, "orders-r1", putOff)
	w.at(5 * time.Minute)
	o := w.observe("orders")
	if len(o.Obstacles) != 1 || !strings.Contains(o.Obstacles[0].What, "the run waits, because as many Workflows run") {
		t.Errorf("got %+v", o.Obstacles)
	}
	if _, diags := w.engine.Stop(t.Context(), "data", "orders"); diags.HasErrors() {
		t.Fatal(diags)
	}
	run, err := w.cluster.Get(t.Context(), cluster.Workflow, "data", "orders-r1")
	w.must(err)
	if shutdown, _, _ := unstructured.NestedString(run.Object, "spec", "shutdown"); shutdown != "Terminate" {
		t.Errorf("it is told to %q", shutdown)
	}
}
