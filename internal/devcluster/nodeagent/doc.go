// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package nodeagent is the kubelet of the local cluster: one process that registers several
// virtual nodes with the labels and taints of a cloud profile, runs the pods that the scheduler
// binds to them, reports their statuses, and serves their logs and exec on a loopback port.
//
// virtual-kubelet's node library registers the nodes and keeps their leases. Its pod controller is
// not used: it writes whole pods back from its own copy, which can undo a label that the Argo
// controller has just set, and holds a deleted pod for its full grace period even when it ended at
// once. Pods are followed here, with statuses patched as the kubelet does.
//
// It is also the cloud behind its nodes: it brings machines and takes them away, as annotations on
// nodes and the ConfigMap of the pools ask for. How a pod is run is the runtime's business
// (package podruntime).
package nodeagent
