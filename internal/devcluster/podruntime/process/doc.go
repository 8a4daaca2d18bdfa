// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package process is the pod runtime that runs every container of a pod as a local process in a
// sandbox, so that what a pod runs (Argo's executor included) is the real thing.
//
// It follows the kubelet in what a program can see: variables and their expansion, volumes and
// their layout, the order of init containers, exit codes, reasons and messages. What a local
// process cannot have (a seccomp profile, pull secrets, CPU limits) is accepted and named in the
// pod condition LocalClusterNotEnforced; anything else it does not do is refused by name in the
// pod's status. Image names are only labels: the host's files are the root.
//
// Volumes are written once, when the pod starts: a later change of a ConfigMap or Secret does not
// reach a running pod, and service account tokens are not renewed (the API server accepts the
// standard ones for a year).
package process
