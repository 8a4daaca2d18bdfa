// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package controlplane

// The components of a cluster, by the names that people see.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	ArgoController    = "argo-controller"
	NodeAgent         = "node-agent"
)

// Components lists every component in the order of starting.
func Components() []string {
	return []string{Etcd, APIServer, ControllerManager, Scheduler, ArgoController, NodeAgent}
}
