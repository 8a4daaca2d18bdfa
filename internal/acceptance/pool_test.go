// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
)

// poolConfig is a pool and two jobs of six shards of two partitions, the second
// after a canary, any three of which each job would process at once. A runner
// leaves a mark with its shard while it runs, and stays until the test lets it go.
const poolConfig = `
resource "backfill_pool" "shared" {
  name = "shared"
  size = %d
}

locals {
  runner = {
    image   = "busybox"
    command = ["sh", "-euc"]
    args = [<<-EOT
      mark=/out/running/$BACKFILL_JOB.$(( (BACKFILL_PARTITION_INDEX + ADD) / 2 )).$BACKFILL_PARTITION_INDEX
      mkdir "$mark"
      trap 'rmdir "$mark"; exit 1' TERM
      while [ -e /out/hold ]; do sleep 0.2; done
      rmdir "$mark"
      echo "$BACKFILL_JOB $BACKFILL_PARTITION_INDEX" >> /out/done
    EOT
    ]
    resources       = { cpu = "10m" }
    volumes         = [{ name = "out", mount_path = "/out", host_path = %q }]
    service_account = "backfill-runner"
  }
}

resource "backfill_job" "a" {
  name                         = "pool-a"
  pool                         = backfill_pool.shared.name
  partition                    = { range = { start = 0, end = 12, size = 1 } }
  shard_size                   = 2
  max_parallel                 = 12
  runner                       = merge(local.runner, { env = { ADD = "0" } })
  orchestrator = { service_account = "backfill-orchestrator" }
  paused                       = %t
}

resource "backfill_job" "b" {
  name                         = "pool-b"
  pool                         = backfill_pool.shared.name
  partition                    = { range = { start = 0, end = 13, size = 1 } }
  shard_size                   = 2
  max_parallel                 = 12
  canary                       = {}
  runner                       = merge(local.runner, { env = { ADD = "1" } })
  orchestrator = { service_account = "backfill-orchestrator" }
}
`

// watchedPool looks at the marks of the runners all the time.
type watchedPool struct {
	held
	most chan int // sent the most shards that were seen since it was last asked
}

// watchPool counts shards until the test ends.
func watchPool(t *testing.T, out string) watchedPool {
	w := watchedPool{held{t, out}, make(chan int)}
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	go func() {
		most := 0
		for ctx.Err() == nil {
			select {
			case w.most <- most:
				most = 0
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
			most = max(most, len(w.shards()))
		}
	}()
	return w
}

// shards lists those that run.
func (w watchedPool) shards() []string {
	marks, _ := os.ReadDir(w.file("running"))
	var shards []string
	for _, mark := range marks {
		job, rest, _ := strings.Cut(mark.Name(), ".")
		shard, _, _ := strings.Cut(rest, ".")
		shards = append(shards, job+"."+shard)
	}
	slices.Sort(shards)
	return slices.Compact(shards)
}

// awaitShards waits until that many shards run, and fails when ever more did.
func (w watchedPool) awaitShards(c *localCluster, n int) {
	w.Helper()
	for end := time.Now().Add(time.Minute); len(w.shards()) != n; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			w.Fatalf("the shards %v run, and %d should\n%s", w.shards(), n, c.describe("pool-a-r1"))
		}
	}
	w.never(n)
}

// never demands that no more shards ran since the last look.
func (w watchedPool) never(more int) {
	w.Helper()
	if most := <-w.most; most > more {
		w.Errorf("%d shards ran at once, and the pool has %d places", most, more)
	}
}

// one demands that all shards that run are of one job.
func (w watchedPool) of(job string) {
	w.Helper()
	for _, shard := range w.shards() {
		if !strings.HasPrefix(shard, job+".") {
			w.Errorf("shard %s runs, and only those of %s should", shard, job)
		}
	}
}

func TestPoolBoundsJobsTogether(t *testing.T) {
	c := cluster(t)
	w := watchPool(t, t.TempDir())
	for _, name := range []string{"running", "hold"} {
		if err := os.Mkdir(w.file(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	config := func(size int, paused bool) string { return fmt.Sprintf(poolConfig, size, w.out, paused) }
	none := resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}
	phases := func(a, b string) resource.TestCheckFunc {
		return resource.ComposeTestCheckFunc(
			resource.TestCheckResourceAttr(
				"backfill_job.a",
				"phase",
				a,
			),
			resource.TestCheckResourceAttr("backfill_job.b", "phase", b),
		)
	}
	apply(t, c,
		resource.TestStep{Config: config(1, false), ConfigPlanChecks: none},
		resource.TestStep{ // raised: more shards start
			PreConfig:        func() { w.awaitShards(c, 1) },
			Config:           config(3, false),
			ConfigPlanChecks: none,
		},
		resource.TestStep{ // lowered: those that run go on
			PreConfig: func() { w.awaitShards(c, 3) },
			Config:    config(2, false),
		},
		resource.TestStep{ // paused: the other job has the pool, and nothing is drift
			Config:           config(2, true),
			ConfigPlanChecks: none,
		},
		resource.TestStep{
			PreConfig: func() {
				w.never(3)
				c.ended(t, "pool-a-r1", time.Minute)
				w.of("pool-b")
				release(t, w.file("hold"))
				c.ended(t, "pool-b-r1", 2*time.Minute)
				w.of("pool-b")
				w.never(2)
			},
			RefreshState: true,
			Check:        phases("Paused", "Complete"),
		},
		resource.TestStep{ // resumed: a new run takes what is left
			Config: config(2, false),
			Check:  resource.TestCheckResourceAttr("backfill_job.a", "run", "pool-a-r2"),
		},
		resource.TestStep{
			PreConfig:    func() { c.ended(t, "pool-a-r2", 2*time.Minute) },
			RefreshState: true,
			Check: resource.ComposeTestCheckFunc(phases("Complete", "Complete"), func(*terraform.State) error {
				w.never(2)
				return doneOnce(w.file("done"), map[string]int{"pool-a": 12, "pool-b": 13})
			}),
		},
	)
}

func release(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(filepath.Clean(file)); err != nil {
		t.Fatal(err)
	}
}

// doneOnce demands a line for each partition of each job.
func doneOnce(file string, partitions map[string]int) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	lines := strings.Fields(strings.ReplaceAll(string(text), " ", "."))
	for job, n := range partitions {
		for i := range n {
			line := fmt.Sprintf("%s.%d", job, i)
			if times := len(
				lines,
			) - len(
				slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return l == line }),
			); times != 1 {
				return fmt.Errorf("partition %s is done %d times", line, times)
			}
		}
	}
	return nil
}
