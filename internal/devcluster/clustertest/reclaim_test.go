// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package clustertest

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// sleeper is a pod that runs on one node until it is stopped.
func sleeper(name, node, label string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s, labels: {app: %s}}
spec:
  restartPolicy: Never
  nodeSelector: {kubernetes.io/hostname: %s}
  tolerations:
    - {operator: Exists, effect: NoSchedule}
    - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute}
    - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 3600}
  containers: [{name: main, image: any, command: [sh, -c, "trap 'exit 7' TERM; while :; do sleep 0.1; done"]}]
`, name, label, node)
}

func (c *cluster) shown(t *testing.T, name, jsonpath string) string {
	t.Helper()
	stdout, stderr, err := c.run(t.Context(), "kubectl", "get", "pod", name, "-o", "jsonpath="+jsonpath)
	if err != nil && strings.Contains(stderr, "NotFound") {
		return "NotFound"
	}
	if err != nil {
		t.Fatalf("get pod %s: %v\n%s", name, err, stderr)
	}
	return stdout
}

// prepareLong is prepare for a test that takes longer than make test should.
func prepareLong(t *testing.T) *cluster {
	t.Helper()
	if os.Getenv("BACKFILL_TEST_LONG") == "" {
		t.Skip("long: make test-long waits for what Kubernetes takes its time for")
	}
	c := prepare(t)
	c.needsContainers(t)
	return c
}

func (c *cluster) runs(t *testing.T, pods ...string) {
	t.Helper()
	for _, name := range pods {
		eventually(t, name+" runs", func() bool { return c.shown(t, name, "{.status.phase}") == "Running" })
	}
}

func (c *cluster) must(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, err := c.run(t.Context(), args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, stderr)
	}
	return stdout
}

func (c *cluster) nodes(t *testing.T) string {
	return c.kubectl(t, "get", "nodes", "-o", "jsonpath={.items[*].metadata.name}")
}

// A kubelet that shuts down with its node fails its pods, the node goes, and its pool brings another.
func TestReclaimByKubeletShutdown(t *testing.T) {
	c := prepare(t)
	c.needsContainers(t)
	c.up(t, "--on-demand", "0", "--spot", "2", "--node-delay", "1s")
	c.create(t, sleeper("soft", "spot-0", "x"))
	c.runs(t, "soft")

	c.must(t, "reclaim", "spot-0", "--notice", "10s")
	got := c.shown(t, "soft", "{.status.phase} {.status.reason} {.status.containerStatuses[0].state.terminated.exitCode}"+
		` {.status.conditions[?(@.type=="DisruptionTarget")].reason}`)
	if want := "Failed Terminated 7 TerminationByKubelet"; got != want {
		t.Errorf("the pod ended as %q, want %q", got, want)
	}
	eventually(t, "another node comes", func() bool { return c.nodes(t) == "spot-1 spot-2" })
}

// Without a word: Kubernetes finds out that the node is silent, and the cloud that its machine is
// gone. A pool without stock brings no other.
func TestHardReclaim(t *testing.T) {
	c := prepareLong(t)
	c.up(t, "--on-demand", "0", "--spot", "2", "--node-delay", "1s", "--node-grace", "10s")
	c.create(t, sleeper("hard", "spot-1", "x"))
	c.runs(t, "hard")
	c.must(t, "pool", "spot", "--stock", "out")
	c.must(t, "reclaim", "spot-1", "--hard")
	if got := c.nodes(t); got != "spot-0" {
		t.Errorf("nodes: %s", got)
	}
	if got := c.shown(t, "hard", "{.status.phase}"); got != "Running" {
		t.Errorf("of a pod without a machine the last word was %q", got)
	}
	eventually(
		t,
		"pod garbage collection removes it",
		func() bool { return c.shown(t, "hard", "{.status.phase}") == "NotFound" },
	)
}

// A node that is drained at its notice has its pods evicted, and disruption budgets are respected until its end.
func TestReclaimByDrain(t *testing.T) {
	c := prepareLong(t)
	c.up(t, "--profile", "karpenter", "--on-demand", "0", "--spot", "1", "--node-delay", "1s")
	c.create(t, sleeper("free", "spot-0", "free")+"---"+sleeper("kept", "spot-0", "kept")+`---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: kept}
spec: {minAvailable: 1, selector: {matchLabels: {app: kept}}}
`)
	c.runs(t, "free", "kept")
	eventually(t, "the budget is known", func() bool {
		return c.kubectl(t, "get", "pdb", "kept", "-o", "jsonpath={.status.currentHealthy}") == "1"
	})
	if _, stderr, err := c.run(
		t.Context(),
		"evict",
		"kept",
	); err == nil ||
		!strings.Contains(stderr, "disruption budget") {
		t.Errorf("evict: %v, %s", err, stderr)
	}
	c.must(t, "reclaim", "spot-0", "--notice", "8s", "--no-wait")
	eventually(t, "the free pod is evicted", func() bool { return c.shown(t, "free", "{.status.phase}") == "NotFound" })
	if got := c.kubectl(
		t,
		"get",
		"node",
		"spot-0",
		"-o",
		"jsonpath={.spec.taints[*].key}",
	); !strings.Contains(
		got,
		"karpenter.sh/disrupted",
	) {
		t.Errorf("taints: %s", got)
	}
	if got := c.shown(t, "kept", "{.metadata.deletionTimestamp}{.status.phase}"); got != "Running" {
		t.Errorf("the pod with a budget: %q", got)
	}
	eventually(t, "another node comes", func() bool { return c.nodes(t) == "spot-1" })
}
