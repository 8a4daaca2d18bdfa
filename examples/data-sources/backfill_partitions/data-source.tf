data "backfill_partitions" "failed" {
  name      = "orders-risk-score"
  namespace = "data"
}

# How many partitions failed for each cause of their last attempt.
output "causes" {
  value = {
    for cause, partitions in {
      for p in data.backfill_partitions.failed.partitions : p.attempt_details[length(p.attempt_details) - 1].cause => p...
      if length(p.attempt_details) > 0
    } : cause => length(partitions)
  }
}

data "backfill_partitions" "next" {
  name      = "orders-risk-score"
  namespace = "data"
  state     = "remaining"
  limit     = 10
}

output "next" {
  value = data.backfill_partitions.next.partitions[*].key
}
