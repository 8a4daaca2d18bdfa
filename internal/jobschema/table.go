// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

import (
	"slices"
	"sync"
)

// Job is the table: every attribute of a job body, in documentation order. All
// calls return the same slice; do not modify it.
func Job() []Attribute { return table() }

var table = sync.OnceValue(func() []Attribute {
	return typed(slices.Concat(
		body(), work(), execution(), argoRows(), waves(), safety(), placement(), guardrails(), moved()))
})

// typed caches the type of each row, because computing it is slow.
func typed(rows []Attribute) []Attribute {
	for i := range rows {
		rows[i].Attributes = typed(rows[i].Attributes)
		rows[i].of = rows[i].Type()
	}
	return rows
}

// body describes the job as a whole.
func body() []Attribute {
	return []Attribute{
		{
			Name:     "name",
			Kind:     String,
			Required: true,
			Format:   JobName,
			Label:    true,
			Class:    Replace,
			Doc: "Name of the job and prefix of the names of all its objects. A DNS label of at most 40 characters, " +
				"unique in the namespace.",
		},
		{
			Name:    "namespace",
			Kind:    String,
			Format:  DNSLabel,
			Default: "default",
			Class:   Replace,
			Doc:     "Kubernetes namespace of all objects of the job. It is never read from a kubeconfig.",
		},
		{
			Name:   "reason",
			Kind:   String,
			Format: Line,
			Class:  Note,
			Doc:    "Why you run this backfill, in one line. Shown in plans and stored in the record.",
		},
		{
			Name:   "target",
			Kind:   String,
			Format: Line,
			Class:  Note,
			Doc: "What the job writes to, such as `elasticsearch/orders`. Two jobs in the same namespace with the same " +
				"target must not process overlapping keys.",
		},
		{
			Name:   "labels",
			Kind:   StringMap,
			Format: Labels,
			Class:  Next,
			Doc: "Kubernetes labels for every object and pod of the job. Keys under `backfill.dev/` and " +
				"`workflows.argoproj.io/` are reserved.",
		},
	}
}

// work describes the partitions and the containers that process them.
func work() []Attribute {
	return []Attribute{
		{
			Name:       "partition",
			Kind:       Object,
			Required:   true,
			Class:      Grid,
			Attributes: partition(),
			Doc: "The keys to process and how to split them into partitions. One pod processes one partition. Set " +
				"exactly one of `range`, `time`, `values`, `query` and `dimensions`.",
		},
		{
			Name:       "runner",
			Kind:       Object,
			Required:   true,
			Class:      Next,
			Attributes: runner(),
			Doc: "The container that processes one partition. It may run more than once for the same partition (after " +
				"a failure, or when a node goes away), so it must be idempotent.",
		},
		{
			Name:       "setup",
			Kind:       Object,
			Class:      Next,
			Attributes: once(),
			Doc: "A container that runs once at the start of every run, before the canary and the first wave. `retry` " +
				"and `interruptions` apply to it. If it fails after all retries, the run fails and no partition starts. See the " +
				"guide on setup and teardown.",
		},
		{
			Name:       "teardown",
			Kind:       Object,
			Class:      Next,
			Attributes: once(),
			Doc: "A container that runs once at the end of every run, whatever the outcome: also after setup, the " +
				"canary or partitions failed, after the failure budget was exceeded, and after the run was stopped. If it " +
				"fails, plans and `status` show a warning; the outcome of the partitions does not change. See the guide on " +
				"setup and teardown.",
		},
	}
}

// execution describes how partitions are run.
func execution() []Attribute {
	return []Attribute{
		{
			Name:       "orchestrator",
			Kind:       Object,
			Class:      Next,
			Attributes: orchestrator(),
			Doc: "The pods that start shards, called launchers. They run on the nodes that the runner's attributes let " +
				"partitions on, unless you set the attributes here.",
		},
		{
			Name:       "argoexec",
			Kind:       Object,
			Class:      Next,
			Attributes: argoexec(),
			Doc: "The containers that Argo adds to every pod of the job: `init` and `wait`, and the one container of a " +
				"launcher. By default they are as the Argo controller configures them.",
		},
		{
			Name:    "max_parallel",
			Kind:    Int,
			Default: "10",
			Bounds:  &Bounds{1, 10_000},
			Class:   Live,
			Doc: "Maximum number of partitions processed in parallel. A change applies to the active run and all its " +
				"shards, and nothing runs again. If you lower it below the number of active shards (at most 25), each active " +
				"shard continues with one pod until it finishes.",
		},
		{
			Name:   "pool",
			Kind:   String,
			Format: DNSLabel,
			Class:  Next,
			Cuts:   true, // a paused job that has one has no run
			Doc: "Name of a `backfill_pool` in the same namespace. The pool limits how many shards all its jobs process " +
				"in parallel; a job with one shard counts as one. The pool must exist before the job runs. A paused job that " +
				"belongs to a pool has no run.",
		},
		{
			Name:    "shard_size",
			Kind:    Int,
			Default: "500",
			Bounds:  &Bounds{1, 1000},
			Class:   Grid,
			Doc: "Maximum number of partitions in one Workflow. Larger jobs are split into several Workflows to stay " +
				"below the size limit of etcd.",
		},
		{
			Name:       "retry",
			Kind:       Object,
			Class:      Next,
			Attributes: retry(),
			Doc:        "How failed partitions are retried.",
		},
	}
}

// argoRows describe the version of Argo and its own fields.
func argoRows() []Attribute {
	return []Attribute{
		{
			Name:  "argo",
			Kind:  Object,
			Class: Next,
			Attributes: []Attribute{
				{
					Name:   "workflow",
					Kind:   Dynamic,
					Format: ArgoWorkflowSpec,
					Class:  Next,
					Doc: "Fields for the Workflow spec of the run and of every shard: `archiveLogs`, `artifactRepositoryRef`, " +
						"`automountServiceAccountToken`, `dnsConfig`, `dnsPolicy`, `executor`, `hostAliases`, `hostNetwork`, `podGC`, " +
						"`podMetadata`, `priority`, `schedulerName`.",
				},
				{
					Name:   "partition",
					Kind:   Dynamic,
					Format: ArgoTemplate,
					Class:  Next,
					Doc: "Fields for the template of the pod that processes a partition: `archiveLocation`, " +
						"`automountServiceAccountToken`, `executor`, `hostAliases`, `initContainers`, `metrics`, `schedulerName`, " +
						"`sidecars`. Metrics may refer to `{{status}}`, `{{duration}}`, `{{exitCode}}`, `{{retries}}` and " +
						"`{{resourcesDuration.cpu}}` or `.memory`.",
				},
			},
			Doc: "Argo fields that the job language has no attribute for, under Argo's own names: `{ workflow = { " +
				"schedulerName = \"batch\" } }`. A field replaces the whole value. Fields that the provider manages, that " +
				"another attribute covers, or that would break the job are rejected with an explanation. For the pod spec, use " +
				"`runner.patch`.",
		},
		{
			Name:    "argo_version",
			Kind:    String,
			Enum:    []string{"3.5", "3.6", "3.7", "4.0"},
			Default: "3.7",
			Class:   Note,
			Doc: "The version of Argo Workflows that runs the job. Objects use only features of that version, and " +
				"settings that it does not support are rejected. 3.7 is tested on a cluster (3.7.18). For the other versions " +
				"only the generated objects are tested, not a run.",
		},
		{
			Name:   "instance_id",
			Kind:   String,
			Format: LabelValue,
			Class:  Next,
			Doc: "The `instanceID` of the Argo controller that runs the job, in clusters where controllers have one. A " +
				"controller with an instance ID ignores Workflows without it. Defaults to `instance_id` of the provider.",
		},
	}
}

func retry() []Attribute {
	return []Attribute{
		{
			Name:    "limit",
			Kind:    Int,
			Default: "4",
			Bounds:  &Bounds{0, 100},
			Class:   Next,
			Cuts:    true, // attempts take room in a shard
			Doc:     "Maximum number of retries after the first attempt.",
		},
		{
			Name:    "backoff",
			Kind:    String,
			Format:  Duration,
			Default: "30s",
			Class:   Next,
			Doc: "The wait before the first retry. Argo also waits once more before it marks a partition as failed, " +
				"unless all attempts of `limit` and `interruptions` are used up.",
		},
		{
			Name:    "factor",
			Kind:    Int,
			Default: "2",
			Bounds:  &Bounds{1, 10},
			Class:   Next,
			Doc:     "Multiplier for each further wait.",
		},
		{
			Name:    "max_backoff",
			Kind:    String,
			Format:  Duration,
			Default: "10m",
			Class:   Next,
			Doc:     "The longest wait between two attempts.",
		},
		{
			Name:   "retry_on",
			Kind:   IntList,
			Bounds: &Bounds{1, 255},
			Class:  Next,
			Doc: "Exit codes that are retried. Defaults to all. Interruptions are always retried, and so are attempts " +
				"that ran out of memory if `oom` is set.",
		},
		{
			Name:   "fail_on",
			Kind:   IntList,
			Bounds: &Bounds{1, 255},
			Class:  Next,
			Doc:    "Exit codes that are not retried, such as the one for bad input.",
		},
	}
}
