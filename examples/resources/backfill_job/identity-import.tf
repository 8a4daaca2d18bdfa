# Terraform 1.12 or newer
import {
  to = backfill_job.orders
  identity = {
    namespace = "data"
    name      = "orders-risk-score"
  }
}
