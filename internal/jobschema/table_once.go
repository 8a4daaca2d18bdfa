// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

// once describes a container that runs once for a run: what a runner has, but
// without a partition.
func once() []Attribute {
	rows := runner()
	for i := range rows {
		rows[i].Once = true
		switch rows[i].Name {
		case "script":
			rows[i].Instead = "A script finds the job, the run and the attempt in its environment: write $BACKFILL_JOB and so on."
			rows[i].Doc = "Text of a script, at most 64 KiB, given to `command` (`[\"sh\", \"-c\"]` unless set) as its last argument and before `args`. It is passed on as it is: references are not looked for, use the environment variables `BACKFILL_JOB`, `BACKFILL_RUN` and `BACKFILL_ATTEMPT`."
		case "grace_period":
			rows[i].Doc = "How long the pod has between SIGTERM and its end, when it must go; in the environment as `BACKFILL_GRACE_SECONDS`. 30s unless set."
		case "patch":
			rows[i].Doc = "A strategic merge patch for the Pod's spec, with Kubernetes' own names. The container is called `main`."
		}
	}
	return rows
}
