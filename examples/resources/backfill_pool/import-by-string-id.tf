import {
  to = backfill_pool.database
  id = "data/orders-database"
}
