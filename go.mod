module github.com/terraform-backfill/terraform-provider-backfill

go 1.26.0
