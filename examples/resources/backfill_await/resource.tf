# Switches the search index when every order has its score.
resource "backfill_await" "orders" {
  job       = backfill_job.orders.name
  namespace = backfill_job.orders.namespace
  run       = backfill_job.orders.run

  timeouts = { create = "6h" }
}

resource "terraform_data" "search_alias" {
  input      = "orders-v2"
  depends_on = [backfill_await.orders]
}
