// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package lifecycle brings a local cluster up, keeps it running, tells how it
// is, and takes it down. It joins what the other packages know: which
// components there are and how they start (controlplane), what belongs in the
// cluster (bootstrap), Argo's executor (argoexec), and processes (supervise).
//
// One process, the supervisor, is the parent of all components. It runs in the
// foreground, or in a session of its own from which Up has detached; either
// way its state file says what runs, so another process can report on it and
// stop it.
//
// The package parses no command line and does not know how a component works.
package lifecycle
