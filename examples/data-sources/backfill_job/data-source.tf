data "backfill_job" "orders" {
  name      = "orders-risk-score"
  namespace = "data"
}

output "orders_progress" {
  value = "${data.backfill_job.orders.phase}, ${data.backfill_job.orders.progress}"
}
