// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package supervise starts child processes, keeps their identities in a state
// file, and stops exactly those processes again.
//
// A process is identified by its id, its start time and the boot it belongs
// to, so a reused process id is never signalled. The package does not know
// what the processes are, in which order they depend on one another, or what
// makes them healthy.
package supervise
