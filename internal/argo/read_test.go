// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

func observe(t testing.TB, w *wfv1.Workflow) manifest.Object {
	t.Helper()
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	var o unstructured.Unstructured
	if err := json.Unmarshal(text, &o.Object); err != nil {
		t.Fatal(err)
	}
	return &o
}

// compressed moves the node statuses to where Argo puts those of large
// Workflows.
func compressed(t testing.TB, o manifest.Object) manifest.Object {
	t.Helper()
	o = o.DeepCopy()
	status := o.Object["status"].(map[string]any)
	text, err := json.Marshal(status["nodes"])
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	delete(status, "nodes")
	status["compressedNodes"] = base64.StdEncoding.EncodeToString(packed.Bytes())
	return o
}

// observed takes what a controller left and what Wanted and NeedsData ask for.
func observed(t testing.TB, c *controller, objects []manifest.Object, run *wfv1.Workflow, pack bool) Observed {
	t.Helper()
	o := Observed{Run: observe(t, run)}
	names, err := Wanted(o.Run)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if child, ok := c.workflows[name]; ok {
			o.Children = append(o.Children, observe(t, child))
		}
	}
	if NeedsData(o.Run) {
		for _, object := range objects {
			if object.GetKind() == "ConfigMap" {
				o.Data = append(o.Data, object)
			}
		}
	}
	if pack {
		o.Run = compressed(t, o.Run)
		for i, child := range o.Children {
			o.Children[i] = compressed(t, child)
		}
	}
	return o
}

func setOf(d domain.Domain, ps ...domain.Partition) ledger.Set {
	return ledger.Of(d, slices.Values(ps))
}

// TestReadScenarios runs every scenario with one partition failing for good and
// one failing once, and reads the outcome back, from plain and from compressed
// statuses.
func TestReadScenarios(t *testing.T) {
	for _, s := range scenarios(t) {
		for _, pack := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/compressed=%t", s.name, pack), func(t *testing.T) {
				j, p := s.plan()
				objects := compile(t, j, p)
				bad, flaky := p.At(p.Partitions-1), p.At(0)
				c, run := newController(t, objects...)
				c.outcome = func(pod started) bool {
					key := pod.env[factVar("key")]
					return key == p.Domain.Key(bad) || key == p.Domain.Key(flaky) && pod.attempt == 0
				}
				c.run(run)
				o := observed(t, c, objects, run, pack)
				if p.ShardCount() > 1 && len(o.Children) != 1 {
					t.Errorf("%d children wanted, but only one had a failure", len(o.Children))
				}
				out, err := Read(p.Domain, o)
				if err != nil {
					t.Fatal(err)
				}
				d := p.Domain
				if !out.Ended || !out.Covers.Equal(p.Covers) || !out.Failed.Equal(setOf(d, bad)) || !out.Running.Empty() ||
					!out.Done.Equal(p.Covers.Minus(setOf(d, bad))) {
					t.Errorf("ended %t\ncovers %s\ndone %s\nfailed %s\nrunning %s", out.Ended,
						out.Covers.Text(d), out.Done.Text(d), out.Failed.Text(d), out.Running.Text(d))
				}
				if len(out.Failures) != 1 {
					t.Fatalf("failures %+v", out.Failures)
				}
				f := out.Failures[0]
				if d.Key(f.Partition) != d.Key(bad) || f.Attempts != attempts(j.Retry) ||
					f.Message != fmt.Sprintf("main: Error (exit code 1), attempt %d", attempts(j.Retry)-1) {
					t.Errorf("failure %+v", f)
				}
			})
		}
	}
}

// edited runs a scenario, changes the statuses of one Workflow and reads.
func edited(t *testing.T, name string, edit func(c *controller, run *wfv1.Workflow)) (plan.Plan, Outcome) {
	t.Helper()
	all := scenarios(t)
	i := slices.IndexFunc(all, func(s scenario) bool { return s.name == name })
	j, p := all[i].plan()
	objects := compile(t, j, p)
	c, run := newController(t, objects...)
	c.run(run)
	edit(c, run)
	out, err := Read(p.Domain, observed(t, c, objects, run, false))
	if err != nil {
		t.Fatal(err)
	}
	return p, out
}

func change(w *wfv1.Workflow, match func(wfv1.NodeStatus) bool, edit func(*wfv1.NodeStatus)) {
	for id, n := range w.Status.Nodes {
		if match(n) {
			edit(&n)
			w.Status.Nodes[id] = n
		}
	}
}

func input(n wfv1.NodeStatus, name string) string {
	if n.Inputs == nil {
		return ""
	}
	if p := n.Inputs.GetParameterByName(name); p != nil {
		return p.Value.String()
	}
	return ""
}

func retried(i string) func(wfv1.NodeStatus) bool {
	return func(n wfv1.NodeStatus) bool {
		return n.Type == wfv1.NodeTypeRetry && input(n, inI) == i
	}
}

// attempted is a partition's retried node with its attempts.
func attempted(i string) func(wfv1.NodeStatus) bool {
	return func(n wfv1.NodeStatus) bool {
		return (n.Type == wfv1.NodeTypeRetry || n.Type == wfv1.NodeTypePod) && input(n, inI) == i
	}
}

func launcherOf(k string) func(wfv1.NodeStatus) bool {
	return func(n wfv1.NodeStatus) bool {
		return n.Type == wfv1.NodeTypeRetry && input(n, inK) == k
	}
}

func TestReadRunning(t *testing.T) {
	p, out := edited(t, "one-shard", func(_ *controller, run *wfv1.Workflow) {
		run.Status.Phase = wfv1.WorkflowRunning
		change(run, attempted("5"), func(n *wfv1.NodeStatus) { n.Phase = wfv1.NodeRunning; n.Message = "Backoff for 30s" })
		for id, n := range run.Status.Nodes {
			if strings.Contains(n.Name, "p(9:") {
				delete(run.Status.Nodes, id)
			}
		}
	})
	d := p.Domain
	if out.Ended || !out.Running.Equal(setOf(d, p.At(5))) || !out.Done.Equal(p.Covers.Minus(setOf(d, p.At(5), p.At(9)))) {
		t.Errorf("ended %t, running %s, done %s", out.Ended, out.Running.Text(d), out.Done.Text(d))
	}
}

func TestReadStoppedIsLeftNotFailed(t *testing.T) {
	p, out := edited(t, "one-shard", func(_ *controller, run *wfv1.Workflow) {
		run.Status.Phase = wfv1.WorkflowFailed
		change(run, attempted("3"), func(n *wfv1.NodeStatus) {
			n.Phase, n.Message = wfv1.NodeFailed, "Stopped with strategy 'Stop'"
		})
		change(run, attempted("4"), func(n *wfv1.NodeStatus) {
			n.Phase, n.Message = wfv1.NodeFailed, "No more retries left"
		})
	})
	d := p.Domain
	if !out.Failed.Equal(setOf(d, p.At(4))) || !out.Done.Equal(p.Covers.Minus(setOf(d, p.At(3), p.At(4)))) {
		t.Errorf("failed %s, done %s", out.Failed.Text(d), out.Done.Text(d))
	}
}

func TestReadMissingChildIsNotDone(t *testing.T) {
	p, out := edited(t, "three-shards", func(c *controller, run *wfv1.Workflow) {
		change(run, launcherOf("1"), func(n *wfv1.NodeStatus) { n.Outputs = nil; n.Phase = wfv1.NodeError })
		delete(c.workflows, "orders-r3-s1")
		delete(c.workflows, "orders-r3-s0") // gone, but its launcher saw full success
	})
	d := p.Domain
	lost := setOf(d, p.At(4), p.At(5), p.At(6), p.At(7))
	if !out.Ended || !out.Done.Equal(p.Covers.Minus(lost)) || !out.Failed.Empty() {
		t.Errorf("ended %t, done %s, failed %s", out.Ended, out.Done.Text(d), out.Failed.Text(d))
	}
}

func TestReadChildOutlivesRun(t *testing.T) {
	_, out := edited(t, "three-shards", func(c *controller, run *wfv1.Workflow) {
		run.Status.Phase = wfv1.WorkflowError
		change(run, launcherOf("1"), func(n *wfv1.NodeStatus) { n.Outputs = nil; n.Phase = wfv1.NodeError })
		c.workflows["orders-r3-s1"].Status.Phase = wfv1.WorkflowRunning
	})
	if out.Ended {
		t.Error("the run counts as ended while a child is running")
	}
}

func TestReadBeforeArgo(t *testing.T) {
	all := scenarios(t)
	j, p := all[0].plan()
	objects := compile(t, j, p)
	out, err := Read(p.Domain, Observed{Run: objects[len(objects)-1]})
	if err != nil {
		t.Fatal(err)
	}
	if out.Phase != "" || out.Ended || !out.Covers.Equal(p.Covers) || !out.Done.Empty() {
		t.Errorf("%+v", out)
	}
}

func TestReadErrors(t *testing.T) {
	all := scenarios(t)
	j, p := all[0].plan()
	objects := compile(t, j, p)
	status := func(s map[string]any) manifest.Object {
		o := objects[len(objects)-1].DeepCopy()
		o.Object["status"] = s
		return o
	}
	stranger := objects[len(objects)-1].DeepCopy()
	_ = unstructured.SetNestedSlice(stranger.Object, []any{map[string]any{"name": "run", "value": "x"}}, "spec", "arguments", "parameters")
	for _, test := range []struct {
		name, want string
		run        manifest.Object
	}{
		{"offloaded", "Argo keeps them in a database", status(map[string]any{"offloadNodeStatusVersion": "fnv:1"})},
		{"not base64", "not base64", status(map[string]any{"compressedNodes": "%"})},
		{"not gzip", "not gzip", status(map[string]any{"compressedNodes": "aGVsbG8gd29ybGQ="})},
		{"stranger", `argument "origin"`, stranger},
	} {
		_, err := Read(p.Domain, Observed{Run: test.run})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		}
	}
}

func TestReadDataGone(t *testing.T) {
	all := scenarios(t)
	j, p := all[slices.IndexFunc(all, func(s scenario) bool { return s.name == "values" })].plan()
	objects := compile(t, j, p)
	_, err := Read(p.Domain, Observed{Run: objects[len(objects)-1]})
	if err == nil || !strings.Contains(err.Error(), "ConfigMap orders-r3-d0 is gone") {
		t.Errorf("error %v", err)
	}
}

func TestClip(t *testing.T) {
	for _, s := range []string{"", "short", strings.Repeat("x", 256), strings.Repeat("x", 257), strings.Repeat("🦊", 100), "\xff\xfe"} {
		got := clip(s)
		if len(got) > 256 || !json.Valid([]byte(fmt.Sprintf("%q", got))) || strings.ContainsRune(got, '�') {
			t.Errorf("clip(%q) = %q", s, got)
		}
		if len(s) <= 256 && s != "\xff\xfe" && got != s {
			t.Errorf("clip(%q) = %q", s, got)
		}
	}
}
