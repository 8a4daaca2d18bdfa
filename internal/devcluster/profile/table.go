// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package profile

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// table holds the known profiles, the default first.
var table = []Profile{
	{
		// https://cloud.google.com/kubernetes-engine/docs/concepts/spot-vms: the label is always there, the taint when the
		// pool was made with it, as the page recommends. The notice is 15 s for ordinary pods out of 30 s.
		Name:    "gke",
		Region:  "europe-west4",
		Zones:   []string{"europe-west4-a", "europe-west4-b", "europe-west4-c"},
		Machine: "e2-standard-8",
		OnDemand: Nodes{
			Labels: map[string]string{
				"cloud.google.com/gke-nodepool":     "on-demand-pool",
				"cloud.google.com/gke-provisioning": "standard",
				"cloud.google.com/machine-family":   "e2",
			},
			Notice: time.Hour,
		},
		Spot: Nodes{
			Labels: map[string]string{
				"cloud.google.com/gke-nodepool":     "spot-pool",
				"cloud.google.com/gke-provisioning": "spot",
				"cloud.google.com/gke-spot":         "true",
				"cloud.google.com/machine-family":   "e2",
			},
			Taints: []corev1.Taint{{Key: "cloud.google.com/gke-spot", Value: "true", Effect: corev1.TaintEffectNoSchedule}},
			Notice: 15 * time.Second,
			Slack:  15 * time.Second,
		},
	},
	{
		// https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html: a managed node
		// group labels its nodes with their capacity and taints none; at a notice of two minutes, the
		// node is cordoned and drained.
		Name:    "eks",
		Region:  "eu-west-1",
		Zones:   []string{"eu-west-1a", "eu-west-1b", "eu-west-1c"},
		Machine: "m5.2xlarge",
		OnDemand: Nodes{
			Labels: map[string]string{"eks.amazonaws.com/capacityType": "ON_DEMAND", "eks.amazonaws.com/nodegroup": "on-demand"},
			Notice: time.Hour,
			Ending: Ending{Drain: true, Cordon: true},
		},
		Spot: Nodes{
			Labels: map[string]string{"eks.amazonaws.com/capacityType": "SPOT", "eks.amazonaws.com/nodegroup": "spot"},
			Notice: 2 * time.Minute,
			Ending: Ending{Drain: true, Cordon: true},
		},
	},
	{
		// https://karpenter.sh/docs/concepts/disruption/: an interrupted node gets the taint and is
		// drained; it goes when it is empty, or with its machine.
		Name:    "karpenter",
		Region:  "eu-west-1",
		Zones:   []string{"eu-west-1a", "eu-west-1b", "eu-west-1c"},
		Machine: "m5.2xlarge",
		OnDemand: Nodes{
			Labels: map[string]string{"karpenter.sh/capacity-type": "on-demand", "karpenter.sh/nodepool": "on-demand"},
			Notice: time.Hour,
			Ending: Ending{Drain: true, Taint: KarpenterDisrupted},
		},
		Spot: Nodes{
			Labels: map[string]string{"karpenter.sh/capacity-type": "spot", "karpenter.sh/nodepool": "spot"},
			Notice: 2 * time.Minute,
			Ending: Ending{Drain: true, Taint: KarpenterDisrupted},
		},
	},
	{
		// https://learn.microsoft.com/azure/aks/spot-node-pool: label and taint are always there. /node-auto-drain: a Preempt
		// event, about 30 s before the end, has the node cordoned, tainted and drained as far as that gets.
		Name:    "aks",
		Region:  "westeurope",
		Zones:   []string{"westeurope-1", "westeurope-2", "westeurope-3"},
		Machine: "Standard_D8s_v5",
		OnDemand: Nodes{
			Labels: map[string]string{"kubernetes.azure.com/agentpool": "ondemand", "kubernetes.azure.com/mode": "user"},
			Notice: time.Hour,
			Ending: Ending{Drain: true, Cordon: true},
		},
		Spot: Nodes{
			Labels: map[string]string{
				"kubernetes.azure.com/agentpool":        "spot",
				"kubernetes.azure.com/mode":             "user",
				"kubernetes.azure.com/scalesetpriority": "spot",
			},
			Taints: []corev1.Taint{
				{Key: "kubernetes.azure.com/scalesetpriority", Value: "spot", Effect: corev1.TaintEffectNoSchedule},
			},
			Notice: 30 * time.Second,
			Ending: Ending{
				Drain: true, Cordon: true,
				Taint: corev1.Taint{Key: "remediator.kubernetes.azure.com/unschedulable", Effect: corev1.TaintEffectNoSchedule},
			},
		},
	},
	{
		// Nodes of one's own, told apart by a label and a taint, whose kubelets shut down in order and
		// have nothing more to do.
		Name:     "custom",
		Region:   "here",
		Zones:    []string{"rack-1", "rack-2", "rack-3"},
		Machine:  "server",
		OnDemand: Nodes{Labels: map[string]string{"pool": "steady"}, Notice: time.Hour},
		Spot: Nodes{
			Labels: map[string]string{"pool": "spot"},
			Taints: []corev1.Taint{{Key: "pool", Value: "spot", Effect: corev1.TaintEffectNoSchedule}},
			Notice: 30 * time.Second,
		},
	},
}

// KarpenterDisrupted is on the nodes that Karpenter empties, for whatever reason.
var KarpenterDisrupted = corev1.Taint{Key: "karpenter.sh/disrupted", Effect: corev1.TaintEffectNoSchedule}
