// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

// once describes a container that runs once per run: the attributes of a runner,
// without a partition.
func once() []Attribute {
	rows := runner()
	for i := range rows {
		rows[i].Once = true
		switch rows[i].Name {
		case "script":
			rows[i].Instead = "A script gets the job, the run and the attempt as environment variables: write $BACKFILL_JOB " +
				"and so on."
			rows[i].Doc = "Text of a script, at most 64 KiB, passed to `command` (default `[\"sh\", \"-c\"]`) as an argument " +
				"before `args`. References are not replaced in it; use the environment variables `BACKFILL_JOB`, `BACKFILL_RUN` " +
				"and `BACKFILL_ATTEMPT`."
		case "grace_period":
			rows[i].Doc = "Time between SIGTERM and SIGKILL when the pod is terminated. The container gets it in seconds as " +
				"`BACKFILL_GRACE_SECONDS`. Defaults to 30s."
		case "node_selector", "tolerations", "priority_class", "image_pull_secrets":
			rows[i].Doc += follows
		case "patch":
			rows[i].Doc = "A strategic merge patch for the pod spec, with Kubernetes' own field names. The container is " +
				"called `main`."
		}
	}
	return rows
}
