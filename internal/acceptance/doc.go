// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package acceptance holds the tests that meet the real thing: a Kubernetes
// API server, the Argo controller, argoexec, Terraform and PostgreSQL, all on
// loopback, started and stopped by the tests.
//
// It exports nothing. Verdicts come from outside the product wherever that is
// possible: from the database, from files the runners wrote, from the objects
// in the API server.
package acceptance
