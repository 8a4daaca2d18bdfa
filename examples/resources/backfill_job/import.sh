# namespace/name of a job whose record is in the cluster
terraform import backfill_job.orders data/orders-risk-score
