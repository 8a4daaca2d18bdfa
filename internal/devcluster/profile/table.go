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
		},
	},
}
