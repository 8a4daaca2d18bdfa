# The id is namespace/name.
terraform import backfill_pool.database data/orders-database
