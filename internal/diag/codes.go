// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package diag

import "fmt"

// Info explains one code for the troubleshooting page.
type Info struct {
	Code    string
	Summary string // the title of every diagnostic with this code
	Cause   string
	Cure    string
}

// The codes of the job language. BF10–BF14 concern files, blocks, variables,
// expressions and references, BF16 the conversion of workflows; BF20–BF22 the
// rules about one job, BF30 what it compiles to.
const (
	CodeEncoding       = "BF1001"
	CodeTooLarge       = "BF1002"
	CodeSyntax         = "BF1003"
	CodeNesting        = "BF1004"
	CodeNoJob          = "BF1005"
	CodeUnreadable     = "BF1006"
	CodeHugeNumber     = "BF1007"
	CodeHugeValue      = "BF1008"
	CodeUnknownBlock   = "BF1101"
	CodeUnknownAttr    = "BF1102"
	CodeMissingAttr    = "BF1103"
	CodeWrongType      = "BF1104"
	CodeNotABlock      = "BF1105"
	CodeRepeatedBlock  = "BF1106"
	CodeBothForms      = "BF1107"
	CodeLabels         = "BF1108"
	CodeDuplicateJob   = "BF1109"
	CodeUnknownVar     = "BF1201"
	CodeNoValue        = "BF1202"
	CodeVarValue       = "BF1203"
	CodeVarDecl        = "BF1204"
	CodeUnknownRef     = "BF1205"
	CodeDuplicateVar   = "BF1206"
	CodeValidation     = "BF1207"
	CodeDuplicateLocal = "BF1208"
	CodeCycle          = "BF1209"
	CodeForEach        = "BF1210"
	CodeExpression     = "BF1301"
	CodeLateNotAllowed = "BF1401"
	CodeLateWrapped    = "BF1402"
	CodeLateUnknown    = "BF1403"
	CodeLateMalformed  = "BF1404"
	CodeManifestSyntax = "BF1601"
	CodeManifestShape  = "BF1602"
	CodeNoWorkflow     = "BF1603"
	CodeNoFanOut       = "BF1604"
	CodeNoTemplate     = "BF1605"
	CodeNotARunner     = "BF1606"
	CodeDecision       = "BF1607"

	CodeName         = "BF2001"
	CodeOutOfRange   = "BF2002"
	CodeChoice       = "BF2003"
	CodeWholeNumber  = "BF2004"
	CodeQuantity     = "BF2005"
	CodeDuration     = "BF2006"
	CodeImage        = "BF2007"
	CodePath         = "BF2008"
	CodeLabel        = "BF2009"
	CodeEnvName      = "BF2010"
	CodeReserved     = "BF2011"
	CodeClash        = "BF2012"
	CodeNullElement  = "BF2013"
	CodeText         = "BF2014"
	CodeSensitive    = "BF2015"
	CodeRatio        = "BF2020"
	CodeNoDomain     = "BF2101"
	CodeTwoDomains   = "BF2102"
	CodeRange        = "BF2103"
	CodeValues       = "BF2104"
	CodeTooMany      = "BF2105"
	CodeValuesSize   = "BF2106"
	CodeTime         = "BF2107"
	CodeDimensions   = "BF2108"
	CodeQuery        = "BF2110"
	CodeOpenBounds   = "BF2111"
	CodeLimitBelow   = "BF2201"
	CodeNoCommand    = "BF2202"
	CodeRetryBackoff = "BF2203"
	CodeNoSource     = "BF2204"
	CodeTwoSources   = "BF2205"
	CodeKubernetes   = "BF2206"
	CodeArgoVersion  = "BF2209"
	CodeArgoOverride = "BF2210"
	CodeSpot         = "BF2220"
	CodeAnchorPins   = "BF2221"
	CodeExitCode     = "BF2222"
	CodeOOM          = "BF2223"
	CodeCanary       = "BF2230"
	CodeBudget       = "BF2231"
	CodeCanaryKeys   = "BF2232"
	CodeCreation     = "BF2233"
	CodeLimits       = "BF2240"
	CodeLimit        = "BF2241"
	CodeForbidden    = "BF2242"
	CodeLimitLifted  = "BF2243"

	CodeInvalidManifest = "BF3001"
	CodeObjectTooLarge  = "BF3002"
	CodeStatusTooLarge  = "BF3003"

	CodeCluster       = "BF4001"
	CodeJobNotFound   = "BF4002"
	CodeJobExists     = "BF4003"
	CodeNotOurs       = "BF4004"
	CodeHeldElsewhere = "BF4005"
	CodeStalePlan     = "BF4006"
	CodeRunActive     = "BF4007"
	CodeRecordDamaged = "BF4008"
	CodeLeftBehind    = "BF4009"
	CodeRunLost       = "BF4010"
	CodeNotRecorded   = "BF4011"
	CodeAdopted       = "BF4012"
	CodeOverlap       = "BF4013"
	CodeRunUnreadable = "BF4014"
	CodeHealed        = "BF4015"
	CodeReprocess     = "BF4016"
	CodeTeardown      = "BF4017"
	CodeImposed       = "BF4018"
	CodeNotWaiting    = "BF4020"
	CodeStuck         = "BF4021"
	CodeUndeclared    = "BF4030"
	CodeNoPool        = "BF4031"
	CodePoolExists    = "BF4032"
	CodePoolInUse     = "BF4033"

	CodeNoDeclaration   = "BF5001"
	CodeTwoDeclarations = "BF5002"
	CodeWithoutSource   = "BF5003"
	CodeManyJobs        = "BF5004"
	CodeUnknownJob      = "BF5005"
	CodeVariablesType   = "BF5006"
	CodeImportID        = "BF5007"
	CodeReplacement     = "BF5008"
	CodeClusterUnknown  = "BF5009"
	CodeAwaitFailed     = "BF5010"
	CodeAwaitTime       = "BF5011"
	CodeAwaitNothing    = "BF5012"
	CodeAwaitCanary     = "BF5013"
	CodeMoveSource      = "BF5030"
	CodeMovePart        = "BF5031"
	CodeMovedGone       = "BF5032"

	CodeInternal = "BF9001"
)

var registry = []Info{
	{CodeEncoding, "Invalid File Encoding", "The file holds bytes that are not UTF-8.", "Save the file as UTF-8 without other encodings mixed in."},
	{CodeTooLarge, "File Too Large", "The file is larger than a job file may be (1 MiB).", "Move data out of the job file, or describe the keys with a range instead of a list."},
	{CodeSyntax, "Invalid Syntax", "The file is not valid HCL, or not valid JSON for a file that ends in .json.", "Correct the text at the place shown."},
	{CodeNesting, "Nesting Too Deep", "Brackets, operators or conditionals are nested deeper than any readable file needs.", "Split the expression with variables."},
	{CodeNoJob, "No Job Declared", "The files hold no job block.", "Add a block such as `job \"orders\" { … }`, or name the right file."},
	{CodeUnreadable, "Unreadable File", "A file that was named cannot be read.", "Correct the path, or the permissions of the file."},
	{CodeHugeNumber, "Number Too Large", "A number has an exponent so large that no job could use it.", "Write the number that is meant; whole numbers have at most 64 bits."},
	{CodeHugeValue, "Value Too Large", "A computed value holds more text than any job could use.", "Build less of it."},
	{CodeUnknownBlock, "Unknown Block", "The language has no block of this kind at this place.", "Correct the spelling; the reference lists every block."},
	{CodeUnknownAttr, "Unknown Attribute", "The language has no attribute of this name at this place.", "Correct the spelling; the reference lists every attribute."},
	{CodeMissingAttr, "Missing Required Attribute", "An attribute without a default was not set.", "Set it."},
	{CodeWrongType, "Wrong Type", "The value is of another type than the attribute takes.", "Write a value of the type that the message names."},
	{CodeNotABlock, "Attribute Written As Block", "Only single nested objects may be written as blocks; maps, lists and plain values are attributes.", "Write `name = …` with an equals sign."},
	{CodeRepeatedBlock, "Repeated Block", "A nested object was written twice.", "Merge the two blocks into one."},
	{CodeBothForms, "Attribute And Block Together", "A nested object was written as a block and as an attribute.", "Keep one of the two forms."},
	{CodeLabels, "Wrong Block Labels", "The block has too many or too few labels.", "Give a job or variable exactly one label, its name, and a nested block none."},
	{CodeDuplicateJob, "Duplicate Job", "Two jobs of a module have the same name.", "Rename one of them."},
	{CodeUnknownVar, "Unknown Variable", "A value was given for, or a reference made to, a variable that no file declares.", "Correct the name, or declare the variable."},
	{CodeNoValue, "Variable Without Value", "A variable without a default got no value.", "Pass one with `-var name=value`, in the resource's `variables`, or give the variable a default."},
	{CodeVarValue, "Invalid Variable Value", "The value given for a variable cannot be converted to the variable's type.", "Pass a value of that type."},
	{CodeVarDecl, "Invalid Variable Declaration", "The variable's block is not valid.", "Correct its type, default or name."},
	{CodeUnknownRef, "Unknown Reference", "An expression refers to something that does not exist.", "Refer to `var.<name>`; to `partition`, `job`, `run` or `attempt` in command, args and env."},
	{CodeDuplicateVar, "Duplicate Variable", "A variable is declared twice.", "Remove one of the declarations."},
	{CodeValidation, "Variable Refused", "A validation block of the variable refuses its value.", "Pass a value that the message describes."},
	{CodeDuplicateLocal, "Duplicate Local Value", "A local value is defined twice.", "Remove one of the definitions."},
	{CodeCycle, "Circular Reference", "Local values depend on each other in a circle.", "Write one of them without the others."},
	{CodeForEach, "Invalid For Each", "The value of for_each cannot name jobs.", "Give a map, or a set of strings, that is known."},
	{CodeExpression, "Invalid Expression", "The expression cannot be evaluated.", "Correct it as the message says."},
	{CodeLateNotAllowed, "Pod Reference Not Allowed Here", "`partition`, `job`, `run` and `attempt` have values only inside the pod, and this attribute must be known before.", "Use such references in the runner's command, args and env only."},
	{CodeLateWrapped, "Expression Around Pod Reference", "A value that is known only inside the pod was used inside a larger expression, which is evaluated before.", "Write the reference bare or inside a string template, and let the runner do the rest."},
	{CodeLateUnknown, "Unknown Pod Reference", "This partition, job or run has no such property.", "Use one of the references that the message lists."},
	{CodeLateMalformed, "Malformed Pod Reference", "A text starts a reference that does not end as one.", "Write `${partition.start}`, or put one more `$` in front for literal text."},

	{CodeManifestSyntax, "Unreadable Manifest", "The file to convert is neither YAML nor JSON.", "Correct the text at the place shown; render templates of Helm and the like first."},
	{CodeManifestShape, "Unexpected Manifest Value", "A part of the workflow has another form than Argo gives it.", "Correct it as the message says."},
	{CodeNoWorkflow, "No Workflow To Convert", "The files hold no Workflow, WorkflowTemplate, ClusterWorkflowTemplate or CronWorkflow.", "Name the file that holds one."},
	{CodeNoFanOut, "No Fan-Out To Convert", "No step of the workflow is run for each of several items, so there is nothing to partition.", "Write the job by hand: the keys in `partition`, the container in `runner`."},
	{CodeNoTemplate, "Workflow Template Not Found", "A step calls a template that is in none of the files.", "Name its file too, or correct the name."},
	{CodeNotARunner, "Step Runs No Container", "What is run for each item is no container and no script, which alone can become a runner.", "Convert a workflow whose items each run one container."},
	{CodeDecision, "Decision Left Open", "The job file that was made leaves something to a person: it refers to `TODO`, which nothing declares.", "Write what belongs in the place of each `TODO`, as the comment above it says."},

	{CodeName, "Invalid Name", "Kubernetes would refuse the name, or it leaves no room for the suffixes of the objects made from it.", "Choose a name of the form that the message gives."},
	{CodeOutOfRange, "Value Out Of Range", "The number or duration is smaller or larger than allowed.", "Choose one within the bounds that the message gives."},
	{CodeChoice, "Invalid Choice", "The attribute takes one of a few words.", "Use one of those that the message lists."},
	{CodeWholeNumber, "Whole Number Required", "The number has a fraction or does not fit in 64 bits.", "Write a whole number between -9223372036854775808 and 9223372036854775807."},
	{CodeQuantity, "Invalid Quantity", "The text is no Kubernetes quantity.", "Write for example `500m` or `2` for cpu, `512Mi` or `1Gi` for memory."},
	{CodeDuration, "Invalid Duration", "The text is no duration.", "Write whole seconds, minutes and hours, for example `30s`, `10m` or `1h30m`."},
	{CodeImage, "Invalid Image Reference", "The text is no container image reference.", "Write for example `registry.example.com/team/app:1.2`."},
	{CodePath, "Invalid Path", "The path cannot be mounted.", "Write an absolute path without `..` for mount_path and host_path, a relative one for sub_path."},
	{CodeLabel, "Invalid Label", "Kubernetes would refuse the label.", "Follow the form that the message gives."},
	{CodeEnvName, "Invalid Environment Variable Name", "Kubernetes would refuse the name of the variable.", "Use letters, digits and underscores, not starting with a digit."},
	{CodeReserved, "Reserved Name", "The name or path belongs to this program, to Argo or to Kubernetes.", "Choose another."},
	{CodeClash, "Conflicting Definitions", "Two things in one pod have the same name or place.", "Rename or remove one of them."},
	{CodeNullElement, "Null Element", "A list or map holds a null.", "Remove the element or give it a value."},
	{CodeText, "Invalid Text", "The text is empty, too long, or holds characters that cannot be passed on.", "Follow what the message says."},
	{CodeSensitive, "Sensitive Value In Manifest", "A sensitive value would be readable by anyone who can read the workflow.", "Put it in a Secret and refer to that with secret_env."},
	{CodeRatio, "Invalid Ratio", "The text is no share from none to all.", "Write for example `5%` or `0.05`."},
	{CodeNoDomain, "Missing Partition Domain", "The partition block does not say what is to be processed.", "Set `range`, `time`, `values` or `dimensions` in it."},
	{CodeTwoDomains, "Conflicting Partition Domains", "The partition block describes its keys in two ways.", "Keep one of them."},
	{CodeRange, "Invalid Range", "The bounds or the size describe no partitions: the start is not below the end, the size is not positive, or the numbers are too large.", "Correct the attribute shown; the end itself is not part of the range."},
	{CodeValues, "Invalid Values", "The list of values is empty, or holds an empty, repeated or overlong value, so that partitions could not be told apart.", "Correct the element shown."},
	{CodeTooMany, "Too Many Partitions", "The grid cuts the domain in more partitions than one run may have (1,000,000).", "Choose a larger size."},
	{CodeValuesSize, "Values Too Large", "The list of values does not fit in the job's record (10,000 items, 256 kB).", "Use a range, or split the job."},
	{CodeTime, "Invalid Time Windows", "The windows of time cannot be computed from these settings.", "Correct the attribute shown."},
	{CodeDimensions, "Invalid Dimensions", "The list of dimensions makes no product.", "Give two to four dimensions with different names."},
	{CodeQuery, "Invalid Query", "The grid of a query does not hold together, or does not fit the bounds that were found.", "Correct the attribute that the message names."},
	{CodeOpenBounds, "Bounds Known At Run Time Only", "The partitions of a query are known once its generator has run, and this needs them now.", "Apply the job; `status`, the state and the plans after the first run show them."},
	{CodeLimitBelow, "Limit Below Request", "A resource's limit is smaller than its request.", "Raise the limit or lower the request."},
	{CodeNoCommand, "Missing Command", "Argo must know the command, because it starts the container through its own wrapper.", "Set `command` to what the image would run."},
	{CodeRetryBackoff, "Conflicting Backoff", "The longest wait between attempts is shorter than the first.", "Raise `max_backoff` or lower `backoff`."},
	{CodeNoSource, "Missing Source", "A volume or source of variables does not say where its content comes from.", "Set one of the attributes that the message lists."},
	{CodeTwoSources, "Conflicting Sources", "A volume or source of variables says twice where its content comes from.", "Keep one of the two."},
	{CodeKubernetes, "Invalid Kubernetes Object", "An attribute that takes a part of a Kubernetes object has fields or types that Kubernetes does not know.", "Follow the Kubernetes API reference for the type that the message names."},
	{CodeArgoVersion, "Not Possible In Argo Version", "The version of Argo Workflows that the job names cannot do what another attribute asks for.", "Follow the message, or run a later Argo and say so in `argo_version`."},
	{CodeArgoOverride, "Invalid Argo Override", "A field of `argo` is not Argo's, is of another type, is decided elsewhere, or would be evaluated where it must not.", "Follow the message; the reference lists the fields."},
	{CodeSpot, "Conflicting Spot Settings", "What the job says of spot nodes contradicts itself or another attribute, or would do nothing.", "Follow the message."},
	{CodeAnchorPins, "Protected Pods Without Deadline", "Pods that autoscalers may not evict have no deadline, so that one that hangs keeps its node for ever.", "Set runner.deadline."},
	{CodeExitCode, "Invalid Exit Code", "An exit code of retry_on or fail_on cannot have the meaning that it is given.", "Follow the message."},
	{CodeOOM, "Conflicting Memory Settings", "The settings for what runs out of memory contradict the runner's memory, or would do nothing.", "Follow the message."},
	{CodeCanary, "Invalid Canary", "The canary does not say clearly which partitions run first.", "Give their number, or at most 100 keys, each once."},
	{CodeBudget, "Empty Failure Budget", "The failure budget bounds nothing.", "Set `max_failed`, `max_ratio` or both."},
	{CodeCanaryKeys, "Canary Keys Outside Of The Run", "Keys of the canary name no partition that the run processes: they are done, or the domain has no such partition.", "Nothing need be done. Correct keys that were misspelt, so that the canary tries what it is meant to try."},
	{CodeCreation, "Slow Pod Creation", "Argo creates pods one after the other, and at this rate creating them takes longer than a day, or than running them.", "Choose larger partitions, so that there are fewer pods, or declare the controller's true rate in `controller`."},

	{CodeLimits, "Invalid Limits", "What limits say cannot be kept, or means nothing.", "Follow the message."},
	{CodeLimit, "Limit Exceeded", "The job exceeds a limit of the provider, or one of its own.", "Change the job, or name the limit in `override_limits` (`--override-limits` of the command line) to exceed it on purpose."},
	{CodeForbidden, "Forbidden Time", "A run would be submitted at a time at which limits forbid it. Nothing was submitted.", "Apply later, or name `forbidden_windows` in `override_limits`."},
	{CodeLimitLifted, "Limit Lifted", "The job exceeds a limit that `override_limits` names.", "Nothing, if that is meant. Otherwise remove the name from `override_limits`."},

	{CodeInvalidManifest, "Invalid Manifest", "An emitted object is not what Kubernetes or Argo would take.", "Please report it with the job file and the message."},
	{CodeObjectTooLarge, "Object Too Large", "An emitted object is larger than Argo or Kubernetes can handle well.", "Move text out of command, args and env, into the image or a ConfigMap; write fewer or shorter values."},
	{CodeStatusTooLarge, "Workflow Would Outgrow Its Limit", "With all of its partitions and attempts, a Workflow could become larger than Argo stores.", "Choose larger partitions, a lower retry limit, or the shard size that the message gives."},

	{CodeCluster, "Cluster Call Failed", "The cluster did not answer, or refused what it was asked; the message says which.", "Follow the message; nothing is lost, and the same command goes on where it ended."},
	{CodeJobNotFound, "Job Not Found", "The namespace has no record of this job.", "Check name, namespace and cluster; plan again to have the job restored from the Terraform state."},
	{CodeJobExists, "Job Exists Already", "The namespace has a job of this name that this Terraform state does not know.", "Import it, or choose another name."},
	{CodeNotOurs, "Object Belongs To Somebody Else", "An object that the job needs exists, and was not made for the job.", "Rename the job, or remove the object."},
	{CodeHeldElsewhere, "Job Managed Elsewhere", "The owner token of the job's record is not the one of this Terraform state.", "Manage the job in one state; import it where it should be."},
	{CodeStalePlan, "Stale Plan", "What is left to run is not what the plan showed.", "Plan again."},
	{CodeRunActive, "Run Still Active", "The run before has not ended, and two runs of one job never overlap.", "Wait for its end, or raise stop_timeout."},
	{CodeRecordDamaged, "Damaged Record", "What is kept about the job cannot be read.", "Follow the message."},
	{CodeLeftBehind, "Objects Left Behind", "Objects of a job were still there when the time for its deletion was over, or when a job of the same name was created.", "Remove what holds them (finalizers, a controller that is down), and run the same command again."},
	{CodeRunLost, "Run Gone Before Its End Was Seen", "A Workflow was deleted before its outcome was recorded, so its keys count as not done.", "Plan again to have them run, and leave Workflows to this program."},
	{CodeNotRecorded, "Outcome Not Recorded", "A run has ended, and the credentials in use may not write that in the job's record.", "Apply, or use credentials that may update ConfigMaps and Workflows, before the Workflow is removed."},
	{CodeAdopted, "Unfinished Creation Continued", "A record of the same job existed, as a creation leaves it that was interrupted.", "Nothing, unless another Terraform state manages the job: then remove it from one of them."},
	{CodeOverlap, "Overlapping Jobs", "Another job of the namespace processes some of the same keys of the same target.", "Change the domain of one of them, or set overlap to allow."},
	{CodeRunUnreadable, "Unreadable Run", "The state of a run cannot be read from its Workflow.", "Follow the message."},
	{CodeHealed, "Edited Object Restored", "An object of the job was edited by hand and has been put back.", "Change the job's declaration instead."},
	{CodeReprocess, "Reprocessing Prevented", "The change would run finished partitions again, and prevent_reprocess is true.", "Undo the change, or set prevent_reprocess to false."},
	{CodeTeardown, "Teardown Failed", "The teardown of a run failed with all of its attempts, or its only one after a stop. Partitions are not affected.", "Do by hand what it was to do. The warning goes with the next run."},
	{CodeImposed, "Imposed Controller Defaults", "The Argo controller merges its `workflowDefaults` into every Workflow, and among them are fields that change what the run does and that no value written here could keep out.", "Take the named fields out of the controller's `workflowDefaults`, or let a controller without them run the job."},
	{CodeNotWaiting, "Nothing To Approve", "The job does not wait for approval: a run is active, everything is done, or the gate is open already.", "See `status` for what the job does."},
	{CodeStuck, "Backfill Stuck", "An active run waits for something that does not come: a node, an image, or Argo itself. Nothing is lost, and the run goes on as soon as it comes.", "Follow the message. `spot.max_pending` says how long waiting is normal."},
	{CodeUndeclared, "Run Without Declaration", "A Workflow of the job was found without a record, and its annotations do not tell the job's declaration: they were removed, or the declaration is longer than 32 kB.", "Declare the job as it was compiled, and apply without importing."},
	{CodeNoPool, "Pool Not Found", "The pool that a job names does not exist in the job's namespace, or has no size.", "Declare it as a `backfill_pool` and refer to its name."},
	{CodePoolExists, "Pool Exists Already", "The namespace has a pool of this name that this Terraform state does not know.", "Import it, or choose another name."},
	{CodePoolInUse, "Pool In Use", "Active runs need the pool, and would fail without it.", "Wait for their end, or stop them, and destroy again."},
	{CodeNoDeclaration, "Missing Job Declaration", "The resource has neither the attributes of a job nor `source`.", "Set `name`, `partition` and `runner`, or `source`."},
	{CodeTwoDeclarations, "Conflicting Job Declarations", "The resource has `source` and attributes of a job too.", "Keep one of the two forms."},
	{CodeWithoutSource, "Attribute Without Source", "`job` and `variables` belong to `source`, which is not set.", "Remove them, or set `source`."},
	{CodeManyJobs, "More Than One Job", "The source declares several jobs, and one resource is one job.", "Set `job` to the name of the one that is meant."},
	{CodeUnknownJob, "Unknown Job", "The source declares no job of the name given.", "Correct `job`."},
	{CodeVariablesType, "Wrong Type Of Variables", "`variables` is no object.", "Write for example `variables = { last_id = 100 }`."},
	{CodeImportID, "Invalid Import ID", "Jobs are imported by `namespace/name`.", "Correct the id."},
	{CodeReplacement, "Job Will Be Replaced", "`name` or `namespace` changed, and so the job becomes another one with a record of its own.", "Leave them as they are to keep what is done."},
	{CodeClusterUnknown, "Cluster Not Known Yet", "The provider's configuration comes from something that is not created yet, and a job has to be read or changed.", "Create that first, for example with `terraform apply -target=…`."},
	{CodeAwaitFailed, "Backfill Not Complete", "No run is active any more, and keys are left or failed.", "Look at the job's `failed_partitions`; the next plan of the job proposes what is left. Set `on_failure = \"continue\"` to go on regardless."},
	{CodeAwaitTime, "Backfill Not Finished In Time", "The wait ended before the backfill did. The backfill itself goes on.", "Apply again to wait on, or raise `timeouts`."},
	{CodeAwaitNothing, "Nothing To Wait For", "The cluster has no record of the job.", "Correct `job` and `namespace`, or make the resource depend on the job."},
	{CodeAwaitCanary, "No Canary To Wait For", "The job that is waited for has no canary.", "Declare one in the job, or wait until it is completed."},
	{CodeMoveSource, "State Cannot Be Moved Here", "A `moved` block names a resource that is no run of a job: only the Workflow of a run moves, from `kubernetes_manifest` (hashicorp/kubernetes) or `kubectl_manifest` (gavinbunney/kubectl or alekc/kubectl).", "Let `convert` make a job of the manifest, and remove the `moved` block."},
	{CodeMovePart, "Part Of A Job Cannot Be Moved", "A `moved` block names a template, a shard or the data of a job, which have no resource of their own.", "Move the Workflow of the run, and let the other objects leave the old state with `removed` blocks that do not destroy."},
	{CodeMovedGone, "Moved Run Is Gone", "The Workflow whose state was moved does not exist any more, and the job has no record, so that nobody knows what it has done.", "See whether what the plan proposes to run has been done already, before you apply."},

	{CodeInternal, "Internal Error", "This program met a condition that its authors held impossible.", "Please report it with the job file and the message."},
}

var byCode = func() map[string]Info {
	m := make(map[string]Info, len(registry))
	for _, i := range registry {
		m[i.Code] = i
	}
	return m
}()

// Codes lists every registered code, ascending.
func Codes() []Info { return append([]Info(nil), registry...) }

func mustLookup(code string) Info {
	i, ok := byCode[code]
	if !ok {
		panic(fmt.Sprintf("diag: code %q is not registered", code))
	}
	return i
}
