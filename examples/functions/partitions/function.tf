# Fails if the job has no partition for the last day.
check "covers_yesterday" {
  assert {
    condition = contains(
      provider::backfill::partitions(file("${path.module}/events.backfill.hcl"), {})[*].key,
      "2026-03-29",
    )
    error_message = "The job does not cover 2026-03-29."
  }
}
