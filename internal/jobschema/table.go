// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

import (
	"slices"
	"sync"
)

// Job is the table: every attribute of a job body, in documentation order. It is
// the same one each time, and not to be changed.
func Job() []Attribute { return table() }

var table = sync.OnceValue(func() []Attribute {
	return typed(slices.Concat(body(), waves(), placement(), guardrails()))
})

// typed are the rows with their types, which take longer to make than to use.
func typed(rows []Attribute) []Attribute {
	for i := range rows {
		rows[i].Attributes = typed(rows[i].Attributes)
		rows[i].of = rows[i].Type()
	}
	return rows
}

func body() []Attribute {
	return []Attribute{
		{
			Name: "name", Kind: String, Required: true, Format: JobName, Label: true, Class: Replace,
			Doc: "Name of the job, the stem of the names of all its objects. A DNS label of at most 40 characters, unique in the namespace.",
		},
		{
			Name: "namespace", Kind: String, Format: DNSLabel, Default: "default", Class: Replace,
			Doc: "Kubernetes namespace of everything the job makes. It is never taken from a kubeconfig.",
		},
		{
			Name: "reason", Kind: String, Format: Line, Class: Note,
			Doc: "Why this backfill is run, one line for those who find it later. Shown in plans and kept in the record.",
		},
		{
			Name: "target", Kind: String, Format: Line, Class: Note,
			Doc: "What the job writes to, such as `elasticsearch/orders`. Two jobs of a namespace with the same target may not process overlapping keys.",
		},
		{
			Name: "labels", Kind: StringMap, Format: Labels, Class: Next,
			Doc: "Kubernetes labels put on every object and pod of the job. Keys below `backfill.dev/` and `workflows.argoproj.io/` are reserved.",
		},
		{
			Name: "partition", Kind: Object, Required: true, Class: Grid, Attributes: partition(),
			Doc: "What is to be processed, and how it is cut into partitions, each of which one pod processes. Exactly one of `range`, `time`, `values`, `query` and `dimensions`.",
		},
		{
			Name: "runner", Kind: Object, Required: true, Class: Next, Attributes: runner(),
			Doc: "The container that processes one partition. It may run more than once for a partition (after a failure, or when a node goes away) and must be idempotent.",
		},
		{
			Name: "setup", Kind: Object, Class: Next, Attributes: once(),
			Doc: "A container that runs once at the start of every run, before its canary and its first wave. It is tried again as `retry` and `interruptions` say; if it fails for good, the run fails and no partition starts. See the guide on setup and teardown.",
		},
		{
			Name: "teardown", Kind: Object, Class: Next, Attributes: once(),
			Doc: "A container that runs once at the end of every run, however it ended: also when setup, the canary or partitions failed, when the failure budget ended it, and when it was stopped. If it fails, plans and `status` warn of it; the partitions keep what they are. See the guide on setup and teardown.",
		},
		{
			Name: "orchestrator_service_account", Kind: String, Format: DNSName, Class: Next,
			Doc: "Service account of the steps that start shards. It needs `create`, `get` and `patch` on Workflows. Without it these steps use the namespace's default account.",
		},
		{
			Name: "max_parallel", Kind: Int, Default: "10", Bounds: &Bounds{1, 10_000}, Class: Live,
			Doc: "The most partitions processed at once. A change reaches an active run, its shards and those yet to come; nothing runs again. Lowered below the number of shards that are under way (25 at most), each of these goes on with one pod until it ends.",
		},
		{
			Name: "pool", Kind: String, Format: DNSLabel, Class: Next,
			Doc: "Name of a `backfill_pool` of the namespace, which bounds the shards that all its jobs process at once. A job of one shard counts as one. The pool must exist before the job runs. While it is paused, a job of a pool has no run.",
		},
		{
			Name: "shard_size", Kind: Int, Default: "500", Bounds: &Bounds{1, 1000}, Class: Grid,
			Doc: "The most partitions in one Workflow. Larger jobs are split over several, so that none nears the size limit of etcd.",
		},
		{
			Name: "retry", Kind: Object, Class: Next, Attributes: retry(),
			Doc: "How a failed partition is tried again.",
		},
		{
			Name: "argo", Kind: Object, Class: Next, Attributes: []Attribute{
				{
					Name: "workflow", Kind: Dynamic, Format: ArgoWorkflowSpec, Class: Next,
					Doc: "Fields of the spec of the run and of every shard: `archiveLogs`, `artifactRepositoryRef`, `automountServiceAccountToken`, `dnsConfig`, `dnsPolicy`, `executor`, `hostAliases`, `hostNetwork`, `podGC`, `podMetadata`, `priority`, `schedulerName`.",
				},
				{
					Name: "partition", Kind: Dynamic, Format: ArgoTemplate, Class: Next,
					Doc: "Fields of the template whose pod processes a partition: `archiveLocation`, `automountServiceAccountToken`, `executor`, `hostAliases`, `initContainers`, `metrics`, `schedulerName`, `sidecars`. Metrics may refer to `{{status}}`, `{{duration}}`, `{{exitCode}}`, `{{retries}}` and `{{resourcesDuration.cpu}}` or `.memory`.",
				},
			},
			Doc: "What the language has no attribute for, with Argo's own names: `{ workflow = { schedulerName = \"batch\" } }`. A field is set as a whole. Fields that this program decides, that attributes of the language say, or that would do harm are refused with the reason; for the pod see `runner.patch`.",
		},
		{
			Name: "argo_version", Kind: String, Enum: []string{"3.5", "3.6", "3.7", "4.0"}, Default: "3.7", Class: Next,
			Doc: "The Argo Workflows that will run the job. Only what that version understands is emitted, and what it cannot do is refused. 3.7 is proved by running it (3.7.18); what is emitted for the others is compared with golden files and has been run on none of them.",
		},
	}
}

func retry() []Attribute {
	return []Attribute{
		{
			Name: "limit", Kind: Int, Default: "4", Bounds: &Bounds{0, 100}, Class: Next,
			Doc: "How often a partition is tried again after its first attempt.",
		},
		{
			Name: "backoff", Kind: String, Format: Duration, Default: "30s", Class: Next,
			Doc: "The wait before the first retry. Argo also waits once more before it gives a partition up for good, unless all attempts of `limit` and `interruptions` are spent.",
		},
		{
			Name: "factor", Kind: Int, Default: "2", Bounds: &Bounds{1, 10}, Class: Next,
			Doc: "What each further wait is multiplied by.",
		},
		{
			Name: "max_backoff", Kind: String, Format: Duration, Default: "10m", Class: Next,
			Doc: "The longest wait.",
		},
		{
			Name: "retry_on", Kind: IntList, Bounds: &Bounds{1, 255}, Class: Next,
			Doc: "The only exit codes after which a failed partition is tried again; all unless set. Interruptions are always tried again, and so is what ran out of memory where there is `oom`.",
		},
		{
			Name: "fail_on", Kind: IntList, Bounds: &Bounds{1, 255}, Class: Next,
			Doc: "Exit codes after which a partition is not tried again, such as that for bad input.",
		},
	}
}
