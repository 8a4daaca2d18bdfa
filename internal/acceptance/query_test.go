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
)

// queryConfig is a job whose generator writes the bounds that its environment
// holds, in shards of four. Each partition adds a line to the file in/done, except those
// that in/broken names.
const queryConfig = `
resource "backfill_job" "%[1]s" {
  name       = %[1]q
  shard_size = 4

  partition = {
    query = {
      image           = "busybox"
      script          = "echo \"from $SOURCE $TOKEN as $BACKFILL_JOB\"; echo $BOUNDS > $BACKFILL_OUT"
      env             = { SOURCE = "orders", BOUNDS = %[4]q }
      secret_env      = { TOKEN = { secret = %[3]q, key = "token" } }
      service_account = "backfill-runner"
      size            = 10
    }
  }

  runner = {
    image   = "busybox"
    command = ["sh", "-euc"]
    args = [<<-EOT
      if grep -qx "$BACKFILL_PARTITION_START" /in/broken; then exit 3; fi
      echo "$BACKFILL_PARTITION_KEY $BACKFILL_PARTITION_INDEX $BACKFILL_RUN" >> /in/done
    EOT
    ]
    volumes         = [{ name = "in", mount_path = "/in", host_path = %[2]q }]
    service_account = "backfill-runner"
  }

  orchestrator = { service_account = "backfill-orchestrator" }
  max_parallel                 = 12
  retry                        = { limit = 0 }
}
`

// TestQueryFindsItsBoundsAtRunTime: an answer that is none is refused and says
// why, another one decides what runs, and what fails of that runs again alone.
func TestQueryFindsItsBoundsAtRunTime(t *testing.T) {
	c := cluster(t)
	in := t.TempDir()
	c.secret(t, "asked-source", map[string]string{"token": "s3cret"})
	broken := func(text string) {
		if err := os.WriteFile(filepath.Join(in, "broken"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	broken("125\n")
	config := func(bounds string) string { return fmt.Sprintf(queryConfig, "asked", in, "asked-source", bounds) }
	attribute := func(name, value string) resource.TestCheckFunc {
		return resource.TestCheckResourceAttr("backfill_job.asked", name, value)
	}
	apply(t, c,
		resource.TestStep{Config: config("{{workflow.name}} {{=1}} no such table"), Check: resource.ComposeTestCheckFunc(
			attribute("progress", "0/?"), resource.TestCheckNoResourceAttr("backfill_job.asked", "partition_count"),
			resource.TestCheckNoResourceAttr("backfill_job.asked", "next_run.partitions"),
		)},
		resource.TestStep{
			PreConfig: func() {
				run := c.ended(t, "asked-r1", 2*time.Minute)
				if text := fmt.Sprint(
					run.Object["status"],
				); !strings.Contains(
					text,
					"refused: the generator must write a JSON object",
				) {
					t.Errorf("Argo does not show why: %s", text)
				}
			},
			RefreshState: true, ExpectNonEmptyPlan: true,
			Check: resource.ComposeTestCheckFunc(attribute("phase", "Failed"), attribute("progress", "0/?")),
		},
		resource.TestStep{
			Config: config(`{"start": 95, "end": 188}`),
			Check: resource.TestMatchResourceAttr(
				"backfill_job.asked",
				"next_run.because",
				regexp.MustCompile(`asked-r1 found no bounds .*no such table`),
			),
		},
		resource.TestStep{
			PreConfig:    func() { c.ended(t, "asked-r2", 3*time.Minute) },
			RefreshState: true, ExpectNonEmptyPlan: true,
			Check: resource.ComposeTestCheckFunc(
				attribute("progress", "9/10"), attribute("partition_count", "10"), attribute("shard_count", "3"),
				attribute("first_partition", "95--105"), attribute("last_partition", "185--188"),
				attribute("done", "[95,125) [135,188)"), attribute("failed", "[125,135)"),
			),
		},
		resource.TestStep{
			PreConfig: func() { broken("none\n") },
			Config:    config(`{"start": 95, "end": 188}`),
			Check: resource.ComposeTestCheckFunc(
				attribute("next_run.intervals", "[125,135)"),
				attribute("next_run.partitions", "1"),
			),
		},
		resource.TestStep{
			PreConfig:    func() { c.ended(t, "asked-r3", 2*time.Minute) },
			RefreshState: true,
			Check: resource.ComposeTestCheckFunc(attribute("phase", "Complete"), attribute("done", "[95,188)"),
				func(*terraform.State) error { return checkAsked(in) }),
		},
	)
}

// checkAsked demands that each partition was processed once, and the one that had
// failed by the third run.
func checkAsked(in string) error {
	text, err := os.ReadFile(filepath.Join(in, "done"))
	if err != nil {
		return err
	}
	var want []string
	for i := range 10 {
		run, lo := 2, 95+10*i
		if lo == 125 {
			run = 3
		}
		want = append(want, fmt.Sprintf("%d--%d %d asked-r%d", lo, min(lo+10, 188), i, run))
	}
	got := strings.Split(strings.TrimSpace(string(text)), "\n")
	slices.Sort(want)
	slices.Sort(got)
	return equal("partitions (key, index, run)", strings.Join(want, "\n"), strings.Join(got, "\n"))
}
