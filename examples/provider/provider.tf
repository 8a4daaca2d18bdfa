terraform {
  required_providers {
    backfill = {
      source = "terraform-backfill/backfill"
    }
  }
}

# Plans of new jobs need no cluster. Reads and applies use only the cluster that
# this block or KUBE_CONFIG_PATH names.
provider "backfill" {
  config_path    = "~/.kube/config"
  config_context = "data-platform"
}
