// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package profile describes how clouds present their nodes to Kubernetes: labels, taints and the
// notice before a node is taken back. It is a table and does nothing with nodes itself.
package profile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Capacity is how a node is paid for.
type Capacity string

// The two capacities.
const (
	OnDemand Capacity = "on-demand"
	Spot     Capacity = "spot"
)

// Nodes describes the nodes of one capacity.
type Nodes struct {
	// Labels beside those that every node carries.
	Labels map[string]string
	Taints []corev1.Taint
	// Notice is the time that pods have between the announcement that their node goes and its end.
	Notice time.Duration
	// Slack is what the node itself has beyond that, to stop system pods and to report.
	Slack time.Duration
	// Ending is what the cloud does to a node that has notice.
	Ending Ending
}

// Ending is how the end of a node reaches its pods.
type Ending struct {
	// Drain tells that pods are evicted through the API, which respects disruption budgets. Otherwise the kubelet shuts
	// down: it stops the pods and reports them as failed.
	Drain bool
	// Cordon tells that the node is made unschedulable.
	Cordon bool
	// Taint is put on the node; its key may be empty.
	Taint corev1.Taint
}

// Profile is one cloud, or one way of running nodes on it.
type Profile struct {
	Name     string
	Region   string
	Zones    []string // nodes are spread over them in turn
	Machine  string   // node.kubernetes.io/instance-type
	OnDemand Nodes
	Spot     Nodes
}

// Nodes returns the description of one capacity.
func (p Profile) Nodes(capacity Capacity) Nodes {
	if capacity == Spot {
		return p.Spot
	}
	return p.OnDemand
}

// Find returns the profile of a name.
func Find(name string) (Profile, error) {
	for _, p := range table {
		if p.Name == name {
			return p, nil
		}
	}
	return Profile{}, fmt.Errorf("there is no cloud profile %q; use one of %s", name, strings.Join(Names(), ", "))
}

// Names lists the profiles in the table's order.
func Names() []string {
	names := make([]string, 0, len(table))
	for _, p := range table {
		names = append(names, p.Name)
	}
	return names
}

// NodeLabels are the labels of the index-th node of a capacity.
func (p Profile) NodeLabels(capacity Capacity, index int) map[string]string {
	labels := map[string]string{
		corev1.LabelTopologyRegion:     p.Region,
		corev1.LabelTopologyZone:       p.Zones[index%len(p.Zones)],
		corev1.LabelInstanceTypeStable: p.Machine,
	}
	maps.Copy(labels, p.Nodes(capacity).Labels)
	return labels
}

// NodeTaints are the taints of a node of a capacity.
func (p Profile) NodeTaints(capacity Capacity) []corev1.Taint {
	return slices.Clone(p.Nodes(capacity).Taints)
}
