// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Command terraform-provider-backfill serves the Terraform plugin when
// Terraform starts it, and is the backfill command line otherwise.
package main

func main() {}
