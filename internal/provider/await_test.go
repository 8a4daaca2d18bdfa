// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

// whileWaiting is a provider on a fake cluster in which something happens
// whenever the provider pauses.
func whileWaiting(c *fake.Cluster, happens func()) map[string]func() (tfprotov6.ProviderServer, error) {
	return factories(environment(nil), WithBackend(c), edges(happens))
}

const awaitConfig = ordersConfig + `
resource "backfill_await" "orders" {
  job = backfill_job.orders.name
  run = backfill_job.orders.run
  %s
}

data "backfill_job" "orders" {
  name       = backfill_job.orders.name
  depends_on = [backfill_await.orders]
}
`

func TestAccAwait(t *testing.T) {
	c := fake.New(start)
	looks := 0
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: whileWaiting(c, func() {
			if looks++; looks == 3 {
				_ = tryArgo(c, "orders-r1", "Succeeded", 4, nil)
			}
		}),
		Steps: []resource.TestStep{{
			Config: fmt.Sprintf(awaitConfig, ""),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue("backfill_await.orders", attribute("phase"), knownvalue.StringExact("Complete")),
				statecheck.ExpectKnownValue("backfill_await.orders", attribute("done_count"), knownvalue.Int64Exact(4)),
				statecheck.ExpectKnownValue("data.backfill_job.orders", attribute("progress"), knownvalue.StringExact("4/4")),
				statecheck.ExpectKnownValue("data.backfill_job.orders", attribute("partition_count"), knownvalue.Int64Exact(4)),
			},
		}},
	})
	if looks < 3 {
		t.Errorf("the wait ended after %d looks", looks)
	}
}

// A wait that fails concerns nothing but itself: it is not in the state, the next
// plan waits again, and the job is asked to run what is left.
func TestAccAwaitFails(t *testing.T) {
	c := fake.New(start)
	again := false
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: whileWaiting(c, func() {
			if again {
				_ = tryArgo(c, "orders-r2", "Succeeded", 1, nil)
				return
			}
			_ = tryArgo(c, "orders-r1", "Failed", 4, map[int]string{1: "exit code 1"})
		}),
		Steps: []resource.TestStep{
			{
				Config:      fmt.Sprintf(awaitConfig, ""),
				ExpectError: regexp.MustCompile(`(?s)Backfill Not Complete.*3\s+of\s+4\s+partitions\s+done,\s+1\s+failed`),
			},
			{
				PreConfig: func() { again = true },
				Config:    fmt.Sprintf(awaitConfig, ""),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction("backfill_job.orders", plancheck.ResourceActionUpdate),
					plancheck.ExpectKnownValue(
						"backfill_job.orders",
						attribute("next_run").AtMapKey("intervals"),
						knownvalue.StringExact("[10,20)"),
					),
					plancheck.ExpectResourceAction("backfill_await.orders", plancheck.ResourceActionCreate),
				}},
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue("backfill_job.orders", attribute("run"), knownvalue.StringExact("orders-r2")),
					statecheck.ExpectKnownValue("backfill_await.orders", attribute("done_count"), knownvalue.Int64Exact(4)),
				},
			},
		},
	})
}

func TestAccAwaitOptions(t *testing.T) {
	failing := func(c *fake.Cluster) func() {
		return func() { _ = tryArgo(c, "orders-r1", "Failed", 4, map[int]string{1: "exit code 1"}) }
	}
	tests := map[string]struct{ options, want string }{
		"goes on after a failure": {`on_failure = "continue"`, ""},
		"until a share":           {"until = \"progress\"\n  progress = 0.75", ""},
		"share not reached":       {"until = \"progress\"\n  progress = 0.76", "Backfill Not Complete"},
		"share without number":    {`until = "progress"`, "Missing Required Attribute"},
		"number without share":    {`progress = 0.5`, "Conflicting Definitions"},
		"out of time":             {`timeouts = { create = "1ns" }`, "Backfill Not Finished In Time"},
		"no time":                 {`timeouts = { create = "soon" }`, "Invalid Duration"},
		"unknown choice":          {`until = "later"`, "Invalid Attribute Value Match"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := fake.New(start)
			step := resource.TestStep{Config: fmt.Sprintf(awaitConfig, test.options)}
			if test.want != "" {
				step.ExpectError = regexp.MustCompile(test.want)
			} else {
				step.ExpectNonEmptyPlan = true // the job's failed partition
			}
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: whileWaiting(c, failing(c)),
				Steps:                    []resource.TestStep{step},
			})
		})
	}
}
