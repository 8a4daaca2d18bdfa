// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package sandbox runs one container as a local process: in mount and PID namespaces of its own, on a private root that
// shows the host's files read-only, without capabilities, and bound to the life of the program that started it.
//
// A container's process tree ends with its PID 1, and PID 1 is killed by the kernel when the starting program dies, so
// nothing is left behind. Memory limits are kept by the kernel where a memory cgroup can be written, and elsewhere by
// watching what the processes take.
//
// The network, the users and the programs are the host's. This package knows nothing of Kubernetes: it does not
// resolve volumes, expand variables or keep logs. It needs Linux 5.12 and either root or unprivileged user namespaces
// (see Enter).
package sandbox
