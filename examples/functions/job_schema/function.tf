# The names of all attributes of a job.
output "job_attributes" {
  value = keys(jsondecode(provider::backfill::job_schema()).properties.job.additionalProperties.properties)
}
