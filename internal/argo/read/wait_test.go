// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
)

// A queue, a fault and a missing object are told apart by what Argo shows of a pod.
func TestWhatPodsWaitFor(t *testing.T) {
	const full = "Unschedulable: 0/3 nodes are available: 1 node(s) had untolerated taint {spot: true}, 2 Insufficient " +
		"cpu. preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims " +
		"found for incoming pod."
	for _, c := range []struct {
		message, host string
		want          Reason
		queues        bool
	}{
		{`pods "p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=6, limited: pods=6`, "",
			WaitsForQuota, true},
		{"", "", WaitsForGate, true},
		{"SchedulingGated: Scheduling is blocked due to non-empty scheduling gates", "", WaitsForGate, true},
		{full, "", WaitsForRoom, true},
		{"Unschedulable: 0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. preemption: 0/3 " +
			"nodes are available: 3 Preemption is not helpful for scheduling.", "", WaitsForNode, false},
		{"ImagePullBackOff: Back-off pulling image", "n", WaitsForImage, false},
		{`CreateContainerConfigError: secret "no-such-secret" not found`, "n", WaitsForInput, false},
		{"PodInitializing", "n", WaitsToStart, false},
		{"", "n", WaitsToStart, false},
	} {
		n := &nodeStatus{Message: c.message, HostNodeName: c.host}
		if got := n.waitsFor(); got != c.want || got.Queues() != c.queues {
			t.Errorf("%q on %q waits for %s, a queue: %t", c.message, c.host, got, got.Queues())
		}
	}
}

// Of what the API server refuses, the reason is told, which stands at the end of a
// sentence that is longer than a message may be.
func TestRefusalsTellTheReason(t *testing.T) {
	const launch = "main: Error (exit code 64): no more retries Error from server (Forbidden): error when "
	for _, c := range []struct{ template, message, want string }{
		{"partition", `pods "nosa-r1-partition-1975241540" is forbidden: error looking up service account data/none: ` +
			`serviceaccount "none" not found`, `error looking up service account data/none: serviceaccount "none" not found`},
		{"partition", `Pod "p" is invalid: spec.containers[1].resources.requests: Invalid value: "1": must be less than ` +
			"or equal to cpu limit of 500m",
			`spec.containers[1].resources.requests: Invalid value: "1": must be less than or equal to cpu limit of 500m`},
		{"partition", `admission webhook "policy.example.com" denied the request: no latest tags`,
			`admission webhook "policy.example.com" denied the request: no latest tags`},
		{"launcher", launch + `creating "/tmp/manifest.yaml": workflows.argoproj.io "w-r1-s1" is forbidden: exceeded ` +
			"quota: workflows, requested: count/workflows.argoproj.io=1, used: count/workflows.argoproj.io=3, limited: " +
			"count/workflows.argoproj.io=3",
			"exceeded quota: workflows, requested: count/workflows.argoproj.io=1, used: count/workflows.argoproj.io=3, " +
				"limited: count/workflows.argoproj.io=3"},
		{"launcher", launch +
			"retrieving current configuration of:\nResource: \"argoproj.io/v1alpha1, Resource=workflows\"\n" +
			`from server for: "/tmp/manifest.yaml": workflows.argoproj.io "r-r1-s0" is forbidden: User "u" cannot get ` +
			`resource "workflows" in API group "argoproj.io"`,
			`User "u" cannot get resource "workflows" in API group "argoproj.io"`},
	} {
		n := &nodeStatus{Phase: argo.PhaseError, Message: c.message, TemplateName: c.template}
		a := n.attempt(0, func(int) string { return argo.CapacityAny })
		if got, refused := n.refusal(); !refused || got != c.want || a.Cause != CauseRefused ||
			!strings.HasPrefix(c.want, strings.TrimSuffix(a.Message, "…")) {
			t.Errorf("got %q, %t, %+v\nwant %q", got, refused, a, c.want)
		}
	}
	// What a runner writes is no word of the API server's.
	n := &nodeStatus{TemplateName: "partition", Message: `main: Error (exit code 3): pods "a" is forbidden: by me`}
	if _, refused := n.refusal(); refused || n.told() != n.Message {
		t.Errorf("a runner refuses: %q", n.told())
	}
}

// A run whose launchers failed for good says why, where Argo says "child … failed".
func TestFailedLaunchersTellWhy(t *testing.T) {
	_, out := edited(t, "three-shards", func(c *argotest.Controller, run *wfv1.Workflow) {
		run.Status.Phase, run.Status.Message = wfv1.WorkflowFailed, "child 'orders-r3-12345' failed"
		delete(c.Workflows, "orders-r3-s1")
		argotest.Change(run, argotest.LauncherOf("1"), func(n *wfv1.NodeStatus) {
			n.Phase, n.Outputs, n.Message = wfv1.NodeFailed, nil, "No more retries left"
			pod := run.Status.Nodes[n.Children[0]]
			pod.Phase = wfv1.NodeFailed
			pod.Message = `main: Error (exit code 64): no more retries Error from server (Forbidden): workflows.argoproj.io ` +
				`"orders-r3-s1" is forbidden: no`
			run.Status.Nodes[pod.ID] = pod
		})
	})
	if want := "the launcher of 1 shard failed: no"; out.Message != want || out.Unlaunched != 1 {
		t.Errorf("got %q of %d launchers, want %q", out.Message, out.Unlaunched, want)
	}
}
