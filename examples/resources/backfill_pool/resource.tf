# All jobs together write to the database from at most four shards.
resource "backfill_pool" "database" {
  name = "orders-database"
  size = 4
}

resource "backfill_job" "scores" {
  name         = "orders-risk-score"
  pool         = backfill_pool.database.name
  max_parallel = 40

  partition = { range = { start = 1, end = 3000000000, size = 1000000 } }
  runner = {
    image   = "registry.example.com/scoring:2026.11.1"
    command = ["bin/score"]
    args    = ["--from=$${partition.start}", "--to=$${partition.end}"]
  }
}
