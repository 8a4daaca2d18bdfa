// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
)

const troubleConfig = `
resource "backfill_job" "trouble" {
  name      = "trouble"
  partition = { values = ["only"] }
  runner = {
    image           = "busybox"
    command         = ["sh", "-euc", "exit $${BACKFILL_ATTEMPT:+3}"]
    resources       = { cpu = "10m" }
    service_account = %q
  }
  retry         = { limit = 1, backoff = "1s" }
  interruptions = { limit = 1 }
  %s
}

data "backfill_partitions" "trouble" {
  name       = "trouble"
  depends_on = [backfill_job.trouble]
}
`

// readAtOnce is a configuration whose data source does not wait for changes of the
// job: Terraform leaves one with depends_on out of a refresh while changes are due.
func readAtOnce(config string) string {
	return regexp.MustCompile(`(?m)^  depends_on = .*\n`).ReplaceAllString(config, "")
}

// told waits until the command status says something of the job.
func (c *localCluster) told(t *testing.T, limit time.Duration, what *regexp.Regexp) {
	t.Helper()
	var out string
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		var code int
		if code, out, _ = command(
			t.Context(),
			"status",
			"trouble",
			"--kubeconfig",
			c.limited,
		); code == 0 &&
			what.MatchString(out) {
			return
		}
	}
	t.Errorf("status never said %q, but\n%s", what, out)
}

// No node has the labels of this pool: the run is reported as stuck, which is
// no drift, and goes on once the cure that the report names is applied. Its
// attempts then fail, and tell where and why.
func TestStockOutIsToldAndCured(t *testing.T) {
	c := cluster(t)
	spot := func(mode string) string {
		return fmt.Sprintf(
			`spot = { provider = "custom", labels = { "pool" = "sold-out" }, mode = %q, fallback = "on_demand", max_pending = "3s" }`,
			mode,
		)
	}
	const address, failed = "backfill_job.trouble", "data.backfill_partitions.trouble"
	stuck := fmt.Sprintf(troubleConfig, "backfill-runner", spot("require"))
	cured := fmt.Sprintf(troubleConfig, "backfill-runner", spot("prefer"))
	apply(t, c,
		resource.TestStep{Config: stuck},
		resource.TestStep{
			PreConfig: func() {
				c.told(
					t,
					time.Minute,
					regexp.MustCompile(
						`stuck +no spot capacity since 20[0-9T:Z-]+: 1 pod waits for a spot node \(Unschedulable: .*spot.mode = "prefer"`,
					),
				)
			},
			Config: stuck,
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
			Check: resource.TestCheckResourceAttr(address, "phase", "Running"),
		},
		resource.TestStep{
			Config: stuck + `
resource "backfill_await" "trouble" {
  job      = "trouble"
  timeouts = { create = "5s" }
}`,
			ExpectError: regexp.MustCompile(
				`(?s)Backfill Not Finished In Time.*The\s+run\s+is\s+stuck:\s+no\s+spot\s+capacity\s+since`,
			),
		},
		resource.TestStep{Config: readAtOnce(cured)},
		resource.TestStep{
			PreConfig:          func() { c.ended(t, "trouble-r2", 2*time.Minute) },
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr(failed, "partitions.0.attempt_details.#", "2"),
				resource.TestCheckNoResourceAttr(failed, "partitions.0.attempt_details.0.capacity"),
				resource.TestCheckResourceAttr(failed, "partitions.0.attempt_details.1.capacity", "on_demand"),
				resource.TestCheckResourceAttr(failed, "partitions.0.attempt_details.1.cause", "application"),
				resource.TestCheckResourceAttr(failed, "partitions.0.attempt_details.1.exit_code", "3"),
				resource.TestMatchResourceAttr(failed, "partitions.0.attempt_details.1.node", regexp.MustCompile(`^[a-z]`)),
			),
		},
	)
}

// With an account that may not report results, no attempt succeeds, and status
// says why long before all of them have failed.
func TestAccountWithoutRightsIsTold(t *testing.T) {
	c := cluster(t)
	config := fmt.Sprintf(
		strings.Replace(troubleConfig, "exit $${BACKFILL_ATTEMPT:+3}", "true", 1),
		"default",
		`reason = "without rights"`,
	)
	apply(t, c,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				c.told(
					t,
					2*time.Minute,
					regexp.MustCompile(
						`(retrying +1 partition is tried again; the last to fail was partition only, attempt 0 on [^ ]+,|failed only after 3 attempts:).* (unknown|interruption): .*(forbidden|wait|exit code)`,
					),
				)
			},
			Config: config,
		},
	)
}
