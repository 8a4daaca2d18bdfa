// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// pod is a partition's only attempt.
func pod(i int, phase, message string, since time.Time) map[string]any {
	return map[string]any{
		"id": fmt.Sprint(
			i,
		),
		"displayName": fmt.Sprintf("p(%d:%d)(0)", i, i),
		"type":        "Pod",
		"phase":       phase,
		"message":     message,
		"templateRef": map[string]any{
			"template": "partition",
		},
		"startedAt":    since.Format(time.RFC3339),
		"hostNodeName": "node-7",
		"inputs":       map[string]any{"parameters": []any{map[string]any{"name": "i", "value": fmt.Sprint(i)}}},
	}
}

func (w *world) status(nodes map[string]any) {
	w.Helper()
	text, err := json.Marshal(map[string]any{"status": map[string]any{"phase": "Running", "nodes": nodes}})
	if err != nil {
		w.Fatal(err)
	}
	w.patch(cluster.Workflow, "orders-r1", string(text))
}

// at lets the clock of the engine show some time after the start.
func (w *world) at(after time.Duration) {
	o := w.options()
	o.Now = func() time.Time { return start.Add(after) }
	w.engine = engine.New(w.cluster, o)
}

// Pods that wait are told at once, and called stuck after max_pending, with
// the cure for what they wait for. An edit of max_pending holds at once.
func TestStuck(t *testing.T) {
	spot := func(pending string) declared {
		return orders().with("spot", map[string]any{"provider": "gke", "fallback": "on_demand", "max_pending": pending})
	}
	w := newWorld(t)
	w.must(w.apply(spot("5m")))
	w.status(map[string]any{
		"0": pod(0, "Pending", "Unschedulable: 0/3 nodes\nare available", start),
		"1": pod(1, "Pending", "Unschedulable: 0/3 nodes\nare available", start.Add(time.Minute)),
		"2": pod(2, "Pending", "ImagePullBackOff: none", start.Add(time.Minute)),
	})
	w.at(5 * time.Minute)
	o := w.observe("orders")
	if len(o.Obstacles) != 2 || o.Obstacles[0].Stuck || len(observe.Stuck(o)) > 0 || len(o.Drift) > 0 {
		t.Errorf("within max_pending: %+v", o.Obstacles)
	}
	if got, want := o.Obstacles[0].What, "no spot capacity since 2026-01-02T00:00:00Z: 2 pods wait for a spot node "+
		"(Unschedulable: 0/3 nodes are available)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	w.at(5*time.Minute + time.Second)
	o = w.observe("orders")
	stuck := observe.Stuck(o)
	if len(stuck) != 1 || diag.CodeOf(stuck[0]) != diag.CodeStuck ||
		!strings.Contains(stuck[0].Detail, `is stuck: no spot capacity since 2026-01-02T00:00:00Z`) ||
		!strings.Contains(stuck[0].Detail, `spot.mode = "prefer"`) ||
		!strings.Contains(stuck[0].Detail, "A fallback helps attempts that failed") {
		t.Errorf("after max_pending: %v", stuck)
	}
	w.at(7 * time.Minute)
	if o = w.observe(
		"orders",
	); len(observe.Stuck(o)) != 2 ||
		!strings.Contains(observe.Stuck(o)[1].Detail, "no image since 2026-01-02T00:01:00Z") {
		t.Errorf("later: %v", observe.Stuck(o))
	}
	w.must(w.apply(spot("1h")))
	w.at(7 * time.Minute)
	if o = w.observe("orders"); o.LatestRun() != "orders-r1" || len(observe.Stuck(o)) != 0 || len(o.Obstacles) != 2 {
		t.Errorf("after an edit of max_pending: run %s, %+v", o.LatestRun(), o.Obstacles)
	}
	if _, diags := w.engine.Pause(t.Context(), "data", "orders"); diags.HasErrors() {
		t.Fatal(diags)
	}
	if o = w.observe("orders"); len(o.Obstacles) > 0 {
		t.Errorf("paused: %+v", o.Obstacles)
	}
}

// A job whose attempts all fail says why while it has done nothing.
func TestFailingAttemptsTellWhy(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	failed := pod(3, "Error", "wait: Error (exit code 1): workflowtaskresults is forbidden", start)
	failed["id"] = "3-0"
	again := pod(3, "Running", "", start)
	again["id"] = "3-1"
	retry := pod(3, "Running", "", start)
	retry["type"], retry["children"] = "Retry", []any{"3-0", "3-1"}
	w.status(map[string]any{"3": retry, "3-0": failed, "3-1": again})
	o := w.observe("orders")
	if len(o.Obstacles) != 1 || !o.Obstacles[0].Retried ||
		o.Obstacles[0].What != "1 partition is tried again; the last to fail was partition 15--20, attempt 0 on node-7, "+
			"unknown: wait: Error (exit code 1): workflowtaskresults is forbidden" {
		t.Errorf("got %+v", o.Obstacles)
	}
}

func TestRunThatArgoDoesNotTakeUp(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	w.at(time.Minute)
	if o := w.observe("orders"); len(o.Obstacles) > 0 {
		t.Errorf("at once: %+v", o.Obstacles)
	}
	w.at(10 * time.Minute)
	if o := w.observe(
		"orders",
	); len(observe.Stuck(o)) != 1 ||
		!strings.Contains(
			observe.Stuck(o)[0].Detail,
			"Argo has not taken up Workflow orders-r1, which was created at 2026-01-02T00:00",
		) {
		t.Errorf("later: %v", observe.Stuck(o))
	}
}

// Regression: a controller with an instance id is a cause of it, and was not named.
func TestRunOfAnotherInstanceID(t *testing.T) {
	for id, want := range map[string]string{
		"": "It also ignores Workflows without its instanceID, if it has one, and this one has none. If so, set instance_id, " +
			"delete Workflow orders-r1, of which nothing has begun, and apply again.",
		"team-b": `It also ignores Workflows whose instance id is not its own, and this one has "team-b". If that is wrong, ` +
			"correct instance_id, delete Workflow orders-r1, of which nothing has begun, and apply again.",
	} {
		w := newWorld(t)
		job := orders()
		if id != "" {
			job = job.with("instance_id", id)
		}
		w.must(w.apply(job))
		w.at(10 * time.Minute)
		stuck := observe.Stuck(w.observe("orders"))
		if len(stuck) != 1 || !strings.HasSuffix(stuck[0].Detail, want) {
			t.Errorf("%q: %v", id, stuck)
		}
	}
}

// What attempts were survives the merge, in the record.
func TestAttemptsAreRecorded(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders().with("spot", map[string]any{"provider": "gke", "mode": "require"})))
	w.argo.fails = func(lo, _ int64) bool { return lo == 10 }
	w.argo.finish()
	for range 2 { // merged by the first look
		o := w.observe("orders")
		if len(o.FailedPartitions(state.MaxFailures)) != 1 || len(o.FailedPartitions(state.MaxFailures)[0].Details) != 1 {
			t.Fatalf("failed %+v", o.FailedPartitions(state.MaxFailures))
		}
		a := o.FailedPartitions(state.MaxFailures)[0].Details[0]
		if a.Number != 0 || a.Cause != "application" || a.Capacity != "spot" || a.ExitCode == nil || *a.ExitCode != 1 ||
			a.Message != "main: Error (exit code 1)" {
			t.Errorf("attempt %+v", a)
		}
	}
}

// Pods wait in a queue while others of their run are at work, and nothing is stuck
// while others end. When nothing goes on any more it is, with the queue's own cure.
func TestWaitingIsNotStuck(t *testing.T) {
	quota := `pods "p" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=6, limited: pods=6`
	finished := func(i int, at time.Duration) map[string]any {
		n := pod(i, "Succeeded", "", start)
		n["finishedAt"] = start.Add(at).Format(time.RFC3339)
		return n
	}
	waiting := func(i int, message string) map[string]any {
		n := pod(i, "Pending", message, start)
		delete(n, "hostNodeName")
		return n
	}
	for name, c := range map[string]struct {
		message, what, fix string
		queues             bool
	}{
		"quota": {quota, "no quota since 2026-01-02T00:00:00Z: 1 pod waits until a ResourceQuota of the namespace " +
			"has room (exceeded quota: compute, requested: pods=1", `raise the ResourceQuota "compute"`, true},
		"gate": {"", "not admitted since 2026-01-02T00:00:00Z: 1 pod waits", "Kueue", true},
		"room": {"Unschedulable: 2 Insufficient cpu. preemption: 2 No preemption victims found for incoming pod",
			"no room since", "runner.priority_class", true},
		"node": {"Unschedulable: 3 node(s) didn't match Pod's node affinity/selector", "no node since", "node_selector", false},
		"input": {`CreateContainerConfigError: secret "pw" not found`, "no input since",
			`Create the Secret "pw" in the namespace of the job`, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.must(w.apply(orders()))
			told := func(busy map[string]any) (stuck bool) {
				w.status(map[string]any{"0": waiting(0, c.message), "1": busy})
				w.at(time.Hour)
				o := w.observe("orders")
				if len(o.Obstacles) != 1 || !strings.Contains(o.Obstacles[0].What, c.what) ||
					!strings.Contains(o.Obstacles[0].Fix, c.fix) {
					t.Fatalf("got %+v", o.Obstacles)
				}
				return len(observe.Stuck(o)) == 1
			}
			if told(pod(1, "Running", "", start)) == c.queues {
				t.Errorf("beside a pod that runs: stuck is %t", c.queues)
			}
			if told(finished(1, 55*time.Minute)) {
				t.Error("stuck while others end")
			}
			if !told(finished(1, 10*time.Minute)) {
				t.Error("not stuck when nothing goes on")
			}
		})
	}
}
