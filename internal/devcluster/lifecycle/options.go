// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lifecycle

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/argoexec"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/controlplane"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/supervise"
)

// Options describe one cluster.
type Options struct {
	// Runtime and Profile are the node agent's: how containers run, and whose
	// labels and taints the nodes carry.
	Runtime string `json:"runtime"`
	Profile string `json:"profile"`
	// OnDemand and Spot count the nodes of each kind.
	OnDemand int `json:"on_demand"`
	Spot     int `json:"spot"`
	// OnDemandMax and SpotMax are how far the pools grow for pods that find no
	// node, NodeDelay the time from ordering a machine to its node.
	OnDemandMax int           `json:"on_demand_max"`
	SpotMax     int           `json:"spot_max"`
	NodeDelay   time.Duration `json:"node_delay"`
	// NodeGrace is how long a node may be silent before it counts as lost.
	NodeGrace time.Duration `json:"node_grace"`
	// TaskResults is how long Argo waits for the results of a pod that ended
	// without reporting.
	TaskResults time.Duration `json:"task_results"`
	// CPU, Memory and Pods are the capacity of each node, as Kubernetes
	// quantities.
	CPU    string `json:"cpu"`
	Memory string `json:"memory"`
	Pods   string `json:"pods"`
	// WatchMemory has memory limits kept by watching although the kernel could
	// keep them.
	WatchMemory bool `json:"watch_memory,omitempty"`
	// CRDs is "minimal" (no schema) or "full".
	CRDs string `json:"crds"`
	// Argo is how fast Argo's controller may be.
	Argo controlplane.ArgoPace `json:"argo"`
	// Tuned is controlplane.Tuned: for more load than a person makes.
	Tuned bool `json:"tuned,omitempty"`
	// ArgoVersion is the version of the linked controller and of argoexec.
	ArgoVersion string `json:"argo_version"`
	// Assets are what was made from the Argo module.
	Assets argoexec.Assets `json:"assets"`
}

func optionsFile(l controlplane.Layout) string { return filepath.Join(l.Root, "options.json") }

func writeOptions(l controlplane.Layout, o Options) error {
	raw, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the options: %w", err)
	}
	return supervise.WriteFile(optionsFile(l), append(raw, '\n'))
}

// ReadOptions returns the options of the cluster in a state directory.
func ReadOptions(l controlplane.Layout) (Options, error) {
	var o Options
	raw, err := os.ReadFile(optionsFile(l))
	if err != nil {
		return o, fmt.Errorf("read the options: %w", err)
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		return o, fmt.Errorf("parse %s: %w", optionsFile(l), err)
	}
	return o, nil
}
