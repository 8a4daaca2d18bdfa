// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// wavesConfig is a job of 60 partitions: a canary of one, and shards of eight in
// waves of 1, 2 and 5 shards. Each partition adds a line to the file out/order;
// those that the file out/broken names fail for good.
const wavesConfig = `
resource "backfill_job" "%[1]s" {
  name       = %[1]q
  partition  = { range = { start = 0, end = 600, size = 10 }, order = "newest_first" }
  shard_size = 8

  runner = {
    image   = "busybox"
    command = ["sh", "-euc"]
    args = [<<-EOT
      echo "$BACKFILL_PARTITION_INDEX" >> /out/order
      ! grep -qx "$BACKFILL_PARTITION_INDEX" /out/broken
    EOT
    ]
    resources       = { cpu = "10m" }
    volumes         = [{ name = "out", mount_path = "/out", host_path = %[2]q }]
    service_account = "backfill-runner"
  }

  orchestrator = { service_account = "backfill-orchestrator" }
  max_parallel                 = 16
  retry                        = { limit = 0 }
  canary                       = { partitions = 1 }
  wave                         = { shards = 1, growth = 2 }
  failure_budget               = { max_failed = 2 }
}
`

// breakPartitions makes the runners of these partitions fail.
func breakPartitions(t *testing.T, out string, indices ...int) {
	t.Helper()
	var text strings.Builder
	for _, i := range indices {
		fmt.Fprintln(&text, i)
	}
	if err := os.WriteFile(filepath.Join(out, "broken"), []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// ran are the partitions that runners began, in that order.
func ran(t *testing.T, out string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(out, "order"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// checkOrder demands that exactly these groups of partitions ran, each wholly
// before the next.
func checkOrder(t *testing.T, out string, groups ...[]int) {
	t.Helper()
	got := ran(t, out)
	for n, group := range groups {
		var want []string
		for _, i := range group {
			want = append(want, fmt.Sprint(i))
		}
		size := min(len(want), len(got))
		part := slices.Clone(got[:size])
		got = got[size:]
		slices.Sort(want)
		slices.Sort(part)
		if err := equal(
			fmt.Sprintf("partitions of group %d", n),
			strings.Join(want, " "),
			strings.Join(part, " "),
		); err != nil {
			t.Error(err)
		}
	}
	if len(got) > 0 {
		t.Errorf("%d more partitions ran: %s", len(got), strings.Join(got, " "))
	}
}

// downFrom are the whole numbers from first to last, descending.
func downFrom(first, last int) []int {
	var out []int
	for i := first; i >= last; i-- {
		out = append(out, i)
	}
	return out
}

func TestWavesRunInOrder(t *testing.T) {
	c := cluster(t)
	out := t.TempDir()
	breakPartitions(t, out, 50, 40) // as many as the budget allows
	apply(t, c,
		resource.TestStep{Config: fmt.Sprintf(wavesConfig, "waved", out)},
		resource.TestStep{
			PreConfig:          func() { c.ended(t, "waved-r1", 5*time.Minute) },
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_job.waved", "progress", "58/60"),
				resource.TestCheckResourceAttr("backfill_job.waved", "failed", "[400,410) [500,510)"),
				func(*terraform.State) error {
					checkOrder(t, out, []int{59}, downFrom(58, 51), downFrom(50, 35), downFrom(34, 3), downFrom(2, 0))
					return nil
				},
			),
		},
		resource.TestStep{
			// The canary has succeeded with this template and is left out.
			PreConfig: func() {
				breakPartitions(t, out)
				if err := os.Remove(filepath.Join(out, "order")); err != nil {
					t.Fatal(err)
				}
			},
			Config: fmt.Sprintf(wavesConfig, "waved", out),
		},
		resource.TestStep{
			PreConfig: func() {
				run := c.ended(t, "waved-r2", 5*time.Minute)
				for _, name := range nodeNames(run) {
					if strings.HasPrefix(name, "canary") {
						t.Errorf("run 2 has a canary: node %s", name)
					}
				}
			},
			RefreshState: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_job.waved", "phase", "Complete"),
				func(*terraform.State) error { checkOrder(t, out, []int{50, 40}); return nil },
			),
		},
	)
}

func TestBudgetStopsWaves(t *testing.T) {
	c := cluster(t)
	out := t.TempDir()
	breakPartitions(t, out, 57, 55, 53, 30) // three of the first wave
	apply(t, c,
		resource.TestStep{Config: fmt.Sprintf(wavesConfig, "broken", out)},
		resource.TestStep{
			PreConfig:          func() { c.ended(t, "broken-r1", 5*time.Minute) },
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_job.broken", "progress", "6/60"),
				resource.TestCheckResourceAttr("backfill_job.broken", "phase", "Failed"),
				resource.TestCheckResourceAttr("backfill_job.broken", "failed_count", "3"),
				func(*terraform.State) error {
					checkOrder(t, out, []int{59}, downFrom(58, 51))
					return nil
				},
			),
		},
		resource.TestStep{
			// What the plan says is kept in the state of the apply.
			PreConfig: func() { breakPartitions(t, out, 57) },
			Config:    fmt.Sprintf(wavesConfig, "broken", out),
			Check: resource.TestMatchResourceAttr(
				"backfill_job.broken",
				"next_run.because",
				regexp.MustCompile(
					`Run broken-r1 started no further wave, because more partitions had failed than its failure budget allows`,
				),
			),
		},
		resource.TestStep{
			PreConfig:          func() { c.ended(t, "broken-r2", 5*time.Minute) },
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
			Check:              resource.TestCheckResourceAttr("backfill_job.broken", "progress", "59/60"),
		},
	)
}

func TestFailedCanaryEndsTheRun(t *testing.T) {
	c := cluster(t)
	out := t.TempDir()
	breakPartitions(t, out, 59)
	apply(t, c,
		resource.TestStep{Config: fmt.Sprintf(wavesConfig, "canaried", out)},
		resource.TestStep{
			PreConfig:          func() { c.ended(t, "canaried-r1", 3*time.Minute) },
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_job.canaried", "progress", "0/60"),
				resource.TestCheckResourceAttr("backfill_job.canaried", "failed", "[590,600)"),
				func(*terraform.State) error { checkOrder(t, out, []int{59}); return nil },
			),
		},
	)
}

// nodeNames are the display names of a Workflow's nodes.
func nodeNames(workflow *unstructured.Unstructured) []string {
	nodes, _, _ := unstructured.NestedMap(workflow.Object, "status", "nodes")
	var names []string
	for _, n := range nodes {
		name, _, _ := unstructured.NestedString(n.(map[string]any), "displayName")
		names = append(names, name)
	}
	return names
}
