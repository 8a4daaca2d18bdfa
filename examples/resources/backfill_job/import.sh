# The id is namespace/name. The record of the job must be in the cluster.
terraform import backfill_job.orders data/orders-risk-score
