# "Every order has a risk score", with a million orders per partition.
resource "backfill_job" "orders" {
  name      = "orders-risk-score"
  namespace = "data"
  reason    = "index risk_score for orders created before 2026"

  partition = {
    range = { start = 1, end = 3000000000, size = 1000000 }
    order = "newest_first"
  }

  runner = {
    image   = "registry.example.com/orders:2026.11.1"
    command = ["bin/reindex"]
    # $${…} is for the pod, ${…} is for Terraform.
    args       = ["--from=$${partition.start}", "--to=$${partition.end}"]
    secret_env = { DATABASE_URL = { secret = "orders-db", key = "url" } }
    resources  = { cpu = "500m", memory = "1Gi" }
    deadline   = "30m"
  }

  max_parallel = 40
  retry        = { limit = 4, backoff = "30s", factor = 2, max_backoff = "10m" }
}

output "orders_left" {
  value = backfill_job.orders.remaining
}
