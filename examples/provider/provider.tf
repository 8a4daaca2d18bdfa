terraform {
  required_providers {
    backfill = {
      source = "terraform-backfill/backfill"
    }
  }
}

# Plans of new jobs need no cluster. Reads and applies talk to the one that is
# named here or by KUBE_CONFIG_PATH, and to no other.
provider "backfill" {
  config_path    = "~/.kube/config"
  config_context = "data-platform"
}
