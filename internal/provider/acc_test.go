// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

// These tests run the real Terraform (or OpenTofu) against a fake cluster, or
// none. They need TF_ACC=1, which `make test` sets.

func factories(options ...Option) map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){
		"backfill": NewServer("test", options...),
	}
}

func factoriesOn(c *fake.Cluster) map[string]func() (tfprotov6.ProviderServer, error) {
	return factories(environment(nil), WithBackend(c), edges(func() {}))
}

const ordersConfig = `
variable "reason" {
  type    = string
  default = null
}

variable "end" {
  type    = number
  default = 40
}

resource "backfill_job" "orders" {
  name      = "orders"
  reason    = var.reason
  partition = { range = { start = 0, end = var.end, size = 10 } }
  runner = {
    image   = "example.com/orders:1"
    command = ["bin/run"]
    args    = ["--from=$${partition.start}", "--to=$${partition.end}"]
  }
}
`

func attribute(name string) tfjsonpath.Path { return tfjsonpath.New(name) }

func inState(name string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue("backfill_job.orders", attribute(name), value)
}

func TestAccLifeOfAJob(t *testing.T) {
	c := fake.New(start)
	const orders = "backfill_job.orders"
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factoriesOn(c),
		Steps: []resource.TestStep{
			{
				Config: ordersConfig,
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply: []plancheck.PlanCheck{
						plancheck.ExpectResourceAction(orders, plancheck.ResourceActionCreate),
						plancheck.ExpectKnownValue(orders, attribute("partition_count"), knownvalue.Int64Exact(4)),
						plancheck.ExpectKnownValue(orders, attribute("next_run").AtMapKey("intervals"), knownvalue.StringExact("[0,40)")),
						plancheck.ExpectKnownValue(orders, attribute("progress"), knownvalue.StringExact("0/4")),
					},
					PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
				},
				ConfigStateChecks: []statecheck.StateCheck{inState("progress", knownvalue.StringExact("0/4"))},
			},
			{
				PreConfig: func() { playArgo(t, c, "orders-r1", "Failed", 4, map[int]string{2: "exit code 1"}) },
				Config:    ordersConfig,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(orders, plancheck.ResourceActionUpdate),
					plancheck.ExpectKnownValue(orders, attribute("next_run").AtMapKey("intervals"), knownvalue.StringExact("[20,30)")),
				}},
			},
			{
				PreConfig: func() { playArgo(t, c, "orders-r2", "Succeeded", 1, nil) },
				Config:    ordersConfig,
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(orders, plancheck.ResourceActionNoop)},
				},
			},
			{
				ResourceName: orders, ImportState: true, ImportStateId: "default/orders", ImportStateVerify: true,
				// What only the plan knew is cleared by the next refresh.
				ImportStateVerifyIgnore: []string{"next_run"},
			},
			{
				Config:          ordersConfig,
				ConfigVariables: config.Variables{"reason": config.StringVariable("because"), "end": config.IntegerVariable(60)},
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectKnownValue(orders, attribute("next_run").AtMapKey("intervals"), knownvalue.StringExact("[40,60)")),
				}},
				ConfigStateChecks: []statecheck.StateCheck{inState("done", knownvalue.StringExact("[0,40)"))},
			},
		},
	})
	if left := c.Objects(); len(left) > 0 {
		t.Errorf("%d objects are left after the destroy", len(left))
	}
}

// Plans of new jobs need no cluster: the examples of the documentation are
// planned without one.
func TestAccExamplesPlanWithoutACluster(t *testing.T) {
	for _, name := range []string{"resource.tf", "resource_source.tf", "resource_query.tf"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range []string{name, "orders.backfill.hcl"} {
				data, err := os.ReadFile("../../examples/resources/backfill_job/" + file)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(dir+"/"+file, data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories(environment(nil)),
				Steps: []resource.TestStep{{
					ConfigDirectory: config.StaticDirectory(dir), PlanOnly: true, ExpectNonEmptyPlan: true,
				}},
			})
		})
	}
}

func TestAccUnknownValuesArePlanned(t *testing.T) {
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(environment(nil)),
		Steps: []resource.TestStep{{
			Config: `
resource "terraform_data" "last" { input = 40 }
resource "backfill_job" "orders" {
  source    = <<-EOT
` + strings.ReplaceAll(ordersFile, "${", "$${") + `
  EOT
  variables = { last = terraform_data.last.output }
}
`,
			PlanOnly: true, ExpectNonEmptyPlan: true,
		}},
	})
}

func TestAccErrorsPointAtTheirPlace(t *testing.T) {
	tests := map[string]struct{ config, want string }{
		"an attribute": {`
resource "backfill_job" "orders" {
  name         = "orders"
  partition    = { range = { start = 0, end = 10, size = 10 } }
  runner       = { image = "a:1", command = ["x"] }
  max_parallel = 0
}`, `(?s)Value Out Of Range.*max_parallel = 0`},
		"an unknown attribute": {`
resource "backfill_job" "orders" {
  name      = "orders"
  partition = { range = { start = 0, end = 10, size = 10 } }
  runner    = { image = "a:1", command = ["x"] }
  max_paralel = 1
}`, `(?s)Unsupported argument.*Did you mean\s+"max_parallel"`},
		"a late reference": {`
resource "backfill_job" "orders" {
  name      = "orders"
  partition = { range = { start = 0, end = 10, size = 10 } }
  runner    = { image = "a:1", command = ["x"], args = ["$${partition.sart}"] }
}`, `(?s)partition.sart`},
		"in a source": {`
resource "backfill_job" "orders" {
  source = <<-EOT
    job "orders" {
      partition {
        range = { start = 10, end = 0, size = 1 }
      }
      runner {
        image   = "a:1"
        command = ["x"]
      }
    }
  EOT
}`, `(?s)Invalid Range.*source:3:.*range = .*\^`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories(environment(nil)),
				Steps: []resource.TestStep{
					{Config: test.config, PlanOnly: true, ExpectError: regexp.MustCompile(test.want)},
				},
			})
		})
	}
}

func TestAccFunctions(t *testing.T) {
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(environment(nil)),
		Steps: []resource.TestStep{{
			Config: `
locals {
  file = <<-EOT
    job "orders" {
      partition {
        values = ["de", "fr"]
      }
      runner {
        image   = "a:1"
        command = ["x"]
      }
    }
  EOT
}
output "kinds" { value = provider::backfill::compile(local.file, {})[*].kind }
output "keys" { value = provider::backfill::partitions(local.file, {})[*].key }
output "schema" { value = can(jsondecode(provider::backfill::job_schema())) }
`,
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownOutputValue(
					"keys",
					knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact("de"), knownvalue.StringExact("fr")}),
				),
				statecheck.ExpectKnownOutputValue("kinds", knownvalue.ListExact([]knownvalue.Check{
					knownvalue.StringExact(
						"WorkflowTemplate",
					),
					knownvalue.StringExact("ConfigMap"),
					knownvalue.StringExact("Workflow"),
				})),
				statecheck.ExpectKnownOutputValue("schema", knownvalue.Bool(true)),
			},
		}},
	})
}
