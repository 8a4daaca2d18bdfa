// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// consolidated is one job under an autoscaler that removes nodes.
type consolidated struct {
	name   string
	rules  []string
	anchor string
	// evicted tells whether pods are expected to be.
	evicted bool
}

var lenient = []string{"--rules", "cluster-autoscaler", "--ignore-local-storage", "--allow-custom-controllers"}

// consolidations: the cluster autoscaler's defaults keep every node with a
// running pod of Argo; managed clusters are mostly more lenient.
var consolidations = []consolidated{
	{"ca-off", lenient, `{ mode = "off" }`, true},
	{"ca-protect", lenient, `{ mode = "protect" }`, false},
	{"ca-default-off", []string{"--rules", "cluster-autoscaler"}, `{ mode = "off" }`, false},
	{"ca-default-release", []string{"--rules", "cluster-autoscaler"}, `{ mode = "release" }`, true},
	{"karpenter-off", []string{"--rules", "karpenter"}, `{ mode = "off" }`, true},
	{"karpenter-protect", []string{"--rules", "karpenter"}, `{ mode = "protect" }`, false},
	{"karpenter-budget", []string{"--rules", "karpenter"}, `{ mode = "off", pod_disruption_budget = true }`, false},
}

// The pods want to be on different nodes, each of which they use little: an
// autoscaler would rather have them together.
const consolidatedConfig = `
resource "backfill_job" "it" {
  name       = %q
  partition  = { range = { start = 0, end = %d, size = 1 } }
  runner = {
    image           = "busybox"
    command         = ["sh", "-euc", %q]
    deadline        = "10m"
    resources       = { cpu = "250m", memory = "96Mi" }
    volumes         = [{ name = "out", mount_path = "/out", host_path = %q }]
    service_account = "backfill-runner"
  }
  orchestrator = { service_account = "backfill-orchestrator" }
  max_parallel                 = 8
  retry                        = { limit = 2, backoff = "1s", factor = 1 }
  spread                       = "node"
  anchor                       = %s
}
`

// With consolidation running, no protected pod is evicted, and without anchors
// many are.
func TestAnchorsUnderConsolidation(t *testing.T) {
	needsLong(t)
	c := ownCluster(
		t,
		"--profile",
		"karpenter",
		"--on-demand",
		"4",
		"--spot",
		"0",
		"--cpu-per-node",
		"4",
		"--node-delay",
		"1s",
	)
	var table strings.Builder
	table.WriteString(
		"| autoscaler | anchor | evictions | nodes removed | attempts | wasted |\n|---|---|---|---|---|---|\n",
	)
	for _, how := range consolidations {
		t.Run(how.name, func(t *testing.T) { table.WriteString(c.consolidate(t, how)) })
	}
	t.Log("\n" + table.String())
	if path := os.Getenv("BACKFILL_FIGURES"); path != "" && !t.Failed() {
		if err := os.WriteFile(filepath.Join(path, "anchors.md"), []byte(table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *localCluster) consolidate(t *testing.T, how consolidated) (row string) {
	const partitions, nodes = 16, 4
	c.must(t, "pool", "on-demand", "--size", fmt.Sprint(nodes))
	eventually(t, time.Minute, "all nodes are there", func() bool { return len(c.nodesReady(t)) == nodes })
	out := t.TempDir()
	script := fmt.Sprintf(stormRunner, "ours", 15)
	apply(t, c,
		resource.TestStep{Config: fmt.Sprintf(consolidatedConfig, how.name, partitions, script, out, how.anchor)},
		resource.TestStep{
			PreConfig: func() {
				eventually(t, time.Minute, "pods run", func() bool { return len(lines(t, filepath.Join(out, "ours"))) >= 8 })
				if strings.Contains(how.anchor, "budget") {
					c.cannotEvict(t, how.name+"-r1")
				}
				end := c.consolidation(t, append(how.rules, "--after", "2s", "--interval", "1s")...)
				c.ended(t, how.name+"-r1", 5*time.Minute)
				actions := end()
				evicted, removed := actions["evict"], actions["remove"]
				pods := c.attempts(t, "backfill.dev/job="+how.name)
				wasted := 0
				for _, p := range pods {
					if p.failed() {
						wasted++
					}
				}
				if how.evicted && evicted < 3 || !how.evicted && (evicted > 0 || wasted > 0) {
					t.Errorf("%d evictions, %d wasted attempts: %v", evicted, wasted, pods)
				}
				row = fmt.Sprintf("| `%s` | `%s` | %d | %d | %d | %d |\n",
					strings.Join(how.rules[1:], " "), how.anchor, evicted, removed, len(pods), wasted)
			},
			RefreshState: true,
			Check:        resource.TestCheckResourceAttr("backfill_job.it", "phase", "Complete"),
		},
	)
	return row
}

func (c *localCluster) nodesReady(t *testing.T) []string {
	t.Helper()
	nodes, err := c.core.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, node := range nodes.Items {
		for _, condition := range node.Status.Conditions {
			if condition.Type == "Ready" && condition.Status == "True" && !node.Spec.Unschedulable {
				names = append(names, node.Name)
			}
		}
	}
	return names
}

// cannotEvict asks the API server to evict a pod that a budget covers.
func (c *localCluster) cannotEvict(t *testing.T, run string) {
	t.Helper()
	eventually(t, time.Minute, "the disruption budget counts the pods", func() bool {
		budget, err := c.core.PolicyV1().PodDisruptionBudgets(namespace).Get(t.Context(), run, metav1.GetOptions{})
		return err == nil && budget.Status.CurrentHealthy > 0
	})
	pods, err := c.core.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{
		LabelSelector: "workflows.argoproj.io/workflow=" + run, FieldSelector: "status.phase=Running",
	})
	if err != nil || len(pods.Items) == 0 {
		t.Fatalf("no pod of %s: %v", run, err)
	}
	out, err := c.command("evict", pods.Items[0].Name).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "disruption budget") {
		t.Errorf("the pod could be evicted: %v\n%s", err, out)
	}
}

// consolidation runs the local cluster's autoscaler until end, which counts
// what it did.
func (c *localCluster) consolidation(t *testing.T, args ...string) (end func() map[string]int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, c.binary, append(append([]string{"consolidate"}, args...), "--state", c.state)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := false
	end = func() map[string]int {
		if over {
			return nil
		}
		over = true
		cancel()
		_ = cmd.Wait()
		if errs.Len() > 0 {
			t.Errorf("consolidate: %s", errs.String())
		}
		count := map[string]int{}
		for line := range strings.Lines(out.String()) {
			if fields := strings.Split(line, "\t"); len(fields) > 1 {
				count[fields[1]]++
			}
		}
		t.Logf("consolidation:\n%s", out.String())
		return count
	}
	t.Cleanup(func() { end() })
	return end
}

// longPodConfig has one partition that takes long among many that take little
// and end together.
const longPodConfig = `
resource "backfill_job" "it" {
  name      = %[1]q
  partition = { values = ["a", "b", "c", "d", "e", "long"] }
  runner = {
    image           = "busybox"
    command         = ["sh", "-euc", "echo $BACKFILL_PARTITION_KEY start >> /out/ours; test $BACKFILL_PARTITION_KEY != long || sleep 30; sleep 3; echo $BACKFILL_PARTITION_KEY done >> /out/ours"]
    deadline        = "5m"
    resources       = { cpu = "600m", memory = "96Mi" }
    volumes         = [{ name = "out", mount_path = "/out", host_path = %[2]q }]
    service_account = "backfill-runner"
  }
  orchestrator = { service_account = "backfill-orchestrator" }
  max_parallel                 = 6
  retry                        = { limit = 2, backoff = "1s", factor = 1 }
  spot                         = { provider = "karpenter", mode = "prefer" }
  anchor                       = { mode = %[3]q }
}
`

// A pod that runs for long is left over on a node whose other pods have ended
// together: the node looks idle, and the pod is evicted although it would have
// been done soon. With the annotation it is not.
func TestALongPodIsNotEvictedWhenItsNeighboursEnd(t *testing.T) {
	needsLong(t)
	c := ownCluster(
		t,
		"--profile",
		"karpenter",
		"--on-demand",
		"1",
		"--spot",
		"1",
		"--cpu-per-node",
		"4",
		"--node-delay",
		"1s",
	)
	// Something else runs on the other node, so that this is not the idle one.
	c.kubectl(t, `
apiVersion: v1
kind: Pod
metadata: {name: other, annotations: {karpenter.sh/do-not-disrupt: "true"}}
spec:
  restartPolicy: Never
  nodeSelector: {karpenter.sh/capacity-type: on-demand}
  containers: [{name: main, image: any, command: [sleep, "3600"]}]
`, "create", "-f", "-")
	for _, tt := range []struct {
		anchor    string
		evictions int
	}{{"off", 1}, {"protect", 0}} {
		t.Run(tt.anchor, func(t *testing.T) {
			c.must(t, "pool", "spot", "--size", "1")
			eventually(t, time.Minute, "both nodes are there", func() bool { return len(c.nodesReady(t)) == 2 })
			out, name := t.TempDir(), "long-"+tt.anchor
			apply(t, c,
				resource.TestStep{Config: fmt.Sprintf(longPodConfig, name, out, tt.anchor)},
				resource.TestStep{
					PreConfig: func() {
						// Six have begun and five are done.
						eventually(
							t,
							2*time.Minute,
							"the neighbours end",
							func() bool { return len(lines(t, filepath.Join(out, "ours"))) >= 11 },
						)
						end := c.consolidation(t, "--rules", "karpenter", "--after", "3s", "--interval", "1s")
						c.ended(t, name+"-r1", 3*time.Minute)
						if got := end()["evict"]; got != tt.evictions {
							t.Errorf("%d evictions, want %d", got, tt.evictions)
						}
						begun := 0
						for _, line := range lines(t, filepath.Join(out, "ours")) {
							if line == "long start" {
								begun++
							}
						}
						if begun != tt.evictions+1 {
							t.Errorf("the long partition was begun %d times", begun)
						}
					},
					RefreshState: true,
					Check:        resource.TestCheckResourceAttr("backfill_job.it", "phase", "Complete"),
				},
			)
		})
	}
}
