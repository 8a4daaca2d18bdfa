// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package diag

// jobCodes explains the codes of one job and of compiling it.
var jobCodes = []Info{
	{
		Code:    CodeName,
		Summary: "Invalid Name",
		Cause:   "The name is not a valid Kubernetes name, or it leaves no room for the suffixes of derived object names.",
		Fix:     "Choose a name of the form shown in the message.",
	},
	{
		Code:    CodeOutOfRange,
		Summary: "Value Out Of Range",
		Cause:   "The number or duration is too small or too large.",
		Fix:     "Choose a value within the bounds shown in the message.",
	},
	{
		Code:    CodeChoice,
		Summary: "Invalid Choice",
		Cause:   "The value is not one of the valid values of the attribute.",
		Fix:     "Use one of the values listed in the message.",
	},
	{
		Code:    CodeWholeNumber,
		Summary: "Whole Number Required",
		Cause:   "The number has a fraction or does not fit in 64 bits.",
		Fix:     "Use a whole number between -9223372036854775808 and 9223372036854775807.",
	},
	{
		Code:    CodeQuantity,
		Summary: "Invalid Quantity",
		Cause:   "The text is not a valid Kubernetes quantity.",
		Fix:     "Use for example `500m` or `2` for cpu, `512Mi` or `1Gi` for memory.",
	},
	{
		Code:    CodeDuration,
		Summary: "Invalid Duration",
		Cause:   "The text is not a valid duration.",
		Fix:     "Use whole seconds, minutes and hours, for example `30s`, `10m` or `1h30m`.",
	},
	{
		Code:    CodeImage,
		Summary: "Invalid Image Reference",
		Cause:   "The text is not a valid container image reference.",
		Fix:     "Use for example `registry.example.com/team/app:1.2`.",
	},
	{
		Code:    CodePath,
		Summary: "Invalid Path",
		Cause:   "The path cannot be mounted.",
		Fix:     "Use an absolute path without `..` for mount_path and host_path, and a relative path for sub_path.",
	},
	{
		Code:    CodeLabel,
		Summary: "Invalid Label",
		Cause:   "The label or annotation is not valid in Kubernetes.",
		Fix:     "Use the form shown in the message.",
	},
	{
		Code:    CodeEnvName,
		Summary: "Invalid Environment Variable Name",
		Cause:   "The name of the environment variable is not valid in Kubernetes.",
		Fix:     "Use letters, digits and underscores, and do not start with a digit.",
	},
	{
		Code:    CodeReserved,
		Summary: "Reserved Name",
		Cause:   "The name or path is reserved for the provider, Argo or Kubernetes.",
		Fix:     "Choose another one.",
	},
	{
		Code:    CodeClash,
		Summary: "Conflicting Definitions",
		Cause:   "Two definitions in one pod have the same name or path.",
		Fix:     "Rename or remove one of the two.",
	},
	{
		Code:    CodeNullElement,
		Summary: "Null Element",
		Cause:   "A list or map contains a null.",
		Fix:     "Remove the element, or give it a value.",
	},
	{
		Code:    CodeText,
		Summary: "Invalid Text",
		Cause:   "The text is empty, too long, or contains characters that cannot be passed on.",
		Fix:     "Correct the text as described in the message.",
	},
	{
		Code:    CodeSensitive,
		Summary: "Sensitive Value In Manifest",
		Cause:   "A sensitive value would be visible to anyone who can read the workflow.",
		Fix:     "Put the value in a Secret and refer to it with secret_env.",
	},
	{
		Code:    CodeRatio,
		Summary: "Invalid Ratio",
		Cause:   "The text is not a ratio from 0 to 1.",
		Fix:     "Use for example `5%` or `0.05`.",
	},
	{
		Code:    CodeNoDomain,
		Summary: "Missing Partition Domain",
		Cause:   "The partition block does not define any keys.",
		Fix:     "Set `range`, `time`, `values`, `query` or `dimensions`.",
	},
	{
		Code:    CodeTwoDomains,
		Summary: "Conflicting Partition Domains",
		Cause:   "The partition block defines its keys in two ways.",
		Fix:     "Remove one of the two.",
	},
	{
		Code:    CodeRange,
		Summary: "Invalid Range",
		Cause: "The range has no partitions: its start is not below its end, its size is not positive, or its numbers " +
			"are too large.",
		Fix: "Correct the attribute shown in the message. The end is exclusive.",
	},
	{
		Code:    CodeValues,
		Summary: "Invalid Values",
		Cause:   "The list of values is empty, or contains an empty, repeated or overlong value.",
		Fix:     "Correct the element shown in the message.",
	},
	{
		Code:    CodeTooMany,
		Summary: "Too Many Partitions",
		Cause:   "The domain has more partitions than the maximum of one run (1,000,000).",
		Fix:     "Choose a larger size.",
	},
	{
		Code:    CodeValuesSize,
		Summary: "Values Too Large",
		Cause:   "The list of values does not fit in the job's record (10,000 items, 256 kB).",
		Fix:     "Use a range, or split the job.",
	},
	{
		Code:    CodeTime,
		Summary: "Invalid Time Windows",
		Cause:   "The time windows cannot be computed from these settings.",
		Fix:     "Correct the attribute shown in the message.",
	},
	{
		Code:    CodeDimensions,
		Summary: "Invalid Dimensions",
		Cause:   "The list of dimensions is not valid.",
		Fix:     "Set two to four dimensions with different names.",
	},
	{
		Code:    CodeQuery,
		Summary: "Invalid Query",
		Cause:   "The settings of the query conflict with each other or with the bounds that it found.",
		Fix:     "Correct the attribute shown in the message.",
	},
	{
		Code:    CodeOpenBounds,
		Summary: "Bounds Known At Run Time Only",
		Cause:   "The partitions of a query are unknown until its container has run, and this operation needs them.",
		Fix:     "Apply the job. After the first run, `status`, the state and plans show the partitions.",
	},
	{
		Code:    CodeLimitBelow,
		Summary: "Limit Below Request",
		Cause:   "The limit of a resource is lower than its request.",
		Fix:     "Raise the limit or lower the request.",
	},
	{
		Code:    CodeNoCommand,
		Summary: "Missing Command",
		Cause: "The container has no command. Argo starts containers through a wrapper and does not read the entrypoint " +
			"from the image.",
		Fix: "Set `command` to the program to run.",
	},
	{
		Code:    CodeRetryBackoff,
		Summary: "Conflicting Backoff",
		Cause:   "The maximum wait between attempts is shorter than the first wait.",
		Fix:     "Raise `max_backoff` or lower `backoff`.",
	},
	{
		Code:    CodeNoSource,
		Summary: "Missing Source",
		Cause:   "A volume or an element of env_from has no source.",
		Fix:     "Set one of the attributes listed in the message.",
	},
	{
		Code:    CodeTwoSources,
		Summary: "Conflicting Sources",
		Cause:   "A volume or an element of env_from has two sources.",
		Fix:     "Remove one of the two.",
	},
	{
		Code:    CodeKubernetes,
		Summary: "Invalid Kubernetes Object",
		Cause:   "An attribute with a part of a Kubernetes object contains unknown fields or wrong types.",
		Fix:     "Follow the Kubernetes API reference for the type named in the message.",
	},
	{
		Code:    CodeArgoVersion,
		Summary: "Unsupported By Argo Version",
		Cause:   "The job's version of Argo Workflows does not support this setting.",
		Fix:     "Change the setting, or use a later version of Argo and set `argo_version`.",
	},
	{
		Code:    CodeArgoOverride,
		Summary: "Invalid Argo Override",
		Cause:   "A field of `argo` does not exist in Argo, has another type, or cannot be overridden.",
		Fix:     "Follow the message. The reference lists the fields that can be overridden.",
	},
	{
		Code:    CodeSpot,
		Summary: "Conflicting Spot Settings",
		Cause:   "The spot settings conflict with each other or with another attribute, or have no effect.",
		Fix:     "Follow the message.",
	},
	{
		Code:    CodeAnchorPins,
		Summary: "Protected Pods Without Deadline",
		Cause: "Autoscalers cannot evict the pods, and the pods have no deadline. A pod that hangs keeps its node " +
			"indefinitely.",
		Fix: "Set runner.deadline.",
	},
	{
		Code:    CodeExitCode,
		Summary: "Invalid Exit Code",
		Cause:   "An exit code in retry_on or fail_on is not valid there.",
		Fix:     "Follow the message.",
	},
	{
		Code:    CodeOOM,
		Summary: "Conflicting Memory Settings",
		Cause:   "The `oom` settings conflict with the runner's memory or have no effect.",
		Fix:     "Follow the message.",
	},
	{
		Code:    CodeCanary,
		Summary: "Invalid Canary",
		Cause:   "The canary has conflicting or invalid partitions.",
		Fix:     "Set either a number of partitions or at most 100 different keys.",
	},
	{
		Code:    CodeBudget,
		Summary: "Empty Failure Budget",
		Cause:   "The failure budget has no limit.",
		Fix:     "Set `max_failed`, `max_ratio` or both.",
	},
	{
		Code:    CodeCanaryKeys,
		Summary: "Canary Keys Outside The Run",
		Cause:   "Some keys of the canary are not part of this run: they are done, or the domain does not contain them.",
		Fix:     "Correct misspelled keys. Otherwise ignore the warning.",
	},
	{
		Code:    CodeCreation,
		Summary: "Slow Pod Creation",
		Cause: "Argo creates pods one by one. At this rate, pod creation takes more than a day, or longer than running " +
			"the pods.",
		Fix: "Choose larger partitions to get fewer pods, or set the actual rate of the controller in `controller`.",
	},
	{
		Code:    CodeLimits,
		Summary: "Invalid Limits",
		Cause:   "The limits are not valid.",
		Fix:     "Follow the message.",
	},
	{
		Code:    CodeLimit,
		Summary: "Limit Exceeded",
		Cause:   "The job exceeds a limit of the provider, or one of its own limits.",
		Fix: "Change the job. To exceed the limit on purpose, add it to `override_limits` (`--override-limits` on the " +
			"command line).",
	},
	{
		Code:    CodeForbidden,
		Summary: "Forbidden Time",
		Cause:   "Limits forbid submitting a run at this time. Nothing was submitted.",
		Fix:     "Apply later, or add `forbidden_windows` to `override_limits`.",
	},
	{
		Code:    CodeLimitLifted,
		Summary: "Limit Overridden",
		Cause:   "The job exceeds a limit that is listed in `override_limits`.",
		Fix:     "If this is not intended, remove the limit from `override_limits`.",
	},
	{
		Code:    CodeMoved,
		Summary: "Attribute Moved",
		Cause:   "Another attribute has replaced this one.",
		Fix:     "Set the attribute named in the message.",
	},
	{
		Code:    CodeWindows,
		Summary: "Unsupported On Windows",
		Cause:   "The pod runs on Windows nodes, and the attribute works on Linux only.",
		Fix:     "Follow the message.",
	},
	{
		Code:    CodeKillCommand,
		Summary: "Invalid Kill Command",
		Cause:   "Argo cannot use the annotation as the command that ends a container.",
		Fix:     "Write a JSON list of strings, such as `[\"sh\", \"-c\", \"kill -%d 1\"]`.",
	},
	{
		Code:    CodeSetTwice,
		Summary: "Setting In Two Places",
		Cause:   "Two attributes set the same field of a pod.",
		Fix:     "Remove one of the two.",
	},
	{
		Code:    CodeInvalidManifest,
		Summary: "Invalid Manifest",
		Cause:   "A generated object is not valid for Kubernetes or Argo. This is a bug.",
		Fix:     "Report it with the job file and the message.",
	},
	{
		Code:    CodeObjectTooLarge,
		Summary: "Object Too Large",
		Cause:   "A generated object is too large for Argo or Kubernetes.",
		Fix:     "Move text from command, args and env into the image or a ConfigMap, or use fewer or shorter values.",
	},
	{
		Code:    CodeStatusTooLarge,
		Summary: "Workflow Too Large",
		Cause:   "With the status of all partitions and attempts, a Workflow could exceed the size that Argo stores.",
		Fix:     "Choose larger partitions, a lower retry limit, or the shard size shown in the message.",
	},
}
