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

// besideConfig is a job whose bounds are asked for, in shards of two, one of
// which has a place in its pool at a time, with everything around the partitions that the language
// has: containers before and after, and fields of Argo's and of Kubernetes' own. Whatever
// runs adds a line to the file out/lines; the file out/broken names a key that fails.
const besideConfig = `
resource "backfill_pool" "beside" {
  name = "beside"
  size = 1
}

locals {
  out = [{ name = "out", mount_path = "/out", host_path = %[1]q }]
}

resource "backfill_job" "beside" {
  name         = "beside"
  pool         = backfill_pool.beside.name
  shard_size   = 2
  max_parallel = 4
  rerun_token  = %[3]q

  partition = {
    query = {
      image           = "busybox"
      script          = "echo $BOUNDS > $BACKFILL_OUT"
      env             = { BOUNDS = %[2]q }
      service_account = "backfill-runner"
      size            = 1
    }
  }

  setup = {
    image           = "busybox"
    command         = ["sh", "-euc", "echo \"setup $0\" >> /out/lines", "$${run.name}"]
    volumes         = local.out
    service_account = "backfill-runner"
  }
  runner = {
    image   = "busybox"
    command = ["sh", "-euc"]
    args = [<<-EOT
      echo "begin $BACKFILL_PARTITION_START for $TEAM $PATCHED" >> /out/lines
      if grep -qx "$BACKFILL_PARTITION_START" /out/broken; then echo "fail $BACKFILL_PARTITION_START" >> /out/lines; exit 3; fi
      sleep 0.5
      echo "end $BACKFILL_PARTITION_START" >> /out/lines
    EOT
    ]
    volumes         = local.out
    service_account = "backfill-runner"
    patch = { containers = [{ name = "main", env = [
      { name = "PATCHED", value = "patched" },
      { name = "TEAM", valueFrom = { fieldRef = { fieldPath = "metadata.labels['example.com/team']" } } },
    ] }] }
  }
  teardown = {
    image           = "busybox"
    script          = "echo \"teardown $BACKFILL_RUN\" >> /out/lines"
    volumes         = local.out
    service_account = "backfill-runner"
  }
  argo = {
    workflow = { podMetadata = { labels = { "example.com/team" = "data" } } }
    partition = { initContainers = [{
      name               = "prepare"
      image              = "busybox"
      command            = ["sh", "-euc", "echo prepare >> /out/lines"]
      mirrorVolumeMounts = true
    }] }
  }

  orchestrator = { service_account = "backfill-orchestrator" }
  retry                        = { limit = 0 }
}
`

// TestQueryBesideEverythingElse has an answer refused, another one processed but for a key
// that fails and then alone runs again, and a later one that has grown: each run
// with its setup and teardown, one shard at a time.
func TestQueryBesideEverythingElse(t *testing.T) {
	c := cluster(t)
	out := t.TempDir()
	broken := func(text string) {
		if err := os.WriteFile(filepath.Join(out, "broken"), []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	broken("3")
	config := func(bounds, token string) string { return fmt.Sprintf(besideConfig, out, bounds, token) }
	attribute := func(name, value string) resource.TestCheckFunc {
		return resource.TestCheckResourceAttr("backfill_job.beside", name, value)
	}
	after := func(
		run string, plansMore bool, ran func(lines []string) error, checks ...resource.TestCheckFunc,
	) resource.TestStep {
		checks = append(checks, func(*terraform.State) error { return ran(takeLines(t, out)) })
		return resource.TestStep{
			PreConfig:    func() { c.ended(t, run, 3*time.Minute) },
			RefreshState: true, ExpectNonEmptyPlan: plansMore,
			Check: resource.ComposeTestCheckFunc(checks...),
		}
	}
	only := func(want ...string) func([]string) error {
		return func(lines []string) error {
			return equal("what ran", strings.Join(want, "\n"), strings.Join(lines, "\n"))
		}
	}
	const good = `{"start": 0, "end": 5}`
	apply(
		t,
		c,
		resource.TestStep{Config: config("no such table", "1"), Check: attribute("progress", "0/?")},
		after("beside-r1", true, only("setup beside-r1", "teardown beside-r1"), attribute("phase", "Failed")),
		resource.TestStep{
			Config: config(good, "1"),
			Check: resource.TestMatchResourceAttr(
				"backfill_job.beside",
				"next_run.because",
				regexp.MustCompile(`beside-r1 found no bounds .*no such table`),
			),
		},
		after(
			"beside-r2",
			true,
			inTurns("beside-r2", 5),
			attribute("progress", "4/5"),
			attribute("failed", "[3,4)"),
			attribute("shard_count", "3"),
		),
		resource.TestStep{
			PreConfig: func() { broken("none") },
			Config:    config(good, "1"),
			Check:     attribute("next_run.intervals", "[3,4)"),
		},
		after(
			"beside-r3",
			false,
			only("setup beside-r3", "prepare", "begin 3 for data patched", "end 3", "teardown beside-r3"),
			attribute("phase", "Complete"),
		),
		// A run that only asks has nothing to set up.
		resource.TestStep{Config: config(`{"start": 0, "end": 6}`, "2")},
		after("beside-r4", true, only(), attribute("phase", "Incomplete"), attribute("progress", "5/6")),
		resource.TestStep{Config: config(`{"start": 0, "end": 6}`, "2"), Check: attribute("next_run.intervals", "[5,6)")},
		after(
			"beside-r5",
			false,
			only("setup beside-r5", "prepare", "begin 5 for data patched", "end 5", "teardown beside-r5"),
			attribute("done", "[0,6)"),
		),
	)
}

// takeLines reads what has run since the last look.
func takeLines(t *testing.T, out string) []string {
	t.Helper()
	path := filepath.Join(out, "lines")
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// inTurns demands a whole run over n keys, of which 3 fails: its setup first and
// its teardown last, each key once with all that belongs to it, and never two shards at a time.
func inTurns(run string, n int) func([]string) error {
	return func(lines []string) error {
		if len(lines) != 2+3*n || lines[0] != "setup "+run || lines[len(lines)-1] != "teardown "+run {
			return fmt.Errorf("what ran is\n%s", strings.Join(lines, "\n"))
		}
		var want, got []string
		shard, left := "", 0
		for i := range n {
			end := "end"
			if i == 3 {
				end = "fail"
			}
			want = append(want, fmt.Sprintf("begin %d for data patched", i), fmt.Sprintf("%s %d", end, i), "prepare")
		}
		for _, line := range lines[1 : len(lines)-1] {
			got = append(got, line)
			what, rest, _ := strings.Cut(line, " ")
			if what == "prepare" {
				continue
			}
			key := rest[:1]
			of := string('0' + (key[0]-'0')/2)
			if left > 0 && of != shard {
				return fmt.Errorf("%s before shard %s had ended:\n%s", line, shard, strings.Join(lines, "\n"))
			}
			if shard = of; what == "begin" {
				left++
			} else {
				left--
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		return equal("what ran", strings.Join(want, "\n"), strings.Join(got, "\n"))
	}
}

// daysConfig is a job over the days of an answer, each of which adds a line to the
// file out/lines.
const daysConfig = `
resource "backfill_job" "asked_days" {
  name       = "asked-days"
  shard_size = 2
  revision   = %[2]q

  partition = {
    query = {
      image           = "busybox"
      script          = "echo '{\"end\": \"2026-03-31T00:00:00+02:00\", \"start\": \"2026-03-28T00:00:00+01:00\"}' > $BACKFILL_OUT"
      service_account = "backfill-runner"
      every           = "1d"
      timezone        = "Europe/Berlin"
      format          = "date"
    }
  }
  setup = {
    image           = "busybox"
    command         = ["sh", "-euc", "echo \"setup $0\" >> /out/lines", "$${run.name}"]
    volumes         = [{ name = "out", mount_path = "/out", host_path = %[1]q }]
    service_account = "backfill-runner"
  }
  runner = {
    image           = "busybox"
    command         = ["sh", "-euc", "echo \"$0 to $1, $2\" >> /out/lines", "$${partition.start}", "$${partition.end}", "$${partition.index}"]
    volumes         = [{ name = "out", mount_path = "/out", host_path = %[1]q }]
    service_account = "backfill-runner"
  }

  orchestrator = { service_account = "backfill-orchestrator" }
  max_parallel                 = 1
  retry                        = { limit = 0 }
  %[3]s
}
`

// TestQueryBehindACanary: what the canary is depends on the answer, so that a
// first run only asks. Without one, the run that asks processes the days at once, as the
// calendar has them: one of these has 23 hours.
func TestQueryBehindACanary(t *testing.T) {
	c := cluster(t)
	out := t.TempDir()
	days := []string{"2026-03-28 to 2026-03-29, 0", "2026-03-29 to 2026-03-30, 1", "2026-03-30 to 2026-03-31, 2"}
	after := func(run, phase string, ordered bool, want ...string) resource.TestStep {
		return resource.TestStep{
			PreConfig:    func() { c.ended(t, run, 3*time.Minute) },
			RefreshState: true, ExpectNonEmptyPlan: phase != "Complete",
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_job.asked_days", "phase", phase),
				resource.TestCheckResourceAttr("backfill_job.asked_days", "partition_count", "3"),
				func(*terraform.State) error {
					got := takeLines(t, out)
					if !ordered { // shards run side by side
						slices.Sort(got)
					}
					return equal("what ran", strings.Join(want, "\n"), strings.Join(got, "\n"))
				},
			),
		}
	}
	behind := fmt.Sprintf(daysConfig, out, "a", `canary = { keys = ["2026-03-29"] }`)
	apply(
		t,
		c,
		resource.TestStep{Config: behind},
		after("asked-days-r1", "Incomplete", true),
		resource.TestStep{
			Config: behind,
			Check:  resource.TestCheckResourceAttr("backfill_job.asked_days", "next_run.partitions", "3"),
		},
		after("asked-days-r2", "Complete", true, "setup asked-days-r2", days[1], days[0], days[2]),
		resource.TestStep{Config: fmt.Sprintf(daysConfig, out, "b", "")},
		after("asked-days-r3", "Complete", false, append(slices.Clone(days), "setup asked-days-r3")...),
	)
}
