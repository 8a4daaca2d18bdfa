// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

// placement describes which nodes pods run on, and what happens when a node goes
// away.
func placement() []Attribute {
	return []Attribute{
		{
			Name:       "spot",
			Kind:       Object,
			Class:      Next,
			Attributes: spot(),
			Doc:        "Run partitions on spot nodes, which are cheaper but can be reclaimed at any time.",
		},
		{
			Name:       "anchor",
			Kind:       Object,
			Class:      Next,
			Attributes: anchor(),
			Doc: "Whether autoscalers may evict pods to remove nodes. No annotation can prevent a cloud from " +
				"reclaiming a spot node.",
		},
		{
			Name:  "interruptions",
			Kind:  Object,
			Class: Next,
			Attributes: []Attribute{
				{
					Name:    "limit",
					Kind:    Int,
					Default: "10",
					Bounds:  &Bounds{0, 100},
					Class:   Next,
					Cuts:    true, // attempts take room in a shard
					Doc:     "Maximum number of attempts beyond `retry.limit`, for attempts that ended by an interruption.",
				},
			},
			Doc: "How interrupted attempts are retried. An attempt is interrupted if its node was reclaimed, shut down or " +
				"lost, or if its pod was evicted or deleted.",
		},
		{
			Name:  "oom",
			Kind:  Object,
			Class: Next,
			Attributes: []Attribute{
				{
					Name:    "factor",
					Kind:    Int,
					Default: "2",
					Bounds:  &Bounds{2, 10},
					Class:   Next,
					Doc:     "Multiplier of the memory for each further attempt.",
				},
				{
					Name:     "max_memory",
					Kind:     String,
					Required: true,
					Format:   Quantity,
					Class:    Next,
					Doc:      "Maximum memory of an attempt.",
				},
			},
			Doc: "Give an attempt more memory if the previous attempt ran out of memory. Argo knows the previous attempt " +
				"only: after an interruption, the next attempt starts with the runner's own memory again.",
		},
		{
			Name:    "spread",
			Kind:    String,
			Enum:    []string{"zone", "node", "none"},
			Default: "none",
			Class:   Next,
			Doc: "Spread the job's pods evenly over zones or nodes where possible, to limit how many pods one outage " +
				"affects.",
		},
	}
}

func spot() []Attribute {
	return []Attribute{
		{
			Name:     "provider",
			Kind:     String,
			Required: true,
			Enum:     []string{"gke", "gke_autopilot", "eks", "karpenter", "aks", "custom"},
			Class:    Next,
			Doc: "Whose labels and taints identify spot nodes. `gke_autopilot` has those of `gke`, and anchors that " +
				"Autopilot can satisfy. `custom` reads them from `labels` and `taints`.",
		},
		{
			Name:  "mode",
			Kind:  String,
			Enum:  []string{"require", "prefer", "off"},
			Class: Next,
			Doc: "`require` waits for a spot node. `prefer` uses another node if no spot node is available. `off` ignores " +
				"the `spot` block. Defaults to `require` with a fallback and `prefer` without.",
		},
		{
			Name:  "fallback",
			Kind:  String,
			Enum:  []string{"on_demand"},
			Class: Next,
			Doc:   "Where the last attempts run: on on-demand nodes.",
		},
		{
			Name:   "fallback_after",
			Kind:   Int,
			Bounds: &Bounds{1, 200},
			Class:  Next,
			Doc: "First attempt, counted from 0, that runs on demand. Interrupted attempts count too. Defaults to " +
				"`retry.limit`.",
		},
		{
			Name:    "max_pending",
			Kind:    String,
			Format:  Duration,
			Default: "10m",
			Class:   Note,
			Doc: "How long pods may wait, and no partition succeed, before `status`, plans and `backfill_await` report " +
				"the run as stuck. The run continues. Without `spot` it is 10 minutes.",
		},
		{
			Name:   "labels",
			Kind:   StringMap,
			Format: NodeLabels,
			Class:  Next,
			Doc:    "For the provider `custom`: labels that all spot nodes have and no other node has.",
		},
		{
			Name:  "taints",
			Kind:  ObjectList,
			Class: Next,
			Attributes: []Attribute{
				{Name: "key", Kind: String, Required: true, Format: PlainText, Class: Next, Doc: "Key of the taint."},
				{Name: "value", Kind: String, Format: PlainText, Class: Next, Doc: "Value of the taint. Defaults to any value."},
				{
					Name:  "effect",
					Kind:  String,
					Enum:  []string{"NoSchedule", "PreferNoSchedule", "NoExecute"},
					Class: Next,
					Doc:   "Effect of the taint. Defaults to any effect.",
				},
			},
			Doc: "Taints of spot nodes, in addition to those that the provider sets.",
		},
	}
}

func anchor() []Attribute {
	return []Attribute{
		{
			Name:    "mode",
			Kind:    String,
			Enum:    []string{"protect", "all", "release", "off"},
			Default: "protect",
			Class:   Next,
			Doc: "`protect` keeps autoscalers from evicting launchers and all attempts except those that must run on " +
				"spot nodes; `all` protects those too. `release` allows eviction, even where Argo's own pods would block it. " +
				"`off` adds no annotations.",
		},
		{
			Name:   "duration",
			Kind:   String,
			Format: Duration,
			Class:  Next,
			Doc: "How long Karpenter protects a pod, for versions of Karpenter that support durations. No limit by " +
				"default. The cluster autoscaler does not support durations.",
		},
		{
			Name:    "pod_disruption_budget",
			Kind:    Bool,
			Default: "false",
			Class:   Next,
			Doc: "Whether each Workflow gets a PodDisruptionBudget that blocks all voluntary evictions of its pods, " +
				"including `kubectl drain`. Argo's controller needs permission to create PodDisruptionBudgets.",
		},
	}
}
