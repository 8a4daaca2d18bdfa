// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
)

// ends are the ways in which simulated pods fail, in the order in which the local
// cluster draws them, and what becomes of a partition whose every pod fails so.
var ends = []struct {
	simulated, cause string
	attempts         int
}{
	{"exit", "application", 2}, {"oom", "oom", 2}, {"deadline", "deadline", 2},
	{"eviction", "interruption", 4}, {"shutdown", "interruption", 4}, {"image", "image", 4},
}

// causesConfig tries an application failure once more, and an interruption three
// times.
const causesConfig = `
resource "backfill_job" %[1]q {
  name          = %[1]q
  partition     = { range = { start = 0, end = %[2]d, size = 1 } }
  max_parallel  = 30
  retry         = { limit = 1, backoff = "1s", factor = 1%[3]s }
  interruptions = { limit = 2 }
  spot          = { provider = "gke", mode = "require" }
  runner = {
    image           = "busybox"
    command         = ["true"]
    resources       = { cpu = "10m" }
    service_account = %[4]q
  }
  orchestrator = { service_account = "backfill-orchestrator" }
}

data "backfill_partitions" %[1]q {
  name       = %[1]q
  depends_on = [backfill_job.%[1]s]
}
`

// Every partition fails in a way that is known beforehand. The job shows each
// attempt with its cause, node, capacity and message, and has tried again what
// is worth it, as often as it may. Image trouble counts as an interruption.
func TestCausesOfAttempts(t *testing.T) {
	needsLong(t)
	const seed, partitions = 1, 18
	behaviour := fmt.Sprintf("seed=%d,median=1s", seed)
	for _, end := range ends {
		behaviour += fmt.Sprintf(",always-%s=%v", end.simulated, 1/float64(len(ends)))
	}
	c := simulatedCluster(t, behaviour, "--on-demand=0", "--spot=2", "--pods-per-node=200")
	config := fmt.Sprintf(causesConfig, "causes", partitions, "", "backfill-runner")
	apply(t, c,
		resource.TestStep{Config: config},
		resource.TestStep{Config: readAtOnce(config)},
		resource.TestStep{
			PreConfig:          func() { c.ended(t, "causes-r1", 10*time.Minute) },
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
			Check: func(s *terraform.State) error {
				failed := failedPartitions(s, "causes")
				if len(failed) != partitions {
					return fmt.Errorf("%d partitions failed", len(failed))
				}
				seen := map[string]bool{}
				for _, p := range failed {
					end := ends[min(int(drawn(seed, p.key)*float64(len(ends))), len(ends)-1)]
					seen[end.simulated] = true
					if err := p.check(end.cause, end.attempts); err != nil {
						return fmt.Errorf("%s by %s: %w", p.key, end.simulated, err)
					}
				}
				if len(seen) != len(ends) {
					return fmt.Errorf("the seed draws no more than %v", seen)
				}
				return nil
			},
		},
	)
	c.failFast(t)
	c.unknownCause(t)
}

// failFast has three jobs whose runners end with code 9: what is not worth
// trying again fails at once.
func (c *localCluster) failFast(t *testing.T) {
	c.behave(t, "median=1s,always-exit=1,exit-code=9")
	for name, tt := range map[string]struct {
		retry    string
		attempts int
	}{
		"bad-input": {`, fail_on = [8, 9]`, 1}, "not-listed": {`, retry_on = [3]`, 1}, "listed": {`, retry_on = [9]`, 2},
	} {
		c.fails(t, name, fmt.Sprintf(causesConfig, name, 1, tt.retry, "backfill-runner"), "application", tt.attempts)
	}
}

// unknownCause has a job whose pods the API server refuses.
func (c *localCluster) unknownCause(t *testing.T) {
	c.behave(t, "median=1s")
	c.fails(t, "refused", fmt.Sprintf(causesConfig, "refused", 1, "", "nobody"), "unknown", 4)
}

// fails applies a job whose only partition fails.
func (c *localCluster) fails(t *testing.T, name, config, cause string, attempts int) {
	t.Helper()
	apply(t, c,
		resource.TestStep{Config: config},
		resource.TestStep{Config: readAtOnce(config)},
		resource.TestStep{
			PreConfig:          func() { c.ended(t, name+"-r1", 5*time.Minute) },
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
			Check: func(s *terraform.State) error {
				failed := failedPartitions(s, name)
				if len(failed) != 1 {
					return fmt.Errorf("%s: %d partitions failed", name, len(failed))
				}
				if err := failed[0].check(cause, attempts); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				return nil
			},
		},
	)
}

// failedPartition is an element of the data source backfill_partitions: the details of an attempt
// are by their names.
type failedPartition struct {
	key, attempts string
	details       []map[string]string
}

func failedPartitions(s *terraform.State, job string) []failedPartition {
	attributes := s.RootModule().Resources["data.backfill_partitions."+job].Primary.Attributes
	count := func(name string) int { n, _ := strconv.Atoi(attributes[name+".#"]); return n }
	var out []failedPartition
	for i := range count("partitions") {
		at := fmt.Sprintf("partitions.%d.", i)
		p := failedPartition{key: attributes[at+"key"], attempts: attributes[at+"attempts"]}
		for k := range count(at + "attempt_details") {
			detail, prefix := map[string]string{}, fmt.Sprintf("%sattempt_details.%d.", at, k)
			for name, value := range attributes {
				if field, ok := strings.CutPrefix(name, prefix); ok {
					detail[field] = value
				}
			}
			p.details = append(p.details, detail)
		}
		out = append(out, p)
	}
	return out
}

func (p failedPartition) check(cause string, attempts int) error {
	if p.attempts != strconv.Itoa(attempts) || len(p.details) != attempts {
		return fmt.Errorf("%s attempts, want %d: %v", p.attempts, attempts, p.details)
	}
	for i, d := range p.details {
		placed := strings.HasPrefix(d["node"], "spot-") || cause == "unknown" // no node ever had it
		if d["attempt"] != strconv.Itoa(i) || d["cause"] != cause || d["capacity"] != "spot" || d["message"] == "" ||
			!placed {
			return fmt.Errorf("attempt %d, want %s: %v", i, cause, d)
		}
	}
	return nil
}
