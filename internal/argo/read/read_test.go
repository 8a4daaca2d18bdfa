// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// TestReadScenarios runs every scenario with one partition failing for good and
// one failing once, and reads the outcome back, from plain and from compressed
// statuses.
func TestReadScenarios(t *testing.T) {
	for _, s := range argotest.Scenarios(t) {
		for _, pack := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/compressed=%t", s.Name, pack), func(t *testing.T) {
				j, p := s.Plan()
				objects := compile(t, j, p)
				bad, flaky := p.At(p.Partitions-1), p.At(0)
				c, run := argotest.NewController(t, objects...)
				c.Outcome = func(pod argotest.Started) bool {
					key := pod.Env[expr.FactVar("key")]
					return key == p.Domain.Key(bad) || key == p.Domain.Key(flaky) && pod.Attempt == 0
				}
				c.Run(run)
				o := observed(t, c, objects, run, pack)
				if p.ShardCount() > 1 && len(o.Children) != 1 {
					t.Errorf("%d children wanted, but only one had a failure", len(o.Children))
				}
				out, err := outcomeOf(p.Domain, o)
				if err != nil {
					t.Fatal(err)
				}
				d := p.Domain
				if !out.Ended || !out.Covers.Equal(p.Covers) || !out.Failed.Equal(argotest.SetOf(d, bad)) || !out.Running.Empty() ||
					!out.Done.Equal(p.Covers.Minus(argotest.SetOf(d, bad))) {
					t.Errorf("ended %t\ncovers %s\ndone %s\nfailed %s\nrunning %s", out.Ended,
						out.Covers.Text(d), out.Done.Text(d), out.Failed.Text(d), out.Running.Text(d))
				}
				if len(out.Failures) != 1 {
					t.Fatalf("failures %+v", out.Failures)
				}
				f := out.Failures[0]
				if d.Key(f.Partition) != d.Key(bad) || f.Attempts != (j.Retry.Limit+j.Retry.Interruptions+1) ||
					f.Message != fmt.Sprintf("main: Error (exit code 1), attempt %d", (j.Retry.Limit+j.Retry.Interruptions+1)-1) {
					t.Errorf("failure %+v", f)
				}
			})
		}
	}
}

// edited runs a scenario, changes the statuses of one Workflow and reads.
func edited(t *testing.T, name string, edit func(c *argotest.Controller, run *wfv1.Workflow)) (plan.Plan, Outcome) {
	t.Helper()
	all := argotest.Scenarios(t)
	i := slices.IndexFunc(all, func(s argotest.Scenario) bool { return s.Name == name })
	j, p := all[i].Plan()
	objects := compile(t, j, p)
	c, run := argotest.NewController(t, objects...)
	c.Run(run)
	edit(c, run)
	out, err := outcomeOf(p.Domain, observed(t, c, objects, run, false))
	if err != nil {
		t.Fatal(err)
	}
	return p, out
}

func TestReadRunning(t *testing.T) {
	p, out := edited(t, "one-shard", func(_ *argotest.Controller, run *wfv1.Workflow) {
		run.Status.Phase = wfv1.WorkflowRunning
		argotest.Change(
			run,
			argotest.Attempted("5"),
			func(n *wfv1.NodeStatus) { n.Phase = wfv1.NodeRunning; n.Message = "Backoff for 30s" },
		)
		for id, n := range run.Status.Nodes {
			if strings.Contains(n.Name, "p(9:") {
				delete(run.Status.Nodes, id)
			}
		}
	})
	d := p.Domain
	if out.Ended || !out.Running.Equal(argotest.SetOf(d, p.At(5))) ||
		!out.Done.Equal(p.Covers.Minus(argotest.SetOf(d, p.At(5), p.At(9)))) {
		t.Errorf("ended %t, running %s, done %s", out.Ended, out.Running.Text(d), out.Done.Text(d))
	}
}

func TestReadStoppedIsLeftNotFailed(t *testing.T) {
	p, out := edited(t, "one-shard", func(_ *argotest.Controller, run *wfv1.Workflow) {
		run.Status.Phase = wfv1.WorkflowFailed
		argotest.Change(run, argotest.Attempted("3"), func(n *wfv1.NodeStatus) {
			n.Phase, n.Message = wfv1.NodeFailed, "Stopped with strategy 'Stop'"
		})
		argotest.Change(run, argotest.Attempted("4"), func(n *wfv1.NodeStatus) {
			n.Phase, n.Message = wfv1.NodeFailed, "No more retries left"
		})
	})
	d := p.Domain
	if !out.Failed.Equal(argotest.SetOf(d, p.At(4))) ||
		!out.Done.Equal(p.Covers.Minus(argotest.SetOf(d, p.At(3), p.At(4)))) {
		t.Errorf("failed %s, done %s", out.Failed.Text(d), out.Done.Text(d))
	}
}

func TestReadMissingChildIsNotDone(t *testing.T) {
	p, out := edited(t, "three-shards", func(c *argotest.Controller, run *wfv1.Workflow) {
		argotest.Change(run, argotest.LauncherOf("1"), func(n *wfv1.NodeStatus) { n.Outputs = nil; n.Phase = wfv1.NodeError })
		delete(c.Workflows, "orders-r3-s1")
		delete(c.Workflows, "orders-r3-s0") // gone, but its launcher saw full success
	})
	d := p.Domain
	lost := argotest.SetOf(d, p.At(4), p.At(5), p.At(6), p.At(7))
	if !out.Ended || !out.Done.Equal(p.Covers.Minus(lost)) || !out.Failed.Empty() {
		t.Errorf("ended %t, done %s, failed %s", out.Ended, out.Done.Text(d), out.Failed.Text(d))
	}
}

func TestReadChildOutlivesRun(t *testing.T) {
	_, out := edited(t, "three-shards", func(c *argotest.Controller, run *wfv1.Workflow) {
		run.Status.Phase = wfv1.WorkflowError
		argotest.Change(run, argotest.LauncherOf("1"), func(n *wfv1.NodeStatus) { n.Outputs = nil; n.Phase = wfv1.NodeError })
		c.Workflows["orders-r3-s1"].Status.Phase = wfv1.WorkflowRunning
	})
	if out.Ended {
		t.Error("the run counts as ended while a child is running")
	}
}

func TestReadBeforeArgo(t *testing.T) {
	all := argotest.Scenarios(t)
	j, p := all[0].Plan()
	objects := compile(t, j, p)
	out, err := outcomeOf(p.Domain, argotest.Observed{Run: objects[len(objects)-1]})
	if err != nil {
		t.Fatal(err)
	}
	if out.Phase != "" || out.Ended || !out.Covers.Equal(p.Covers) || !out.Done.Empty() {
		t.Errorf("%+v", out)
	}
}

func TestReadErrors(t *testing.T) {
	all := argotest.Scenarios(t)
	j, p := all[0].Plan()
	objects := compile(t, j, p)
	status := func(s map[string]any) manifest.Object {
		o := objects[len(objects)-1].DeepCopy()
		o.Object["status"] = s
		return o
	}
	stranger := objects[len(objects)-1].DeepCopy()
	_ = unstructured.SetNestedSlice(
		stranger.Object,
		[]any{map[string]any{"name": "run", "value": "x"}},
		"spec",
		"arguments",
		"parameters",
	)
	for _, test := range []struct {
		name, want string
		run        manifest.Object
	}{
		{"offloaded", "Argo keeps them in a database", status(map[string]any{"offloadNodeStatusVersion": "fnv:1"})},
		{"not base64", "not base64", status(map[string]any{"compressedNodes": "%"})},
		{"not gzip", "not gzip", status(map[string]any{"compressedNodes": "aGVsbG8gd29ybGQ="})},
		{"stranger", `argument "origin"`, stranger},
	} {
		_, err := outcomeOf(p.Domain, argotest.Observed{Run: test.run})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		}
	}
}

func TestReadDataGone(t *testing.T) {
	all := argotest.Scenarios(t)
	j, p := all[slices.IndexFunc(all, func(s argotest.Scenario) bool { return s.Name == "values" })].Plan()
	objects := compile(t, j, p)
	_, err := outcomeOf(p.Domain, argotest.Observed{Run: objects[len(objects)-1]})
	if err == nil || !strings.Contains(err.Error(), "ConfigMap orders-r3-d0 is gone") {
		t.Errorf("error %v", err)
	}
}
