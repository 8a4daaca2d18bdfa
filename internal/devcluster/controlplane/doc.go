// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package controlplane knows what a control plane on one machine is made of:
// its files, certificates, kubeconfigs and ports, the arguments of each
// component, the order in which they start, and how to see that one works.
//
// It starts no process and keeps no state besides the files it writes; the
// supervise package does the former, its caller the latter.
package controlplane
