// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package diag

// clusterCodes explains the codes of the cluster.
var clusterCodes = []Info{
	{
		Code:    CodeCluster,
		Summary: "Cluster Call Failed",
		Cause:   "The cluster did not respond, or rejected the request.",
		Fix:     "Follow the message, then run the same command again. It continues where it stopped.",
	},
	{
		Code:    CodeJobNotFound,
		Summary: "Job Not Found",
		Cause:   "The namespace has no record of this job.",
		Fix: "Check the name, the namespace and the cluster. To restore the job from the Terraform state, run plan " +
			"and apply again.",
	},
	{
		Code:    CodeJobExists,
		Summary: "Job Already Exists",
		Cause: "The namespace already has a job with this name, and the resource does not have it in its state. With " +
			"`create_before_destroy` it can be the job that is replaced.",
		Fix: "Remove `create_before_destroy`, choose another name, or import the job.",
	},
	{
		Code:    CodeNotOurs,
		Summary: "Object Not Managed By The Job",
		Cause:   "An object with a name that the job needs already exists, but does not belong to the job.",
		Fix:     "Rename the job, or delete the object.",
	},
	{
		Code:    CodeHeldElsewhere,
		Summary: "Job Managed Elsewhere",
		Cause:   "The job's record belongs to another Terraform state (the owner tokens differ).",
		Fix:     "Manage the job in one state only, and import it there.",
	},
	{
		Code:    CodeStalePlan,
		Summary: "Stale Plan",
		Cause: "The apply would do something else than the plan showed: the job has changed since, or a value was not " +
			"known while planning.",
		Fix: "Run plan again.",
	},
	{
		Code:    CodeRunActive,
		Summary: "Run Still Active",
		Cause:   "The previous run is still active. Two runs of a job never overlap.",
		Fix:     "Wait until it ends, or raise stop_timeout.",
	},
	{
		Code:    CodeRecordDamaged,
		Summary: "Damaged Record",
		Cause:   "The record of the job cannot be read.",
		Fix:     "Follow the message.",
	},
	{
		Code:    CodeLeftBehind,
		Summary: "Objects Left Behind",
		Cause: "Objects of the job still existed when its deletion timed out, or when a job with the same name was " +
			"created.",
		Fix: "Remove the cause (finalizers, a controller that is down), and run the same command again.",
	},
	{
		Code:    CodeRunLost,
		Summary: "Run Deleted Before Its Outcome Was Recorded",
		Cause:   "A Workflow was deleted before its outcome was recorded. Its keys count as not done.",
		Fix:     "Run plan and apply to run them again. Do not delete Workflows of a job by hand.",
	},
	{
		Code:    CodeNotRecorded,
		Summary: "Outcome Not Recorded",
		Cause:   "A run has ended, but the credentials do not allow recording its outcome.",
		Fix:     "Apply before the Workflow is deleted, with credentials that can update ConfigMaps and Workflows.",
	},
	{
		Code:    CodeAdopted,
		Summary: "Unfinished Creation Continued",
		Cause:   "A record of the same job already existed, left by an interrupted creation. The creation was continued.",
		Fix: "No action is needed, unless another Terraform state manages the job. In that case remove it from one of " +
			"the two.",
	},
	{
		Code:    CodeOverlap,
		Summary: "Overlapping Jobs",
		Cause:   "Another job in the namespace with the same target processes some of the same keys.",
		Fix:     "Change the domain of one of the jobs, or set `overlap` to `allow`.",
	},
	{
		Code:    CodeRunUnreadable,
		Summary: "Unreadable Run",
		Cause:   "The state of a run cannot be read from its Workflow.",
		Fix:     "Follow the message.",
	},
	{
		Code:    CodeHealed,
		Summary: "Edited Object Restored",
		Cause:   "An object of the job was edited by hand and has been restored.",
		Fix:     "Change the job's declaration instead.",
	},
	{
		Code:    CodeReprocess,
		Summary: "Reprocessing Prevented",
		Cause:   "The change would run finished partitions again, but prevent_reprocess is true.",
		Fix:     "Undo the change, or set prevent_reprocess to false.",
	},
	{
		Code:    CodeTeardown,
		Summary: "Teardown Failed",
		Cause: "The teardown of a run failed after all attempts. After a stop, it has only one attempt. Partitions are " +
			"not affected.",
		Fix: "Do the work of the teardown by hand. The next run clears the warning.",
	},
	{
		Code:    CodeImposed,
		Summary: "Conflicting Controller Defaults",
		Cause: "The Argo controller merges its `workflowDefaults` into every Workflow. They contain fields that change " +
			"what the run does and that the Workflow cannot override.",
		Fix: "Remove these fields from the controller's `workflowDefaults`, or use a controller without them.",
	},
	{
		Code:    CodeNotWaiting,
		Summary: "Nothing To Approve",
		Cause:   "The job is not waiting for approval: a run is active, everything is done, or it has already been approved.",
		Fix:     "Check the job with `status`.",
	},
	{
		Code:    CodeStuck,
		Summary: "Backfill Stuck",
		Cause: "An active run is waiting for nodes, an image, a quota, a queue or Argo, and nothing of it has succeeded " +
			"for longer than `spot.max_pending`. Nothing is lost, and the run continues as soon as it can.",
		Fix: "Follow the message. `spot.max_pending` sets how long a run may wait before this warning.",
	},
	{
		Code:    CodeUndeclared,
		Summary: "Run Without Declaration",
		Cause: "A Workflow of the job has no record, and its annotations do not contain the job's declaration: they " +
			"were removed, or the declaration is longer than 32 kB.",
		Fix: "Declare the job as it was compiled, and apply without importing.",
	},
	{
		Code:    CodeNoPool,
		Summary: "Pool Not Found",
		Cause:   "The job's pool does not exist in its namespace, or has no size.",
		Fix:     "Declare it as a `backfill_pool` and refer to its name.",
	},
	{
		Code:    CodePoolExists,
		Summary: "Pool Already Exists",
		Cause:   "The namespace already has a pool with this name, and it is not in this Terraform state.",
		Fix:     "Import the pool, or choose another name.",
	},
	{
		Code:    CodePoolInUse,
		Summary: "Pool In Use",
		Cause:   "Active runs use the pool and would fail without it.",
		Fix:     "Wait until they end or stop them, then destroy the pool again.",
	},
	{
		Code:    CodeForgotten,
		Summary: "Job Left To Its Owner",
		Cause:   "The job to destroy belongs to another Terraform state. It was not changed, and only this state forgets it.",
		Fix:     "Destroy the job in the state that manages it.",
	},
	{
		Code:    CodeRunNotNeeded,
		Summary: "Run Not Needed",
		Cause: "An update stopped a run to submit the next one, and the stopped run had done everything by its end. The " +
			"state keeps the planned name until the next refresh.",
		Fix: "Nothing needs to be done.",
	},
}
