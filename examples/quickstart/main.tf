# Copyright (c) The terraform-provider-backfill authors
# SPDX-License-Identifier: MPL-2.0

terraform {
  required_providers {
    backfill = {
      source = "terraform-backfill/backfill"
    }
  }
}

# The cluster comes from KUBE_CONFIG_PATH.
provider "backfill" {}

locals {
  work = "${abspath(path.module)}/work"
}

# "Every order has a risk score", with 25,000 orders per partition.
resource "backfill_job" "orders" {
  name   = "orders-risk-score"
  reason = "risk scores for the orders that were placed before scoring existed"

  partition = {
    range = { start = 1, end = 300001, size = 25000 }
  }

  runner = {
    image   = "busybox:1.37"
    command = ["/bin/sh", "/app/score.sh"]
    env     = { STUMBLE_ON = "100001--125001" }

    # Has only the rights that Argo's executor needs in every pod.
    service_account = "backfill-runner"

    volumes = [
      { name = "app", mount_path = "/app", host_path = abspath(path.module), read_only = true },
      { name = "data", mount_path = "/data", host_path = "${local.work}/data", read_only = true },
      { name = "results", mount_path = "/results", host_path = "${local.work}/results" },
    ]
  }

  orchestrator = { service_account = "backfill-orchestrator" }

  max_parallel = 4
  retry        = { limit = 2, backoff = "2s" }
}
