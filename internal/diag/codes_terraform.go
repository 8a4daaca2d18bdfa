// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package diag

// terraformCodes explains the codes of the Terraform provider.
var terraformCodes = []Info{
	{
		Code:    CodeNoDeclaration,
		Summary: "Missing Job Declaration",
		Cause:   "The resource has neither the attributes of a job nor `source`.",
		Fix:     "Set `name`, `partition` and `runner`, or `source`.",
	},
	{
		Code:    CodeTwoDeclarations,
		Summary: "Conflicting Job Declarations",
		Cause:   "The resource has both `source` and attributes of a job.",
		Fix:     "Remove one of the two.",
	},
	{
		Code:    CodeWithoutSource,
		Summary: "Attribute Without Source",
		Cause:   "`job` and `variables` require `source`, which is not set.",
		Fix:     "Remove them, or set `source`.",
	},
	{
		Code:    CodeManyJobs,
		Summary: "More Than One Job",
		Cause:   "The source declares several jobs, but a resource manages one.",
		Fix:     "Set `job` to the name of the job.",
	},
	{
		Code:    CodeUnknownJob,
		Summary: "Unknown Job",
		Cause:   "The source does not declare a job with this name.",
		Fix:     "Correct `job`.",
	},
	{
		Code:    CodeVariablesType,
		Summary: "Wrong Type Of Variables",
		Cause:   "`variables` is not an object.",
		Fix:     "Use an object such as `variables = { last_id = 100 }`.",
	},
	{
		Code:    CodeImportID,
		Summary: "Invalid Import ID",
		Cause:   "The import ID does not have the form `namespace/name`.",
		Fix:     "Correct the ID.",
	},
	{
		Code:    CodeReplacement,
		Summary: "Job Will Be Replaced",
		Cause:   "`name` or `namespace` changed. The change creates a new job with its own record, with nothing done.",
		Fix:     "To keep finished partitions, undo the change.",
	},
	{
		Code:    CodeClusterUnknown,
		Summary: "Cluster Not Known Yet",
		Cause: "The provider configuration depends on a resource that does not exist yet, but the plan needs to read " +
			"the job.",
		Fix: "Create that resource first, for example with `terraform apply -target=…`.",
	},
	{
		Code:    CodeAwaitFailed,
		Summary: "Backfill Not Complete",
		Cause:   "No run is active, and some keys have failed or did not run.",
		Fix: "Check the job's `failed_partitions`. The next plan of the job proposes the remaining keys. To continue " +
			"regardless, set `on_failure = \"continue\"`.",
	},
	{
		Code:    CodeAwaitTime,
		Summary: "Backfill Not Finished In Time",
		Cause:   "The wait timed out. The backfill continues.",
		Fix:     "Apply again to continue waiting, or raise `timeouts`.",
	},
	{
		Code:    CodeAwaitNothing,
		Summary: "Nothing To Wait For",
		Cause:   "The cluster has no record of the job.",
		Fix:     "Correct `job` and `namespace`, or make this resource depend on the job.",
	},
	{
		Code:    CodeAwaitCanary,
		Summary: "No Canary To Wait For",
		Cause:   "The job has no canary.",
		Fix:     "Declare a canary in the job, or wait for its completion.",
	},
	{
		Code:    CodeMoveSource,
		Summary: "Unsupported Move Source",
		Cause: "The source of a `moved` block is not the Workflow of a run. Supported are Workflows from " +
			"`kubernetes_manifest` (hashicorp/kubernetes) and `kubectl_manifest` (gavinbunney/kubectl or alekc/kubectl).",
		Fix: "Convert the manifest to a job with `convert`, and remove the `moved` block.",
	},
	{
		Code:    CodeMovePart,
		Summary: "Unsupported Move Of A Job Part",
		Cause: "The source of a `moved` block is a template, a shard or the data of a job. These have no resource of " +
			"their own.",
		Fix: "Move the Workflow of the run. Remove the other objects from the old state with `removed` blocks that do not " +
			"destroy them.",
	},
	{
		Code:    CodeMovedGone,
		Summary: "Moved Run Not Found",
		Cause:   "The moved Workflow no longer exists and the job has no record. It is unknown which partitions are done.",
		Fix:     "Before you apply, check whether the proposed partitions have already been processed.",
	},
	{
		Code:    CodePodsRefused,
		Summary: "Pods Refused",
		Cause: "The API server did not accept pods of the last run, and the message gives its reason. Examples are an " +
			"account or a priority class that does not exist, a LimitRange, and an admission webhook.",
		Fix: "Do what the message says, and apply again. A new run without that fails in the same way.",
	},
	{
		Code:    CodeNoPlace,
		Summary: "No Place For The Run",
		Cause: "A run of several shards takes one of the places that `controller.max_workflows` counts, and its shards " +
			"need places too. This run would take the last one, and no shard could start.",
		Fix: "Apply again when another run has ended, or raise the limit of the controller and `max_workflows`. A run of " +
			"one shard (`shard_size`) needs a single place.",
	},
	{
		Code:    CodePodsLive,
		Summary: "Pods Still Running",
		Cause:   "Pods of a run that was stopped have not ended. No run of a job starts while they live.",
		Fix:     "Apply again when they have ended, or raise stop_timeout. See what keeps them, for example a lost node.",
	},
	{
		Code:    CodePodsUnlisted,
		Summary: "Pods Not Visible",
		Cause:   "The credentials may not list pods, so the grace period of a stopped run was waited out.",
		Fix:     "Grant the Role `backfill-pods` that `rbac` prints.",
	},
}

// internalCodes explains the codes of bugs.
var internalCodes = []Info{
	{
		Code:    CodeInternal,
		Summary: "Internal Error",
		Cause:   "The program reached a state that should be impossible. This is a bug.",
		Fix:     "Report it with the job file and the message.",
	},
}
