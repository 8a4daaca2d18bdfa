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
	"github.com/hashicorp/terraform-plugin-testing/terraform"
)

// calendarConfig has two jobs. One runs the hours in Berlin in which clocks go
// back from 03:00 to 02:00, the latest first and in three shards; the second
// 02:00 never succeeds. The other runs every day around the change for each of
// two tenants, in two shards.
const calendarConfig = `
locals {
  runner = {
    image   = "busybox"
    command = ["sh", "-euc"]
    resources       = { cpu = "50m", memory = "512Mi" }
    volumes         = [{ name = "out", mount_path = "/out", host_path = %q }]
    service_account = "backfill-runner"
  }
}

resource "backfill_job" "hours" {
  name      = "hours"
  partition = {
    time  = { start = "2026-10-25", end = "2026-10-25T08:30:00", every = "1h", timezone = "Europe/Berlin" }
    order = "newest_first"
  }
  shard_size = 4
  runner     = merge(local.runner, { args = [<<-EOT
    echo "$BACKFILL_PARTITION_KEY $BACKFILL_PARTITION_START $BACKFILL_PARTITION_END $BACKFILL_PARTITION_INDEX" >> /out/hours
    test "$BACKFILL_PARTITION_KEY" != 2026-10-25T02:00+0100
  EOT
  ] })
  orchestrator = { service_account = "backfill-orchestrator" }
  max_parallel                 = 8
  retry                        = { limit = 0 }
}

resource "backfill_job" "tenants" {
  name      = "tenants"
  partition = { dimensions = [
    { name = "tenant", values = ["acme", "x & ü"] },
    { name = "day", time = { start = "2026-10-24", end = "2026-10-27", every = "1d", timezone = "Europe/Berlin", format = "date" } },
  ] }
  shard_size = 4
  runner     = merge(local.runner, { args = [<<-EOT
    echo "$BACKFILL_PARTITION_KEY $BACKFILL_PARTITION_DAY_START $BACKFILL_PARTITION_DAY_END $BACKFILL_PARTITION_DAY_KEY $BACKFILL_PARTITION_INDEX $BACKFILL_PARTITION_TENANT_VALUE" >> /out/tenants
    test "$BACKFILL_PARTITION_KEY" != acme__2026-10-25
  EOT
  ] })
  orchestrator = { service_account = "backfill-orchestrator" }
  max_parallel                 = 8
  retry                        = { limit = 0 }
}
`

// The bounds here are written by hand.
var calendarFacts = map[string][]string{
	"hours": {
		"2026-10-25T00:00+0200 2026-10-25T00:00:00+02:00 2026-10-25T01:00:00+02:00 0",
		"2026-10-25T01:00+0200 2026-10-25T01:00:00+02:00 2026-10-25T02:00:00+02:00 1",
		"2026-10-25T02:00+0200 2026-10-25T02:00:00+02:00 2026-10-25T02:00:00+01:00 2",
		"2026-10-25T02:00+0100 2026-10-25T02:00:00+01:00 2026-10-25T03:00:00+01:00 3",
		"2026-10-25T03:00+0100 2026-10-25T03:00:00+01:00 2026-10-25T04:00:00+01:00 4",
		"2026-10-25T04:00+0100 2026-10-25T04:00:00+01:00 2026-10-25T05:00:00+01:00 5",
		"2026-10-25T05:00+0100 2026-10-25T05:00:00+01:00 2026-10-25T06:00:00+01:00 6",
		"2026-10-25T06:00+0100 2026-10-25T06:00:00+01:00 2026-10-25T07:00:00+01:00 7",
		"2026-10-25T07:00+0100 2026-10-25T07:00:00+01:00 2026-10-25T08:00:00+01:00 8",
		"2026-10-25T08:00+0100--2026-10-25T08:30+0100 2026-10-25T08:00:00+01:00 2026-10-25T08:30:00+01:00 9",
	},
	"tenants": {
		"acme__2026-10-24 2026-10-24 2026-10-25 2026-10-24 0 acme",
		"acme__2026-10-25 2026-10-25 2026-10-26 2026-10-25 1 acme",
		"acme__2026-10-26 2026-10-26 2026-10-27 2026-10-26 2 acme",
		"x%20%26%20%C3%BC__2026-10-24 2026-10-24 2026-10-25 2026-10-24 3 x & ü",
		"x%20%26%20%C3%BC__2026-10-25 2026-10-25 2026-10-26 2026-10-25 4 x & ü",
		"x%20%26%20%C3%BC__2026-10-26 2026-10-26 2026-10-27 2026-10-26 5 x & ü",
	},
}

func TestCalendarAcrossAChangeOfTheClock(t *testing.T) {
	c := cluster(t)
	out := t.TempDir()
	config := fmt.Sprintf(calendarConfig, out)
	apply(t, c,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				c.ended(t, "hours-r1", 4*time.Minute)
				c.ended(t, "tenants-r1", 4*time.Minute)
			},
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
			Check: resource.ComposeTestCheckFunc(
				func(*terraform.State) error { return checkFacts(out, "hours") },
				func(*terraform.State) error { return checkFacts(out, "tenants") },
				resource.TestCheckResourceAttr("backfill_job.hours", "progress", "9/10"),
				resource.TestCheckResourceAttr("backfill_job.hours", "shard_count", "3"),
				resource.TestCheckResourceAttr(
					"backfill_job.hours",
					"failed",
					"[2026-10-25T02:00:00+01:00,2026-10-25T03:00:00+01:00)",
				),
				resource.TestCheckResourceAttr("backfill_job.hours", "failed_partitions.0.key", "2026-10-25T02:00+0100"),
				resource.TestCheckResourceAttr("backfill_job.tenants", "progress", "5/6"),
				resource.TestCheckResourceAttr("backfill_job.tenants", "failed_partitions.0.key", "acme__2026-10-25"),
			),
		},
	)
}

// checkFacts compares what the runners of a job were told.
func checkFacts(out, job string) error {
	text, err := os.ReadFile(filepath.Join(out, job))
	if err != nil {
		return err
	}
	got := strings.Split(strings.TrimSpace(string(text)), "\n")
	want := slices.Clone(calendarFacts[job])
	slices.Sort(got)
	slices.Sort(want)
	return equal("facts of "+job, strings.Join(want, "\n"), strings.Join(got, "\n"))
}
