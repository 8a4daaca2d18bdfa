# The same job, from a job file that the command line can also read.
resource "backfill_job" "orders_from_file" {
  source    = file("${path.module}/orders.backfill.hcl")
  variables = { last_id = 3000000000 }
}
