// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

// importable are jobs that use the language widely, to be written by
// `plan -generate-config-out`.
var importable = map[string]string{
	"range": `
    reason     = "because \"quotes\" and $${dollars}"
    target     = "elasticsearch/orders"
    labels     = { team = "risk" }
    partition  = { range = { start = 1, end = 9007199254740993, size = 4503599627370496 }, order = "newest_first" }
    shard_size = 100
    runner = {
      image      = "example.com/orders:1"
      command    = ["bin/run", "$$$${literal}", "100%%{x}"]
      args       = ["--from=$${partition.start}", "--to=$${partition.end}", "$${attempt}"]
      env        = { BATCH = "500", MULTI = "a\nb\n" }
      secret_env = { DATABASE_URL = { secret = "orders-db", key = "url" } }
      resources  = { cpu = "500m", memory = "1Gi" }
      deadline   = "30m"
      patch      = { hostNetwork = true, dnsConfig = { options = [{ name = "ndots", value = "2" }] } }
      volumes    = [{ name = "cache", mount_path = "/cache", empty_dir = { size_limit = "1Gi" } }]
    }
    retry          = { limit = 4, backoff = "30s", factor = 3, fail_on = [3, 4] }
    spot           = { provider = "gke", fallback = "on_demand" }
    anchor         = { mode = "protect" }
    canary         = { partitions = 1 }
    failure_budget = { max_failed = 25, max_ratio = 0.5 }
    revision       = "2"
    paused         = false
    rerun          = "manual"
`,
	"time": `
    partition = { time = { start = "2026-03-01", end = "2026-04-01", every = "1d", timezone = "Europe/Berlin" } }
    runner    = { image = "a:1", script = "echo $BACKFILL_PARTITION_KEY\n" }
`,
	"values": `
    partition = { values = ["de", "fr", "$${it}", "%%{es}", "a b\"c"] }
    runner    = { image = "a:1", command = ["x"], args = ["$${partition.key}"] }
    canary    = { keys = ["de"], approve = "manual" }
`,
	"dimensions": `
    partition = { dimensions = [
      { name = "region", values = ["eu", "us"] },
      { name = "id", range = { start = 0, end = 100, size = 10 } },
    ] }
    runner = { image = "a:1", command = ["x"], args = ["$${partition.region.key}", "$${partition.id.start}"] }
`,
}

// importSteps create a job, import it by a block, and have its configuration
// written; each time nothing may be left to plan.
func importSteps(job string, kind resource.ImportStateKind) []resource.TestStep {
	config := `resource "backfill_job" "orders" {` + "\n    name = \"orders\"\n" + job + "}\n"
	const address = "backfill_job.orders"
	return []resource.TestStep{
		{Config: config},
		{Config: config, ResourceName: address, ImportState: true, ImportStateKind: kind},
		{Config: config, ResourceName: address, ImportState: true, ImportStateKind: kind, GenerateConfig: true},
	}
}

func TestAccImportBlockByID(t *testing.T) {
	for name, job := range importable {
		t.Run(name, func(t *testing.T) {
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factoriesOn(fake.New(start)),
				Steps:                    importSteps(job, resource.ImportBlockWithID),
			})
		})
	}
}

// Import blocks take identities since Terraform 1.12; what the provider does
// with them is also tested without Terraform, see TestIdentity.
func TestAccImportBlockByIdentity(t *testing.T) {
	for name, job := range importable {
		t.Run(name, func(t *testing.T) {
			resource.Test(t, resource.TestCase{
				TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
				ProtoV6ProviderFactories: factoriesOn(fake.New(start)),
				Steps:                    importSteps(job, resource.ImportBlockWithResourceIdentity),
			})
		})
	}
}
