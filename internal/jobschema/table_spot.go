// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

// placement describes which nodes pods land on, and what happens when a node
// goes away.
func placement() []Attribute {
	return []Attribute{
		{
			Name: "spot", Kind: Object, Class: Next, Attributes: spot(),
			Doc: "Run partitions on spot nodes, which are cheap and may be taken away at any time.",
		},
		{
			Name: "anchor", Kind: Object, Class: Next, Attributes: anchor(),
			Doc: "Whether autoscalers may evict pods to save nodes. No annotation keeps a cloud from reclaiming a spot node.",
		},
		{
			Name: "interruptions", Kind: Object, Class: Next, Attributes: []Attribute{
				{
					Name: "limit", Kind: Int, Default: "10", Bounds: &Bounds{0, 100}, Class: Next,
					Doc: "How many attempts a partition gets beyond `retry.limit` while each ended by an interruption.",
				},
			},
			Doc: "Attempts that ended through no fault of the runner: its node was reclaimed, shut down or lost, or its pod was evicted or deleted.",
		},
		{
			Name: "oom", Kind: Object, Class: Next, Attributes: []Attribute{
				{
					Name: "factor", Kind: Int, Default: "2", Bounds: &Bounds{2, 10}, Class: Next,
					Doc: "What the memory is multiplied by, once for every attempt before.",
				},
				{
					Name: "max_memory", Kind: String, Required: true, Format: Quantity, Class: Next,
					Doc: "The most memory that an attempt gets.",
				},
			},
			Doc: "Give an attempt more memory when the one before ran out of it. Argo knows of the last attempt alone: after an interruption in between, the next one starts with the runner's own memory again.",
		},
		{
			Name: "spread", Kind: String, Enum: []string{"zone", "node", "none"}, Default: "none", Class: Next,
			Doc: "Spread the job's pods evenly over zones or nodes where that is possible, so that one loss takes few of them.",
		},
	}
}

func spot() []Attribute {
	return []Attribute{
		{
			Name: "provider", Kind: String, Required: true, Enum: []string{"gke", "eks", "karpenter", "aks", "custom"}, Class: Next,
			Doc: "Whose labels and taints spot nodes carry; `custom` takes them from `labels` and `taints`.",
		},
		{
			Name: "mode", Kind: String, Enum: []string{"require", "prefer", "off"}, Class: Next,
			Doc: "`require` never starts a spot attempt elsewhere: it waits for a spot node. `prefer` takes another node when there is none. `off` is as if there were no `spot`. Unless set, `require` with a fallback and `prefer` without.",
		},
		{
			Name: "fallback", Kind: String, Enum: []string{"on_demand"}, Class: Next,
			Doc: "Where the last attempts run: on nodes that are not spot nodes.",
		},
		{
			Name: "fallback_after", Kind: Int, Bounds: &Bounds{1, 200}, Class: Next,
			Doc: "The first attempt, counted from 0, that runs on demand; `retry.limit` unless set. Interrupted attempts count too.",
		},
		{
			Name: "max_pending", Kind: String, Format: Duration, Default: "10m", Class: Note,
			Doc: "How long a pod may wait for its node before `status`, plans and `backfill_await` call the run stuck. It ends nothing. Without `spot` it is 10 minutes.",
		},
		{
			Name: "labels", Kind: StringMap, Format: NodeLabels, Class: Next,
			Doc: "For the provider `custom`: the labels that all spot nodes have and no others.",
		},
		{
			Name: "taints", Kind: ObjectList, Class: Next, Attributes: []Attribute{
				{Name: "key", Kind: String, Required: true, Format: PlainText, Class: Next, Doc: "Key of the taint."},
				{Name: "value", Kind: String, Format: PlainText, Class: Next, Doc: "Value of the taint; any unless set."},
				{Name: "effect", Kind: String, Enum: []string{"NoSchedule", "PreferNoSchedule", "NoExecute"}, Class: Next, Doc: "Effect of the taint; any unless set."},
			},
			Doc: "Taints of spot nodes, beside those that the provider is known to set.",
		},
	}
}

func anchor() []Attribute {
	return []Attribute{
		{
			Name: "mode", Kind: String, Enum: []string{"protect", "all", "release", "off"}, Default: "protect", Class: Next,
			Doc: "`protect` keeps autoscalers from evicting launchers and every attempt but those that must run on spot nodes; `all` protects these too. `release` says that pods may be evicted, also where Argo's own pods would block. `off` annotates nothing.",
		},
		{
			Name: "duration", Kind: String, Format: Duration, Class: Next,
			Doc: "How long Karpenter leaves a protected pod alone, for versions of Karpenter that know durations; for ever unless set. The cluster autoscaler knows no duration.",
		},
		{
			Name: "pod_disruption_budget", Kind: Bool, Default: "false", Class: Next,
			Doc: "Whether each Workflow gets a PodDisruptionBudget that refuses every voluntary eviction of its pods, `kubectl drain` included. Argo's controller must be allowed to create them.",
		},
	}
}
