// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// reclaimConfig has one partition that works until there is a file "go". When
// it is told to end, it keeps how far it is in a file named for the partition,
// from which the next attempt goes on.
const reclaimConfig = `
resource "backfill_job" "it" {
  name      = %[1]q
  partition = { values = ["only"] }
  runner = {
    image           = "busybox"
    command         = ["sh", "-euc", <<-EOT
      checkpoint=/out/checkpoint-$BACKFILL_PARTITION_KEY
      from=0
      [ ! -e "$checkpoint" ] || from=$(cat "$checkpoint")
      trap 'echo "told $BACKFILL_GRACE_SECONDS" >> /out/ours; echo 7 > "$checkpoint"; exit 143' TERM
      echo "start from $from" >> /out/ours
      while [ ! -e /out/go ]; do sleep 0.1; done
      echo "done $BACKFILL_ATTEMPT" >> /out/ours
    EOT
    ]
    deadline        = "30m"
    resources       = { cpu = "100m", memory = "96Mi" }
    volumes         = [{ name = "out", mount_path = "/out", host_path = %[2]q }]
    service_account = "backfill-runner"
  }
  orchestrator = { service_account = "backfill-orchestrator" }
  retry                        = { limit = 2, backoff = "1s", factor = 1 }
  spot                         = { provider = %[3]q, fallback = "on_demand" }
  anchor                       = { mode = "all", pod_disruption_budget = %[4]t }
}
`

// reclaimed is a spot node that is taken from under a partition.
type reclaimed struct {
	name, cloud string
	// budget asks for a PodDisruptionBudget.
	budget bool
	how    []string
	// told is the notice that the runner is told of when it gets SIGTERM; "" when
	// it gets none.
	told string
	// message is what Argo says of the attempt that was lost. Where it is "", the
	// pod may be gone before Argo has seen its end, and comes again as the same
	// attempt.
	message string
}

// reclaims: a kubelet that shuts down asks no budget. Where nodes are drained,
// the job's own budget refuses every eviction until the machine is gone, and
// what runs there then ends without a word, as it does without notice.
var reclaims = []reclaimed{
	{name: "shutdown", cloud: "gke", how: []string{"--notice", "6s"}, told: "15", message: "imminent node shutdown"},
	{
		name:    "shutdown-budget",
		cloud:   "gke",
		budget:  true,
		how:     []string{"--notice", "6s"},
		told:    "15",
		message: "imminent node shutdown",
	},
	{name: "vanished", cloud: "gke", how: []string{"--hard"}},
	{name: "drain", cloud: "karpenter", how: []string{"--notice", "6s"}, told: "120"},
	{name: "drain-budget", cloud: "karpenter", budget: true, how: []string{"--notice", "6s"}},
}

// A partition whose node is taken away is tried again within bounded time, with
// the times that Kubernetes and Argo have by default. It goes on from where it
// was when it was told, whether or not the job has a budget of its own.
func TestReclaims(t *testing.T) {
	needsLong(t)
	for _, cloud := range []string{"gke", "karpenter"} {
		t.Run(cloud, func(t *testing.T) {
			c := ownCluster(t, "--profile", cloud, "--on-demand", "1", "--spot", "1", "--node-delay", "1s")
			for _, how := range reclaims {
				if how.cloud == cloud {
					t.Run(how.name, func(t *testing.T) { c.reclaim(t, how) })
				}
			}
		})
	}
}

func (c *localCluster) reclaim(t *testing.T, how reclaimed) {
	out, run := t.TempDir(), how.name+"-r1"
	said := func() []string { return lines(t, filepath.Join(out, "ours")) }
	begun := func() int { return strings.Count(strings.Join(said(), "\n"), "start from") }
	apply(t, c,
		resource.TestStep{Config: fmt.Sprintf(reclaimConfig, how.name, out, how.cloud, how.budget)},
		resource.TestStep{
			PreConfig: func() {
				eventually(t, 2*time.Minute, "the partition begins", func() bool { return begun() == 1 })
				node := c.podsIn(t, run)[0].Spec.NodeName
				if how.budget {
					c.cannotEvict(t, run)
				}
				c.must(t, append([]string{"reclaim", node}, how.how...)...)
				eventually(t, 5*time.Minute, "the partition begins again", func() bool { return begun() == 2 })
				if err := os.WriteFile(filepath.Join(out, "go"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
				c.ended(t, run, 2*time.Minute)
				c.checkReclaimed(t, how, node, said())
			},
			RefreshState: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_job.it", "phase", "Complete"),
				resource.TestCheckResourceAttr("backfill_job.it", "failed_count", "0"),
			),
		},
	)
}

// checkReclaimed compares what the runners said, and what Argo tells.
func (c *localCluster) checkReclaimed(t *testing.T, how reclaimed, lost string, said []string) {
	t.Helper()
	pods := c.attempts(t, "backfill.dev/job="+how.name)
	t.Logf("%v", pods)
	last := pods[len(pods)-1]
	if last.failed() || last.node == lost {
		t.Errorf("last: %s", last)
	}
	if how.message != "" && (len(pods) != 2 || !pods[0].failed() || !strings.Contains(pods[0].message, how.message)) ||
		len(pods) > 2 {
		t.Errorf("%d attempts: %v", len(pods), pods)
	}
	want := []string{"start from 0", "start from 0", fmt.Sprintf("done %d", last.attempt)}
	if how.told != "" {
		want = []string{"start from 0", "told " + how.told, "start from 7", fmt.Sprintf("done %d", last.attempt)}
	}
	if !slices.Equal(said, want) {
		t.Errorf("the runners said %q, want %q", said, want)
	}
}
