// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// ended is the status of a container with that exit code.
func ended(name string, code int64) node {
	return node{"name": name, "state": node{"terminated": node{"exitCode": code}}}
}

// What a stopped pod has finished is told by its runner alone, and only once the whole
// pod has ended.
func TestRunnerTellsWhetherAPodHasFinished(t *testing.T) {
	running := node{"name": "main", "state": node{"running": node{}}}
	for name, test := range map[string]struct {
		phase      string
		containers list
		ended      bool
		finished   bool
	}{
		"runs":                        {"Running", list{running}, false, false},
		"runs on after its runner":    {"Running", list{ended("main", 0)}, false, false},
		"waits":                       {"Pending", nil, false, false},
		"on a lost node":              {"Unknown", list{running}, false, false},
		"succeeded":                   {"Succeeded", list{ended("main", 0), ended("wait", 0)}, true, true},
		"the runner finished":         {"Failed", list{ended("wait", 143), ended("main", 0)}, true, true},
		"the runner was stopped":      {"Failed", list{ended("wait", 0), ended("main", 143)}, true, false},
		"the runner never ended":      {"Failed", list{ended("wait", 0), running}, true, false},
		"another container finished":  {"Failed", list{ended("sidecar", 0)}, true, false},
		"nothing is known":            {"Failed", nil, true, false},
		"a container without a state": {"Failed", list{node{"name": "main"}}, true, false},
		"no exit code":                {"Failed", list{node{"name": "main", "state": node{"terminated": nil}}}, true, false},
	} {
		status := node{"phase": test.phase, "containerStatuses": test.containers}
		pod := &unstructured.Unstructured{Object: node{"status": status}}
		pod.SetAnnotations(map[string]string{annotationNodeID: "n"})
		want := ""
		if test.finished {
			want = "n"
		}
		if got := FinishedNode(pod); PodEnded(pod) != test.ended || got != want {
			t.Errorf("%s: ended %t, finished %q", name, PodEnded(pod), got)
		}
	}
}

// poolWorkflow is a Workflow of a job with a pool.
func poolWorkflow(labels map[string]string, status node, locks bool) manifest.Object {
	template := node{"name": "run"}
	if locks {
		template["synchronization"] = Place("shared", "")
	}
	o := &unstructured.Unstructured{Object: node{"spec": node{"templates": list{template}}, "status": status}}
	labels[LabelPool] = "shared"
	o.SetLabels(labels)
	return o
}

// Places are held by shards that have begun and not ended. The run itself holds one
// while its canary runs.
func TestPlacesThatARunHolds(t *testing.T) {
	begun := node{"phase": "Running", "nodes": node{"n": node{"phase": "Running"}}}
	over := node{"phase": "Failed", "nodes": node{"n": node{"phase": "Failed"}}}
	waits := node{"phase": "Running", "nodes": node{"n": node{
		"phase": "Pending", "synchronizationStatus": node{"waiting": "shared"},
	}}}
	child := func(status node) manifest.Object {
		return poolWorkflow(map[string]string{LabelShard: "0"}, status, true)
	}
	whole := poolWorkflow(map[string]string{}, begun, false)
	for name, test := range map[string]struct {
		all  []manifest.Object
		want int
	}{
		"one shard":             {[]manifest.Object{poolWorkflow(map[string]string{}, begun, true)}, 1},
		"not begun":             {[]manifest.Object{poolWorkflow(map[string]string{}, node{}, true)}, 0},
		"in line":               {[]manifest.Object{poolWorkflow(map[string]string{}, waits, true)}, 0},
		"over":                  {[]manifest.Object{poolWorkflow(map[string]string{}, over, true)}, 0},
		"a canary":              {[]manifest.Object{whole}, 1},
		"shards":                {[]manifest.Object{whole, child(begun), child(begun), child(waits), child(over)}, 2},
		"shards that have none": {[]manifest.Object{whole, child(waits)}, 0},
	} {
		if got := PlacesHeld(test.all); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

// A keeper belongs to the controller of the run, comes before all others, and is
// ready when each of its places is asked for.
func TestKeeperOfARun(t *testing.T) {
	run := poolWorkflow(map[string]string{LabelJob: "orders", LabelInstance: "two"}, nil, true)
	run.SetName("orders-r1")
	k := Keeper(run, Place("shared", "3.5"), 2, 90*time.Second)
	labels := k.GetLabels()
	if labels[LabelInstance] != "two" || labels[LabelKeeps] != "orders" || labels[LabelJob] != "" {
		t.Errorf("labels are %v", labels)
	}
	if p := field[int64](k, "spec", "priority"); p != 2147483647 || k.GetName() != "orders-r1-keep" {
		t.Errorf("%s has priority %d", k.GetName(), p)
	}
	nodes := node{"a": node{"templateName": templatePlace}, "b": node{"templateName": templateKeeper}}
	k.Object["status"] = node{"nodes": nodes}
	if Keeps(k, 2) || !Keeps(k, 1) {
		t.Error("one of two places is kept")
	}
	if nodes["c"] = (node{"templateName": templatePlace}); !Keeps(k, 2) {
		t.Error("both places are kept")
	}
}
