// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

// waves are the rows that say in which order of caution a run proceeds.
func waves() []Attribute {
	return []Attribute{
		{
			Name: "canary", Kind: Object, Chosen: true, Class: Grid, Attributes: []Attribute{
				{
					Name: "partitions", Kind: Int, Bounds: &Bounds{1, 100}, Class: Grid,
					Doc: "How many partitions: the first of each run, in its order. One when neither this nor `keys` is set.",
				},
				{
					Name: "keys", Kind: StringList, Class: Grid,
					Doc: "The partitions by key, at most 100. Keys that a run does not cover are left out of its canary, with a warning.",
				},
				approve("after the canary"),
			},
			Doc: "Partitions that run before all others and must all succeed: if one fails for good, the run fails and nothing else starts. " +
				"A run leaves its canary out when the last canary that succeeded had the same template and the same settings, in the same revision.",
		},
		{
			Name: "wave", Kind: Object, Chosen: true, Class: Grid, Attributes: []Attribute{
				{Name: "shards", Kind: Int, Default: "1", Bounds: &Bounds{1, 10_000}, Class: Grid, Doc: "Shards of the first wave."},
				{Name: "growth", Kind: Int, Default: "2", Bounds: &Bounds{1, 100}, Class: Grid, Doc: "How many times as many shards each further wave has: 2 gives 1, 2, 4 and so on."},
				{Name: "max_shards", Kind: Int, Bounds: &Bounds{1, 10_000}, Class: Grid, Doc: "The most shards of a wave."},
				{
					Name: "ramp_up", Kind: Bool, Default: "false", Class: Grid,
					Doc: "Whether small waves have few pods: each shard gets the share of `max_parallel` that it has in the largest wave. Otherwise every wave uses all of `max_parallel`.",
				},
				approve("after each wave"),
			},
			Doc: "Shards run in waves, each of which begins when the one before has ended. There are at most 40 waves, the last of which takes the rest. Without it, all shards are one wave. A job of one shard has one wave.",
		},
		{
			Name: "failure_budget", Kind: Object, Chosen: true, Class: Note, Attributes: []Attribute{
				{Name: "max_failed", Kind: Int, Bounds: &Bounds{0, 1_000_000}, Class: Note, Doc: "The most partitions that may fail."},
				{
					Name: "max_ratio", Kind: String, Format: Ratio, Class: Note,
					Doc: "The largest share that may fail, of the partitions that have run: `5%` or `0.05`.",
				},
			},
			Doc: "How many partitions of a run may fail for good before no further wave starts; shards that run by then go on to their end. " +
				"It is checked between waves, by the run itself. What was not done is proposed by the next plan. Without `wave`, a budget makes waves that double from one shard. " +
				"A run of one shard has no later wave that could be held back: it is stopped by its canary alone. A changed budget holds from the next run on.",
		},
		{
			Name: "controller", Kind: Object, Class: Grid, Attributes: []Attribute{
				{
					Name: "pods_per_second", Kind: Int, Default: "10", Bounds: &Bounds{1, 10_000}, Class: Note,
					Doc: "How many pods the controller creates in a second: its `resourceRateLimit`, or half of its `--qps`, for all Workflows together. Plans warn when creating the pods takes more than a day, or longer than running them.",
				},
				{
					Name: "max_workflow_size", Kind: Int, Default: "1048576", Bounds: &Bounds{300_000, 64 << 20}, Class: Grid,
					Doc: "The controller's `MAX_WORKFLOW_SIZE`, in bytes, where it is not the default. Shards are cut so that no Workflow can grow beyond it.",
				},
			},
			Doc: "What the Argo controller that runs the job can do.",
		},
	}
}

func approve(when string) Attribute {
	return Attribute{
		Name: "approve", Kind: String, Enum: []string{"auto", "manual"}, Default: "auto", Class: Grid,
		Doc: "`manual` ends the run " + when + ". What follows is run only once it is approved: by `approved_wave`, or by the command `approve`. Until then the job is `AwaitingApproval`, and plans are empty.",
	}
}
