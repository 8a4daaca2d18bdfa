// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package clustertest proves the built program: its tests start real clusters,
// run real Workflows on them, and look at the machine from outside. The
// environment variable BACKFILL_DEVCLUSTER names the program; without it they
// skip.
//
// It holds tests only.
package clustertest
