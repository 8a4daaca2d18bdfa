// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

// waves are the rows about canaries and waves.
func waves() []Attribute {
	return []Attribute{
		{
			Name:   "canary",
			Kind:   Object,
			Chosen: true,
			Class:  Grid,
			Attributes: []Attribute{
				{
					Name:   "partitions",
					Kind:   Int,
					Bounds: &Bounds{1, 100},
					Class:  Grid,
					Doc: "Number of partitions, taken from the beginning of the run in its order. 1 if neither this nor `keys` " +
						"is set.",
				},
				{
					Name:  "keys",
					Kind:  StringList,
					Class: Grid,
					Doc:   "Keys of the partitions, at most 100. Keys that a run does not process are skipped with a warning.",
				},
				approve("after the canary"),
			},
			Doc: "Partitions that run before all others and must all succeed. If one fails after all retries, the run fails " +
				"and no other partition starts. " +
				"A run skips its canary if the last successful canary had the same template, settings and revision.",
		},
		{
			Name:   "wave",
			Kind:   Object,
			Chosen: true,
			Class:  Grid,
			Attributes: []Attribute{
				{
					Name:    "shards",
					Kind:    Int,
					Default: "1",
					Bounds:  &Bounds{1, 10_000},
					Class:   Grid,
					Doc:     "Number of shards in the first wave.",
				},
				{
					Name:    "growth",
					Kind:    Int,
					Default: "2",
					Bounds:  &Bounds{1, 100},
					Class:   Grid,
					Doc:     "Growth factor of the number of shards from wave to wave: 2 gives 1, 2, 4 and so on.",
				},
				{
					Name:   "max_shards",
					Kind:   Int,
					Bounds: &Bounds{1, 10_000},
					Class:  Grid,
					Doc:    "Maximum number of shards in a wave.",
				},
				{
					Name:    "ramp_up",
					Kind:    Bool,
					Default: "false",
					Class:   Grid,
					Doc: "Whether small waves run fewer pods: each shard gets the share of `max_parallel` that it would get in " +
						"the largest wave. Otherwise every wave uses all of `max_parallel`.",
				},
				approve("after each wave"),
			},
			Doc: "Run shards in waves. A wave starts when the previous wave has finished. There are at most 40 waves; the " +
				"last one runs all remaining shards. Without `wave`, all shards are in one wave. A job with one shard has one " +
				"wave.",
		},
	}
}

// safety describes the failure budget and the limits of the controller.
func safety() []Attribute {
	return []Attribute{
		{
			Name:   "failure_budget",
			Kind:   Object,
			Chosen: true,
			Class:  Note,
			Cuts:   true, // to have one implies waves
			Attributes: []Attribute{
				{
					Name:   "max_failed",
					Kind:   Int,
					Bounds: &Bounds{0, 1_000_000},
					Class:  Note,
					Doc:    "Maximum number of failed partitions.",
				},
				{
					Name:   "max_ratio",
					Kind:   String,
					Format: Ratio,
					Class:  Note,
					Doc:    "Maximum share of failed partitions among those that ran: `5%` or `0.05`.",
				},
			},
			Doc: "How many partitions of a run may fail before the run starts no further wave. Shards that are already " +
				"running finish. " +
				"The run checks the budget between waves, and the next plan proposes the remaining partitions. Without `wave`, " +
				"a budget implies waves that start with one shard and double. " +
				"In a run with one shard there is no later wave, so only the canary can stop it. A changed budget applies from " +
				"the next run.",
		},
		{
			Name:  "controller",
			Kind:  Object,
			Class: Grid,
			Attributes: append([]Attribute{
				{
					Name:    "pods_per_second",
					Kind:    Int,
					Default: "10",
					Bounds:  &Bounds{1, 10_000},
					Class:   Note,
					Doc: "Number of pods that the controller creates per second: its `resourceRateLimit`, or half of its " +
						"`--qps`, for all Workflows together. Plans show a warning if pod creation takes more than a day, or longer " +
						"than running the pods.",
				},
				{
					Name:    "max_workflow_size",
					Kind:    Int,
					Default: "1048576",
					Bounds:  &Bounds{300_000, 64 << 20},
					Class:   Grid,
					Doc: "The controller's `MAX_WORKFLOW_SIZE` in bytes, if it is not the default. Shards are sized to keep " +
						"every Workflow below it.",
				},
				{
					Name:   "max_workflows",
					Kind:   Int,
					Bounds: &Bounds{1, 100_000},
					Class:  Grid,
					Doc: "Number of Workflows that the controller processes at once in the namespace: the namespace's label " +
						"`workflows.argoproj.io/parallelism-limit`, or the controller's `namespaceParallelism` or " +
						"`parallelism`. Not limited by default. Runs with several shards then always leave a place for " +
						"shards: fewer shards run at once, and an apply that would take the last place submits nothing.",
				},
			}, podRules()...),
			Doc: "Settings of the Argo controller that runs the job.",
		},
	}
}

func approve(when string) Attribute {
	return Attribute{
		Name:    "approve",
		Kind:    String,
		Enum:    []string{"auto", "manual"},
		Default: "auto",
		Class:   Grid,
		Doc: "`manual` ends the run " + when + ". The rest runs after you approve it with `approved_wave` or the " +
			"command `approve`. Until then the job is `AwaitingApproval`, and plans are empty.",
	}
}
