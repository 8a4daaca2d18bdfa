// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// ended are phases and messages of pods as the Argo controller and kubelets
// write them.
var ended = []struct {
	phase   Phase
	message string
	cause   Cause
}{
	{PhaseFailed, "main: Error (exit code 1)", CauseApplication},
	{PhaseFailed, "main: Error (exit code 3): no such table", CauseApplication},
	{PhaseFailed, "main: OOMKilled (exit code 137)", CauseOOM},
	{PhaseFailed, "main: Error (exit code 143)", CauseInterruption},
	{PhaseFailed, "main: Error (exit code 137)", CauseInterruption},
	{PhaseError, "pod deleted", CauseInterruption},
	{PhaseFailed, "Pod was terminated in response to imminent node shutdown.", CauseInterruption},
	{PhaseFailed, "Pod was rejected as the node is shutting down.", CauseInterruption},
	{PhaseFailed, "The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi.", CauseInterruption},
	{PhaseFailed, "pod failed: neither main nor wait container completed successfully", CauseInterruption},
	{PhaseFailed, "pod failed: main container did not complete successfully", CauseInterruption},
	{PhaseFailed, "can't find failed message for pod a namespace b", CauseInterruption},
	{PhaseFailed, "Preempted in order to admit critical pod", CauseInterruption},
	{PhaseFailed, "Pod was active on the node longer than the specified deadline", CauseDeadline},
	{PhaseFailed, "Step exceeded its deadline", CauseDeadline},
	{PhaseError, "Pod failed before main container starts due to ImagePullBackOff: Back-off pulling x", CauseImage},
	{PhaseError, "wait: Error (exit code 1): workflowtaskresults.argoproj.io is forbidden", CauseUnknown},
	{PhaseError, "init: Error (exit code 64)", CauseUnknown},
	{PhaseError, `pods "a" is forbidden: error looking up service account b/c`, CauseUnknown},
	{PhaseError, "", CauseUnknown},
}

func TestCauses(t *testing.T) {
	for _, e := range ended {
		n := &nodeStatus{Phase: e.phase, Message: e.message}
		if got := causeOf(e.message, n.exitCode()); got != e.cause {
			t.Errorf("%q is %s, want %s", e.message, got, e.cause)
		}
	}
	n := &nodeStatus{Phase: PhaseFailed, outputsExitCode: "7"}
	if code := n.exitCode(); code != 7 || causeOf("", code) != CauseApplication {
		t.Errorf("an exit code without a message: %d, %s", code, causeOf("", code))
	}
}

// Regression: a pod that its node gave up for a critical one was shown as an
// interruption and tried again as a failure of the runner. What is shown is what
// decides: beyond retry.limit, no failure of the runner is tried again, and
// everything else is.
func TestRetriesFollowCauses(t *testing.T) {
	j := decoded(t, "", "")
	for _, e := range ended {
		code := strconv.Itoa((&nodeStatus{Phase: e.phase, Message: e.message}).exitCode())
		for retries, want := range map[int]bool{
			j.Retry.Limit - 1: true,
			j.Retry.Limit:     e.cause == CauseInterruption || e.cause == CauseImage || e.cause == CauseUnknown,
		} {
			if got := triedAgain(t, j, retries, string(e.phase), code, e.message); got != want {
				t.Errorf("%q, which is %s, is tried again after %d retries: %t", e.message, e.cause, retries, got)
			}
		}
	}
}

// Where attempts must run is written on the run and read back.
func TestCapacity(t *testing.T) {
	for _, test := range []struct {
		spot job.Spot
		text string
		want []string
	}{
		{job.Spot{}, "", []string{"", ""}},
		{job.Spot{Mode: "require"}, "spot", []string{"spot", "spot"}},
		{job.Spot{Mode: "require", OnDemandFrom: 1}, "spot<1", []string{"spot", "on_demand"}},
		{job.Spot{Mode: "prefer", OnDemandFrom: 1}, "any<1", []string{"", "on_demand"}},
		{job.Spot{Mode: "prefer"}, "", []string{"", ""}},
	} {
		text := capacityText(test.spot)
		o := newObject(apiVersion, "Workflow", "n", "r", nil, node{AnnotationCapacity: text})
		on := capacityOf(o)
		if got := []string{on(0), on(1)}; text != test.text || !slices.Equal(got, test.want) {
			t.Errorf("%+v: %q, %q; want %q, %q", test.spot, text, got, test.text, test.want)
		}
	}
	for _, text := range []string{"<", "spot<x", "moon<1<2"} {
		capacityOf(newObject(apiVersion, "Workflow", "n", "r", nil, node{AnnotationCapacity: text}))(3) // must not panic
	}
}

func at(minute int) metav1.Time {
	return metav1.NewTime(time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC))
}

// retriedIn gives the node of a partition other attempts.
func retriedIn(run *wfv1.Workflow, i string, attempts ...wfv1.NodeStatus) {
	change(run, retried(i), func(n *wfv1.NodeStatus) {
		n.Children = nil
		for k, a := range attempts {
			a.ID, a.Name, a.Type = fmt.Sprintf("%s-%d", n.ID, k), fmt.Sprintf("%s(%d)", n.Name, k), wfv1.NodeTypePod
			a.TemplateRef, a.Inputs = n.TemplateRef, n.Inputs
			n.Children = append(n.Children, a.ID)
			run.Status.Nodes[a.ID] = a
		}
		n.Phase = attempts[len(attempts)-1].Phase
		if n.Phase == wfv1.NodePending {
			n.Phase = wfv1.NodeRunning
		}
	})
}

func TestReadAttempts(t *testing.T) {
	failed := func(minute int, host, message string) wfv1.NodeStatus {
		return wfv1.NodeStatus{Phase: wfv1.NodeFailed, HostNodeName: host, Message: message, StartedAt: at(minute), FinishedAt: at(minute + 1)}
	}
	pending := func(minute int, message string) wfv1.NodeStatus {
		return wfv1.NodeStatus{Phase: wfv1.NodePending, Message: message, StartedAt: at(minute)}
	}
	_, out := edited(t, "one-shard", func(_ *controller, run *wfv1.Workflow) {
		run.Annotations = map[string]string{AnnotationCapacity: "spot<2"}
		run.Status.Phase = wfv1.WorkflowRunning
		many := []wfv1.NodeStatus{}
		for k := range 7 {
			many = append(many, failed(k, fmt.Sprintf("n%d", k), "main: Error (exit code 3)"+strings.Repeat("é", 100)))
		}
		retriedIn(run, "3", many...)
		retriedIn(run, "4", failed(20, "spot-1", "pod deleted"), pending(21, "Unschedulable: 0/3 nodes are available"))
		retriedIn(run, "5", pending(30, "Unschedulable: later"))
		retriedIn(run, "6", failed(1, "a", "main: OOMKilled (exit code 137)"), failed(2, "b", "x"), pending(40, "ImagePullBackOff: no"))
		retriedIn(run, "7", pending(41, ""))
		retriedIn(run, "8", pending(2, "Waiting for data/ConfigMap/pool/size lock. Lock status: 0/5"))
		retriedIn(run, "9", pending(2, "resource creation rate-limit reached"))
	})
	if len(out.Failures) != 1 || len(out.Failures[0].Details) != 5 {
		t.Fatalf("failures %+v", out.Failures)
	}
	last := out.Failures[0].Details[4]
	if last.Number != 6 || last.Node != "n6" || last.Capacity != CapacityOnDemand || last.Cause != CauseApplication || last.ExitCode != 3 ||
		!last.Started.Equal(at(6).Time) || !last.Finished.Equal(at(7).Time) || len(last.Message) > maxAttemptMessage {
		t.Errorf("the last attempt is %+v", last)
	}
	want := []Waiting{
		{WaitsForNode, CapacitySpot, 2, at(21).Time, "Unschedulable: 0/3 nodes are available"},
		{WaitsForImage, CapacityOnDemand, 1, at(40).Time, "ImagePullBackOff: no"},
		{WaitsToStart, CapacitySpot, 1, at(41).Time, ""},
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
	if r := out.Retried; r.Pods != 2 || r.Partition == nil || r.Last.Cause != CauseInterruption || r.Last.Node != "spot-1" || r.Last.Capacity != CapacitySpot {
		t.Errorf("retried %+v", r)
	}
}

// A launcher that is tried again and again shows why.
func TestReadTroubledLauncher(t *testing.T) {
	_, out := edited(t, "three-shards", func(c *controller, run *wfv1.Workflow) {
		run.Status.Phase = wfv1.WorkflowRunning
		delete(c.workflows, "orders-r3-s1")
		change(run, launcherOf("1"), func(n *wfv1.NodeStatus) {
			n.Phase, n.Outputs = wfv1.NodeRunning, nil
			pod := run.Status.Nodes[n.Children[0]]
			pod.Phase, pod.Message = wfv1.NodeError, "main: Error (exit code 64): workflows is forbidden"
			run.Status.Nodes[pod.ID] = pod
		})
	})
	if r := out.Retried; r.Pods != 1 || r.Step != tmplLauncher || !strings.Contains(r.Last.Message, "forbidden") {
		t.Errorf("retried %+v", r)
	}
}
