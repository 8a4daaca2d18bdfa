// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	tfstate "github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

// ignoredConfig is a job, a pool and a wait of which edits are ignored.
func ignoredConfig(image string, end, size int, progress string, parallel int) string {
	return fmt.Sprintf(`
resource "backfill_pool" "it" {
  name = "shared"
  size = %[3]d
  lifecycle { ignore_changes = [size] }
}

resource "backfill_job" "orders" {
  name         = "orders"
  partition    = { range = { start = 0, end = %[2]d, size = 10 } }
  runner       = { image = %[1]q, command = ["bin/run"] }
  max_parallel = %[5]d
  lifecycle { ignore_changes = [runner.image, partition] }
}

resource "backfill_await" "it" {
  job      = backfill_job.orders.name
  until    = "progress"
  progress = %[4]s
  timeouts = { create = "1s", update = "1s" }
  lifecycle { ignore_changes = [progress] }
}
`, image, end, size, progress, parallel)
}

// What ignore_changes names is what it was, in Terraform's state and in the cluster,
// when something else of the resource changes.
func TestAccIgnoredChangesAreNotApplied(t *testing.T) {
	c := fake.New(start)
	var template string
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factoriesOn(c),
		Steps: []resource.TestStep{
			{
				Config: ignoredConfig("a:1", 40, 2, "0", 4),
				ConfigStateChecks: []statecheck.StateCheck{
					inState("partition_count", knownvalue.Int64Exact(4)),
					inState("template", knownvalue.StringFunc(func(v string) error { template = v; return nil })),
				},
			},
			{
				PreConfig: func() { playArgo(t, c, "orders-r1", "Failed", 4, map[int]string{2: "exit code 1"}) },
				Config:    ignoredConfig("a:2", 20, 9, "1", 3),
				ConfigStateChecks: []statecheck.StateCheck{
					inState("max_parallel", knownvalue.Int64Exact(3)),
					inState("partition_count", knownvalue.Int64Exact(4)),
					inState("progress", knownvalue.StringExact("3/4")),
					inState("run", knownvalue.StringExact("orders-r2")),
					inState("template", knownvalue.StringFunc(func(v string) error {
						if v != template {
							return fmt.Errorf("the template became %s", v)
						}
						return nil
					})),
				},
			},
		},
		CheckDestroy: nothingLeft(c),
	})
}

// replacedConfig is a job that is replaced when rev changes.
func replacedConfig(rev, lifecycle, more string) string {
	return fmt.Sprintf(`
resource "terraform_data" "rev" { input = %[1]q }

resource "backfill_job" "orders" {
  name      = "orders"
  partition = { range = { start = 0, end = 40, size = 10 } }
  runner    = { image = "a:1", command = ["bin/run"] }
  lifecycle {
    replace_triggered_by = [terraform_data.rev]
    %[2]s
  }
}
%[3]s
`, rev, lifecycle, more)
}

// A job that is created before it is destroyed is refused, also where a resource that
// depends on it says so; and Terraform is left with a state that it can destroy.
func TestAccCreateBeforeDestroyIsRefused(t *testing.T) {
	for name, test := range map[string][2]string{
		"of the job": {"create_before_destroy = true", ""},
		"inherited": {"", `
resource "terraform_data" "after" {
  triggers_replace = [backfill_job.orders.template, terraform_data.rev.output]
  input            = backfill_job.orders.id
  lifecycle { create_before_destroy = true }
}`},
	} {
		t.Run(name, func(t *testing.T) {
			c := fake.New(start)
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factoriesOn(c),
				Steps: []resource.TestStep{
					{Config: replacedConfig("a", test[0], test[1])},
					{
						PreConfig:   func() { playArgo(t, c, "orders-r1", "Succeeded", 4, nil) },
						Config:      replacedConfig("b", test[0], test[1]),
						ExpectError: regexp.MustCompile(`Job Already Exists(.|\n)*create_before_destroy`),
					},
					{
						Config:            replacedConfig("b", "", ""),
						ConfigStateChecks: []statecheck.StateCheck{inState("progress", knownvalue.StringExact("4/4"))},
					},
				},
				CheckDestroy: nothingLeft(c),
			})
		})
	}
}

// Two resources of one name: one of them has the job, and the other one nothing.
func TestAccTwoResourcesOfOneName(t *testing.T) {
	c := fake.New(start)
	one := func(address string) string {
		return strings.Replace(ordersConfig[strings.Index(ordersConfig, "resource"):], `"orders" {`, `"`+address+`" {`, 1)
	}
	variables := ordersConfig[:strings.Index(ordersConfig, "resource")]
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factoriesOn(c),
		Steps: []resource.TestStep{
			{
				Config:      variables + one("first") + one("second"),
				ExpectError: regexp.MustCompile(`Job Already Exists(.|\n)*Two resources`),
			},
		},
		CheckDestroy: nothingLeft(c),
	})
}

// A name that becomes another one while applying gives our own error, and a new plan
// shows the replacement.
func TestAccNameThatBecomesKnown(t *testing.T) {
	c := fake.New(start)
	config := func(name, rev string) string {
		return fmt.Sprintf(`
resource "terraform_data" "name" {
  input            = %[1]q
  triggers_replace = %[2]q
}

resource "backfill_job" "orders" {
  name      = terraform_data.name.output
  partition = { range = { start = 0, end = 40, size = 10 } }
  runner    = { image = "a:1", command = ["bin/run"] }
}
`, name, rev)
	}
	notABug := func(err error) error {
		if strings.Contains(err.Error(), "inconsistent final plan") || strings.Contains(err.Error(), "bug in the provider") {
			t.Errorf("Terraform calls it a bug: %v", err)
		}
		return err
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factoriesOn(c),
		ErrorCheck:               notABug,
		Steps: []resource.TestStep{
			{Config: config("orders", "a")},
			{
				Config: config("orders", "b"), // known again, and as it was
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectUnknownValue("backfill_job.orders", attribute("name")),
				}},
				ConfigStateChecks: []statecheck.StateCheck{inState("id", knownvalue.StringExact("default/orders"))},
			},
			{Config: config("others", "c"), ExpectError: regexp.MustCompile(`Stale(.|\n)*default/others`)},
		},
		CheckDestroy: nothingLeft(c),
	})
}

// nothingLeft demands that a destroy has left nothing in the cluster.
func nothingLeft(c *fake.Cluster) resource.TestCheckFunc {
	return func(*tfstate.State) error {
		for _, o := range c.Objects() {
			if o.GetKind() != string(cluster.Workflow) || o.GetDeletionTimestamp() == nil {
				return fmt.Errorf("%s %s is left", o.GetKind(), o.GetName())
			}
		}
		return nil
	}
}
