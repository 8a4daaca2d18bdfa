# Scores all orders that exist when the run starts: a container asks the
# database for the bounds, and the run processes everything between them.
resource "backfill_job" "orders" {
  name      = "orders-risk-score"
  namespace = "data"

  partition = {
    query = {
      image      = "postgres:17"
      script     = <<-EOT
        psql "$DATABASE_URL" -Atc "
          SELECT json_build_object('start', min(id), 'end', max(id) + 1) FROM orders" > "$BACKFILL_OUT"
      EOT
      secret_env = { DATABASE_URL = { secret = "orders-db", key = "url" } }
      size       = 100000
    }
  }

  runner = {
    image   = "registry.example.com/orders:2026.11.1"
    command = ["bin/score"]
    args    = ["--from=$${partition.start}", "--to=$${partition.end}"]
  }

  orchestrator = { service_account = "backfill-orchestrator" }
  max_parallel = 40

  # Change this text to run the query again and process what is new.
  rerun_token = "2026-11"
}
