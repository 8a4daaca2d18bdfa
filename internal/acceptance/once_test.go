// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// onceConfig is a job of two partitions, the first of which is its canary. Whatever
// runs adds a line to the file out/lines; what the files out/break-… name fails.
const onceConfig = `
resource "backfill_job" "once" {
  name      = "once"
  partition = { range = { start = 0, end = 2, size = 1 } }

  setup = {
    image           = "busybox"
    command         = ["sh", "-euc", "echo \"$0 $1 $2\" >> /out/lines; test ! -e /out/break-setup", "setup", "$${run.name}", "$${attempt}"]
    volumes         = [{ name = "out", mount_path = "/out", host_path = %[1]q }]
    service_account = "backfill-runner"
  }
  runner = {
    image           = "busybox"
    command         = ["sh", "-euc", "echo \"partition $0\" >> /out/lines; test ! -e /out/break-partition-$0", "$${partition.start}"]
    volumes         = [{ name = "out", mount_path = "/out", host_path = %[1]q }]
    service_account = "backfill-runner"
  }
  teardown = {
    image           = "busybox"
    script          = "echo \"teardown $BACKFILL_RUN $BACKFILL_ATTEMPT\" >> /out/lines; env | grep -c PARTITION >> /out/leaked; test ! -e /out/break-teardown"
    volumes         = [{ name = "out", mount_path = "/out", host_path = %[1]q }]
    service_account = "backfill-runner"
  }

  orchestrator = { service_account = "backfill-orchestrator" }
  max_parallel                 = 1
  canary                       = { partitions = 1 }
  retry                        = { limit = 0 }
}
`

// Four runs of one job: its setup fails, its canary fails, it is well but for its
// teardown, and nothing is left.
func TestSetupAndTeardownRunOncePerRun(t *testing.T) {
	c := cluster(t)
	out := t.TempDir()
	config := fmt.Sprintf(onceConfig, out)
	breaks := func(names ...string) {
		for _, name := range []string{"setup", "partition-0", "teardown"} {
			_ = os.Remove(filepath.Join(out, "break-"+name))
		}
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(out, "break-"+name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	after := func(run, phase, because string, lines ...string) resource.TestStep {
		return resource.TestStep{
			PreConfig:          func() { c.ended(t, run, 4*time.Minute); checkLines(t, out, lines) },
			RefreshState:       true,
			ExpectNonEmptyPlan: because != "",
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_job.once", "phase", phase),
				resource.TestCheckResourceAttr("backfill_job.once", "run", run),
			),
		}
	}
	apply(t, c,
		resource.TestStep{PreConfig: func() { breaks("setup") }, Config: config},
		after("once-r1", "Failed", "setup", "setup once-r1 0", "teardown once-r1 0"),
		resource.TestStep{
			PreConfig: func() { breaks("partition-0") },
			Config:    config,
			Check: resource.TestMatchResourceAttr(
				"backfill_job.once",
				"next_run.because",
				said("The setup of run once-r1 failed, and nothing else was started: main: Error (exit code 1)."),
			),
		},
		after("once-r2", "Failed", "canary", "setup once-r2 0", "partition 0", "teardown once-r2 0"),
		resource.TestStep{PreConfig: func() { breaks("teardown") }, Config: config},
		after("once-r3", "Complete", "", "setup once-r3 0", "partition 0", "partition 1", "teardown once-r3 0"),
		// A teardown that failed is a warning, and no reason to run anything.
		resource.TestStep{Config: config, PlanOnly: true},
	)
	leaked, err := os.ReadFile(filepath.Join(out, "leaked"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Trim(string(leaked), "0\n") != "" {
		t.Errorf("the teardown has variables of a partition: %q", leaked)
	}
}

// checkLines demands what ran since the last look, in that order.
func checkLines(t *testing.T, out string, want []string) {
	t.Helper()
	path := filepath.Join(out, "lines")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := equal("what ran", strings.Join(want, "\n"), strings.TrimSpace(string(text))); err != nil {
		t.Error(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
