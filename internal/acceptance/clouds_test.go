// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// cloudCase is a provider of spot nodes and the nodes that it has.
type cloudCase struct {
	name, more string
	// grace is the notice that its runners are told of, in seconds.
	grace int
	long  bool
}

var clouds = []cloudCase{
	{name: "gke", grace: 15},
	{name: "eks", grace: 120, long: true},
	{name: "karpenter", grace: 120, long: true},
	{name: "aks", grace: 30, long: true},
	{name: "custom", grace: 30, long: true,
		more: `, labels = { pool = "spot" }, taints = [{ key = "pool", value = "spot", effect = "NoSchedule" }]`},
}

const cloudConfig = `
resource "backfill_job" "it" {
  name      = %[1]q
  partition = { range = { start = 0, end = %[2]d, size = 1 } }
  runner = {
    image           = "busybox"
    command         = ["sh", "-euc", %[3]q]
    deadline        = "10m"
    resources       = { cpu = "100m", memory = "96Mi" }
    volumes         = [{ name = "out", mount_path = "/out", host_path = %[4]q }]
    service_account = "backfill-runner"
  }
  orchestrator = { service_account = "backfill-orchestrator" }
  retry                        = { limit = 2, backoff = "1s", factor = 1 }
  spot                         = { %[5]s }
}
`

// On the nodes of each cloud: attempts run on spot nodes first, and the last
// one on another node; a stock-out leads a job that prefers spot nodes to
// others, and one that requires them says that it is stuck until it gets the
// cure that it names: to prefer them, or a pool that may grow.
func TestClouds(t *testing.T) {
	for _, cloud := range clouds {
		t.Run(cloud.name, func(t *testing.T) {
			if cloud.long {
				needsLong(t)
			}
			c := ownCluster(t, "--profile", cloud.name, "--on-demand", "1", "--spot", "1", "--node-delay", "1s")
			t.Run("spot first", func(t *testing.T) { c.spotFirst(t, cloud) })
			c.must(t, "pool", "spot", "--stock", "out")
			c.must(t, "reclaim", "spot-0", "--notice", "2s")
			t.Run("stock-out preferring", func(t *testing.T) { c.preferring(t, cloud) })
			t.Run("stock-out cured", func(t *testing.T) { c.cured(t, cloud) })
			t.Run("stock-out requiring", func(t *testing.T) { c.requiring(t, cloud) })
		})
	}
}

func (cloud cloudCase) config(name string, partitions int, script, out, spot string) string {
	return fmt.Sprintf(
		cloudConfig,
		name,
		partitions,
		script,
		out,
		fmt.Sprintf("provider = %q, %s%s", cloud.name, spot, cloud.more),
	)
}

// spotFirst has one partition that only its last attempt processes, and only
// when it has the cloud's notice for its grace period.
func (c *localCluster) spotFirst(t *testing.T, cloud cloudCase) {
	script := fmt.Sprintf("test $BACKFILL_ATTEMPT-$BACKFILL_GRACE_SECONDS = 2-%d", cloud.grace)
	apply(t, c,
		resource.TestStep{Config: cloud.config("first", 1, script, t.TempDir(), `fallback = "on_demand"`)},
		resource.TestStep{
			PreConfig: func() {
				c.ended(t, "first-r1", 4*time.Minute)
				var got []string
				for _, p := range c.attempts(t, "backfill.dev/job=first") {
					got = append(got, fmt.Sprintf("%d %s %s", p.attempt, p.node, p.phase))
				}
				if want := []string{"0 spot-0 Failed", "1 spot-0 Failed", "2 on-demand-0 Succeeded"}; !slices.Equal(got, want) {
					t.Errorf("attempts %q, want %q", got, want)
				}
			},
			RefreshState: true,
			Check:        resource.TestCheckResourceAttr("backfill_job.it", "phase", "Complete"),
		},
	)
}

// preferring has no spot node.
func (c *localCluster) preferring(t *testing.T, cloud cloudCase) {
	apply(t, c,
		resource.TestStep{Config: cloud.config("prefers", 3, "true", t.TempDir(), `mode = "prefer"`)},
		resource.TestStep{
			PreConfig: func() {
				c.ended(t, "prefers-r1", 4*time.Minute)
				for _, p := range c.attempts(t, "backfill.dev/job=prefers") {
					if p.node != "on-demand-0" || p.attempt != 0 {
						t.Errorf("%s", p)
					}
				}
			},
			RefreshState: true,
			Check:        resource.TestCheckResourceAttr("backfill_job.it", "phase", "Complete"),
		},
	)
}

// requiring has no spot node until there are some again, and says so; nothing
// is lost by the waiting.
func (c *localCluster) requiring(t *testing.T, cloud cloudCase) {
	out := t.TempDir()
	apply(
		t,
		c,
		resource.TestStep{
			Config: cloud.config("requires", 2, "echo done >> /out/ours", out, `mode = "require", max_pending = "5s"`),
		},
		resource.TestStep{
			PreConfig: func() {
				c.stuck(t, "requires")
				c.must(t, "pool", "spot", "--stock", "in")
				c.ended(t, "requires-r1", 4*time.Minute)
				for _, p := range c.attempts(t, "backfill.dev/job=requires") {
					if !strings.HasPrefix(p.node, "spot-") || p.attempt != 0 {
						t.Errorf("%s", p)
					}
				}
				if got := len(lines(t, filepath.Join(out, "ours"))); got != 2 {
					t.Errorf("%d partitions ran", got)
				}
			},
			RefreshState: true,
			Check:        resource.TestCheckResourceAttr("backfill_job.it", "phase", "Complete"),
		},
	)
}

// cured has no spot node, and a fallback that does not help pods that wait. It
// gets what the report names.
func (c *localCluster) cured(t *testing.T, cloud cloudCase) {
	needsLong(t)
	config := func(mode string) string {
		return cloud.config(
			"cured",
			2,
			"true",
			t.TempDir(),
			fmt.Sprintf(`mode = %q, fallback = "on_demand", max_pending = "5s"`, mode),
		)
	}
	apply(t, c,
		resource.TestStep{Config: config("require")},
		resource.TestStep{PreConfig: func() { c.stuck(t, "cured") }, Config: config("prefer")},
		resource.TestStep{
			PreConfig: func() {
				c.ended(t, "cured-r2", 4*time.Minute)
				for _, p := range c.attemptsIn(t, "cured-r2") {
					if p.node != "on-demand-0" || p.attempt != 0 {
						t.Errorf("%s", p)
					}
				}
			},
			RefreshState: true,
			Check:        resource.TestCheckResourceAttr("backfill_job.it", "phase", "Complete"),
		},
	)
}

// stuck waits until both pods of a job find no node, and status says so.
func (c *localCluster) stuck(t *testing.T, job string) {
	t.Helper()
	eventually(t, time.Minute, "both pods find no node", func() bool { return c.unschedulable(t, job+"-r1") == 2 })
	stuck := regexp.MustCompile(`stuck +no spot capacity since .*: 2 pods wait for a spot node .*spot.mode = "prefer"`)
	eventually(t, time.Minute, "status says that the run is stuck", func() bool {
		code, out, _ := command(t.Context(), "status", job, "--kubeconfig", c.limited)
		return code == 0 && stuck.MatchString(out)
	})
}

// unschedulable counts the pods of a Workflow that the scheduler found no node
// for.
func (c *localCluster) unschedulable(t *testing.T, run string) int {
	t.Helper()
	pods, err := c.core.CoreV1().
		Pods(namespace).
		List(t.Context(), metav1.ListOptions{LabelSelector: "workflows.argoproj.io/workflow=" + run})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, pod := range pods.Items {
		for _, condition := range pod.Status.Conditions {
			if condition.Type == "PodScheduled" && condition.Reason == "Unschedulable" {
				n++
			}
		}
	}
	return n
}
