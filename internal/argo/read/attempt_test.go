// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"fmt"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
)

func TestCauses(t *testing.T) {
	for _, e := range argotest.Ended {
		n := &nodeStatus{Phase: e.Phase, Message: e.Message}
		if got := causeOf(e.Message, n.exitCode()); string(got) != e.Cause {
			t.Errorf("%q is %s, want %s", e.Message, got, e.Cause)
		}
	}
	n := &nodeStatus{Outputs: parameters{ExitCode: "7"}}
	if code := n.exitCode(); code != 7 || causeOf("", code) != CauseApplication {
		t.Errorf("an exit code without a message: %d, %s", code, causeOf("", code))
	}
}

func TestReadAttempts(t *testing.T) {
	failed := func(minute int, host, message string) wfv1.NodeStatus {
		return wfv1.NodeStatus{
			Phase:        wfv1.NodeFailed,
			HostNodeName: host,
			Message:      message,
			StartedAt:    argotest.At(minute),
			FinishedAt:   argotest.At(minute + 1),
		}
	}
	pending := func(minute int, message string) wfv1.NodeStatus {
		return wfv1.NodeStatus{Phase: wfv1.NodePending, Message: message, StartedAt: argotest.At(minute)}
	}
	_, out := edited(t, "one-shard", func(_ *argotest.Controller, run *wfv1.Workflow) {
		run.Annotations = map[string]string{argo.AnnotationCapacity: "spot<2"}
		run.Status.Phase = wfv1.WorkflowRunning
		many := []wfv1.NodeStatus{}
		for k := range 7 {
			many = append(many, failed(k, fmt.Sprintf("n%d", k), "main: Error (exit code 3)"+strings.Repeat("é", 100)))
		}
		argotest.RetriedIn(run, "3", many...)
		argotest.RetriedIn(
			run,
			"4",
			failed(20, "spot-1", "pod deleted"),
			pending(21, "Unschedulable: 0/3 nodes are available"),
		)
		argotest.RetriedIn(run, "5", pending(30, "Unschedulable: later"))
		argotest.RetriedIn(
			run,
			"6",
			failed(1, "a", "main: OOMKilled (exit code 137)"),
			failed(2, "b", "x"),
			pending(40, "ImagePullBackOff: no"),
		)
		argotest.RetriedIn(run, "7", pending(41, ""))
		argotest.RetriedIn(run, "8", pending(2, "Waiting for data/ConfigMap/pool/size lock. Lock status: 0/5"))
		argotest.RetriedIn(run, "9", pending(2, "resource creation rate-limit reached"))
	})
	if len(out.Failures) != 1 || len(out.Failures[0].Details) != 5 {
		t.Fatalf("failures %+v", out.Failures)
	}
	last := out.Failures[0].Details[4]
	if last.Number != 6 || last.Node != "n6" || last.Capacity != argo.CapacityOnDemand ||
		last.Cause != CauseApplication || last.ExitCode != 3 ||
		!last.Started.Equal(argotest.At(6).Time) ||
		!last.Finished.Equal(argotest.At(7).Time) ||
		len(last.Message) > maxAttemptMessage {
		t.Errorf("the last attempt is %+v", last)
	}
	want := []Waiting{
		{WaitsForNode, argo.CapacitySpot, 2, argotest.At(21).Time, "Unschedulable: 0/3 nodes are available"},
		{WaitsForImage, argo.CapacityOnDemand, 1, argotest.At(40).Time, "ImagePullBackOff: no"},
		{WaitsForGate, argo.CapacitySpot, 1, argotest.At(41).Time, ""},
	}
	if len(out.Waiting) != len(want) {
		t.Fatalf("waiting %+v", out.Waiting)
	}
	for i, w := range out.Waiting {
		w.Since = w.Since.UTC()
		if w != want[i] {
			t.Errorf("waits %+v, want %+v", w, want[i])
		}
	}
	if r := out.Retried; r.Pods != 2 || r.Partition == nil || r.Last.Cause != CauseInterruption ||
		r.Last.Node != "spot-1" ||
		r.Last.Capacity != argo.CapacitySpot {
		t.Errorf("retried %+v", r)
	}
}

// A launcher that is tried again and again shows why.
func TestReadTroubledLauncher(t *testing.T) {
	_, out := edited(t, "three-shards", func(c *argotest.Controller, run *wfv1.Workflow) {
		run.Status.Phase = wfv1.WorkflowRunning
		delete(c.Workflows, "orders-r3-s1")
		argotest.Change(run, argotest.LauncherOf("1"), func(n *wfv1.NodeStatus) {
			n.Phase, n.Outputs = wfv1.NodeRunning, nil
			pod := run.Status.Nodes[n.Children[0]]
			pod.Phase, pod.Message = wfv1.NodeError, "main: Error (exit code 64): workflows is forbidden"
			run.Status.Nodes[pod.ID] = pod
		})
	})
	if r := out.Retried; r.Pods != 1 || r.Step != argo.TemplateLauncher || !strings.Contains(r.Last.Message, "forbidden") {
		t.Errorf("retried %+v", r)
	}
}
