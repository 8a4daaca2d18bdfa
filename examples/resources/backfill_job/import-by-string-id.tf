# Works with any Terraform or OpenTofu. `plan -generate-config-out=orders.tf` also writes the resource.
import {
  to = backfill_job.orders
  id = "data/orders-risk-score"
}
