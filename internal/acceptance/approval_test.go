// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cli"
)

// approvalConfig is a job of 12 partitions: a canary, and shards of two in waves
// of 1, 2 and 3 shards.
const approvalConfig = `
resource "backfill_job" "gated" {
  name       = "gated"
  partition  = { range = { start = 0, end = 12, size = 1 } }
  shard_size = 2

  runner = {
    image           = "busybox"
    command         = ["sh", "-euc", "echo $BACKFILL_PARTITION_INDEX >> /out/order"]
    resources       = { cpu = "10m" }
    volumes         = [{ name = "out", mount_path = "/out", host_path = %q }]
    service_account = "backfill-runner"
  }

  orchestrator = { service_account = "backfill-orchestrator" }
  canary                       = { approve = "manual" }
  wave                         = { approve = "manual" }
  %s
}
`

func TestApprovalLetsWavesGo(t *testing.T) {
	c := cluster(t)
	out := t.TempDir()
	config := func(more string) string { return fmt.Sprintf(approvalConfig, out, more) }
	// after waits for a run and demands that its gate is no drift.
	after := func(run, progress, phase string, more func()) resource.TestStep {
		return resource.TestStep{
			PreConfig: func() {
				c.ended(t, run, 3*time.Minute)
				if more != nil {
					more()
				}
			},
			RefreshState: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_job.gated", "run", run),
				resource.TestCheckResourceAttr("backfill_job.gated", "progress", progress),
				resource.TestCheckResourceAttr("backfill_job.gated", "phase", phase),
			),
		}
	}
	apply(t, c,
		resource.TestStep{Config: config("")},
		after("gated-r1", "1/12", "AwaitingApproval", nil),
		resource.TestStep{Config: config("approved_wave = 0")},
		after("gated-r2", "3/12", "AwaitingApproval", nil),
		resource.TestStep{
			PreConfig: func() { approve(t, c, "gated") },
			Config:    config("approved_wave = 0"),
		},
		after("gated-r3", "7/12", "AwaitingApproval", nil),
		resource.TestStep{Config: config("approved_wave = 2")},
		after("gated-r4", "12/12", "Complete", func() {
			checkOrder(t, out, []int{0}, []int{1, 2}, []int{3, 4, 5, 6}, []int{7, 8, 9, 10, 11})
		}),
	)
}

// approve is the command of the same name.
func approve(t *testing.T, c *localCluster, job string) {
	t.Helper()
	var text bytes.Buffer
	code := cli.Run(t.Context(), cli.Env{
		Name: "backfill", Args: []string{"approve", job, "--kubeconfig", c.limited}, Stdout: &text, Stderr: &text,
		Getenv: func(string) string { return "" }, Environ: func() []string { return nil },
	})
	if code != 0 {
		t.Fatalf("approve ended with %d: %s", code, &text)
	}
}
