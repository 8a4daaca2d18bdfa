// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// limitLabel is the label by which a namespace limits its parallel Workflows.
const limitLabel = "workflows.argoproj.io/parallelism-limit"

// sharded declares a job of four shards.
func sharded(name, more string) string {
	return fmt.Sprintf(`
resource "backfill_job" %[1]q {
  name                         = %[1]q
  partition                    = { range = { start = 0, end = 8, size = 1 } }
  shard_size                   = 2
  max_parallel                 = 8
  orchestrator                 = { service_account = "backfill-orchestrator" }
  retry                        = { limit = 0, backoff = "1s" }
  runner = {
    image           = "busybox"
    command         = ["sleep", "1"]
    service_account = "backfill-runner"
  }
  %[2]s
}
`, name, more)
}

// says waits until the command status says something of a job.
func (c *localCluster) says(t *testing.T, job, what string) {
	t.Helper()
	text, said := regexp.MustCompile(what), ""
	defer func() {
		if t.Failed() {
			t.Logf("status of %s:\n%s", job, said)
		}
	}()
	eventually(t, 3*time.Minute, "status of "+job+" says "+what, func() bool {
		_, said, _ = command(t.Context(), "status", job, "--kubeconfig", c.limited)
		return text.MatchString(said)
	})
}

// limited lets Argo process that many Workflows of the namespace at once.
func (c *localCluster) limitedTo(t *testing.T, places int) {
	t.Helper()
	c.kubectl(t, "", "label", "namespace", namespace, "--overwrite", fmt.Sprintf("%s=%d", limitLabel, places))
	t.Cleanup(func() { c.kubectl(t, "", "label", "namespace", namespace, limitLabel+"-") })
}

// quota lets a namespace have that much, and returns what takes the quota away.
func (c *localCluster) quota(t *testing.T, name, of string, hard int) (lift func()) {
	t.Helper()
	c.kubectl(t, fmt.Sprintf("apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: %s, namespace: %s}\n"+
		"spec: {hard: {%s: %q}}\n", name, namespace, of, fmt.Sprint(hard)), "create", "-f", "-")
	lift = func() { c.kubectl(t, "", "delete", "resourcequota", name, "-n", namespace, "--ignore-not-found") }
	t.Cleanup(lift)
	return lift
}

// Two runs take both places that Argo has for Workflows, and wait for shards that find
// none. Who they are is told, and when one is stopped the other goes on. This fails when
// Argo does not count a run that waits, and the bounds on runs are not needed any more.
func TestRunsThatWaitForEachOther(t *testing.T) {
	c := cluster(t)
	c.limitedTo(t, 2)
	apply(t, c,
		resource.TestStep{Config: sharded("held-a", "") + sharded("held-b", ""), ExpectNonEmptyPlan: false},
		resource.TestStep{
			PreConfig: func() {
				for _, job := range []string{"held-a", "held-b"} {
					c.says(t, job, `(waiting|stuck) +no place since .* hold places in the namespace: held-a-r1, held-b-r1\. `+
						`They wait for each other for ever\.`)
				}
				if code, _, problems := command(t.Context(), "stop", "held-b", "--kubeconfig", c.limited); code != 0 {
					t.Fatal(problems)
				}
				c.says(t, "held-b", `phase +Incomplete`)
				eventually(t, 3*time.Minute, "the other run ends", func() bool {
					// Argo gives places that are free to Workflows when something happens to one of them.
					c.kubectl(t, "", "annotate", "workflows", "-n", namespace, "-l", "backfill.dev/job=held-a", "--overwrite",
						"looked-at="+time.Now().Format(time.RFC3339Nano))
					_, said, _ := command(t.Context(), "status", "held-a", "--kubeconfig", c.limited)
					return regexp.MustCompile(`phase +Complete`).MatchString(said)
				})
			},
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
		},
	)
}

// Where the limit is declared, a second run of shards is not submitted while the first
// one has its place, and the first one ends although only one place is left to shards.
// The engine's tests do the same in memory, every day.
func TestRunsLeaveAPlaceForShards(t *testing.T) {
	long(t)
	c := cluster(t)
	c.limitedTo(t, 2)
	const limit = `controller = { max_workflows = 2 }`
	both := sharded("first", limit) + strings.Replace(sharded("second", limit), "\n}\n",
		"\n  depends_on = [backfill_job.first]\n}\n", 1)
	apply(t, c,
		resource.TestStep{Config: both, ExpectError: regexp.MustCompile(`(?s)No Place For The Run.*first-r1`)},
		resource.TestStep{
			PreConfig: func() { c.says(t, "first", `phase +Complete`) },
			Config:    both,
		},
		resource.TestStep{PreConfig: func() { c.says(t, "second", `phase +Complete`) }, RefreshState: true},
	)
}

// A launcher whose shard a quota refuses is tried again, and says what the API server
// says; when there is quota the run ends as if nothing had been.
func TestRefusedShardsAreTriedAgain(t *testing.T) {
	c := cluster(t)
	existing := len(strings.Fields(c.kubectl(t, "", "get", "workflows", "-n", namespace, "-o", "name")))
	lift := c.quota(t, "workflows", "count/workflows.argoproj.io", existing+1)
	apply(t, c,
		resource.TestStep{Config: sharded("refused", "")},
		resource.TestStep{
			PreConfig: func() {
				c.says(t, "refused", `retrying .* refused: exceeded quota: workflows, .*Raise that ResourceQuota`)
				lift()
				eventually(t, 12*time.Minute, "the next attempts start the shards", func() bool { // each waits twice as long
					_, said, _ := command(t.Context(), "status", "refused", "--kubeconfig", c.limited)
					return strings.Contains(said, "Complete")
				})
			},
			RefreshState: true,
		},
	)
}

// Pods that a quota does not let in wait, and are no failures.
func TestPodsWaitForQuota(t *testing.T) {
	c := cluster(t)
	lift := c.quota(t, "pods", "pods", 0)
	config := strings.Replace(sharded("quota", ""), "shard_size                   = 2", "", 1)
	apply(t, c,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				c.says(t, "quota", `waiting +no quota since .*: 8 pods wait until a ResourceQuota of the namespace has room `+
					`\(exceeded quota: pods, .*raise the ResourceQuota "pods"`)
				lift()
				c.says(t, "quota", `phase +Complete`)
			},
			RefreshState: true,
		},
	)
}

// Pods with a scheduling gate, such as Kueue's, wait for a queue and are not stuck pods:
// there is nothing to mend in what they refer to.
func TestPodsWaitForAGate(t *testing.T) {
	c := cluster(t)
	config := strings.Replace(sharded("gated", "spot = { provider = \"gke\", mode = \"prefer\" }"),
		"shard_size                   = 2", "", 1)
	config = strings.Replace(config, `service_account = "backfill-runner"`, `service_account = "backfill-runner"
    patch           = { schedulingGates = [{ name = "kueue.x-k8s.io/admission" }] }`, 1)
	apply(t, c,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				c.says(t, "gated", `waiting +not admitted since .*: 8 pods wait to be handed to the scheduler.*Kueue`)
				for _, pod := range strings.Fields(c.kubectl(t, "", "get", "pods", "-n", namespace, "-o", "name",
					"-l", "backfill.dev/job=gated")) {
					c.kubectl(t, "", "patch", "-n", namespace, pod, "--type=json",
						`--patch=[{"op":"remove","path":"/spec/schedulingGates"}]`)
				}
				c.says(t, "gated", `phase +Complete`)
			},
			RefreshState: true,
		},
	)
}
