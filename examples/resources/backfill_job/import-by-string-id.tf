# Any Terraform or OpenTofu; `plan -generate-config-out=orders.tf` writes the resource too
import {
  to = backfill_job.orders
  id = "data/orders-risk-score"
}
