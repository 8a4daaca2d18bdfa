// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// awaitConfig is a job whose partitions but the first wait for a file, and what
// depends on its canary and on its end.
const awaitConfig = `
resource "backfill_job" "awaited" {
  name      = "awaited"
  partition = { range = { start = 0, end = 4, size = 1 } }
  canary    = { partitions = 1 }
  runner = {
    image           = "busybox"
    command         = ["sh", "-euc", "test $BACKFILL_PARTITION_INDEX = 0 || until test -e /out/go; do sleep 0.2; done"]
    resources       = { cpu = "10m" }
    volumes         = [{ name = "out", mount_path = "/out", host_path = %q }]
    service_account = "backfill-runner"
  }
}

resource "backfill_await" "canary" {
  job   = backfill_job.awaited.name
  run   = backfill_job.awaited.run
  until = "canary"
}

resource "terraform_data" "after_canary" {
  input = backfill_await.canary.done_count
}
`

// The canary is waited for while the other partitions have yet to run; then the
// end.
func TestAwaitCanaryThenTheEnd(t *testing.T) {
	c := cluster(t)
	out := t.TempDir()
	config := fmt.Sprintf(awaitConfig, out)
	apply(t, c,
		resource.TestStep{
			Config: config,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_await.canary", "phase", "Running"),
				resource.TestCheckResourceAttr("backfill_await.canary", "remaining", "[1,4)"),
				resource.TestCheckResourceAttr("terraform_data.after_canary", "output", "1"),
			),
		},
		resource.TestStep{
			PreConfig: func() {
				if err := os.WriteFile(filepath.Join(out, "go"), nil, 0o600); err != nil {
					t.Error(err)
				}
			},
			Config: config + `
resource "backfill_await" "end" {
  job = backfill_job.awaited.name
  run = backfill_job.awaited.run
}
data "backfill_job" "elsewhere" {
  name       = "awaited"
  depends_on = [backfill_await.end]
}
`,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_await.end", "phase", "Complete"),
				resource.TestCheckResourceAttr("data.backfill_job.elsewhere", "done", "[0,4)"),
			),
		},
	)
}
