// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package diag

// languageCodes explains the codes of the job language and of conversion.
var languageCodes = []Info{
	{
		Code:    CodeEncoding,
		Summary: "Invalid File Encoding",
		Cause:   "The file contains bytes that are not UTF-8.",
		Fix:     "Save the file as UTF-8.",
	},
	{
		Code:    CodeTooLarge,
		Summary: "File Too Large",
		Cause:   "The file is larger than the maximum for job files (1 MiB).",
		Fix:     "Move data out of the job file, or describe the keys with a range instead of a list.",
	},
	{
		Code:    CodeSyntax,
		Summary: "Invalid Syntax",
		Cause:   "The file is not valid HCL, or, if its name ends in .json, not valid JSON.",
		Fix:     "Correct the syntax error shown in the message.",
	},
	{
		Code:    CodeNesting,
		Summary: "Nesting Too Deep",
		Cause:   "Brackets, operators or conditionals are nested too deeply.",
		Fix:     "Split the expression with local values.",
	},
	{
		Code:    CodeNoJob,
		Summary: "No Job Declared",
		Cause:   "The files contain no job block.",
		Fix:     "Add a block such as `job \"orders\" { … }`, or pass the file that contains it.",
	},
	{
		Code:    CodeUnreadable,
		Summary: "Unreadable File",
		Cause:   "A file cannot be read.",
		Fix:     "Correct the path or the permissions of the file.",
	},
	{
		Code:    CodeHugeNumber,
		Summary: "Number Too Large",
		Cause:   "The exponent of a number is too large.",
		Fix:     "Correct the number. Whole numbers have at most 64 bits.",
	},
	{
		Code:    CodeHugeValue,
		Summary: "Value Too Large",
		Cause:   "A computed value contains too much text or too many elements.",
		Fix:     "Make the value smaller.",
	},
	{
		Code:    CodeUnknownBlock,
		Summary: "Unknown Block",
		Cause:   "The job language has no such block at this place.",
		Fix:     "Correct the name. The reference lists all blocks.",
	},
	{
		Code:    CodeUnknownAttr,
		Summary: "Unknown Attribute",
		Cause:   "The job language has no such attribute at this place.",
		Fix:     "Correct the name. The reference lists all attributes.",
	},
	{
		Code:    CodeMissingAttr,
		Summary: "Missing Required Attribute",
		Cause:   "A required attribute is not set.",
		Fix:     "Set it.",
	},
	{
		Code:    CodeWrongType,
		Summary: "Wrong Type",
		Cause:   "The value has a different type than the attribute.",
		Fix:     "Use a value of the type shown in the message.",
	},
	{
		Code:    CodeNotABlock,
		Summary: "Attribute Written As Block",
		Cause:   "Only single nested objects can be written as blocks. Maps, lists and plain values are attributes.",
		Fix:     "Write `name = …` with an equals sign.",
	},
	{
		Code:    CodeRepeatedBlock,
		Summary: "Repeated Block",
		Cause:   "A nested object is set twice.",
		Fix:     "Merge the two blocks.",
	},
	{
		Code:    CodeBothForms,
		Summary: "Attribute And Block Together",
		Cause:   "A nested object is set both as a block and as an attribute.",
		Fix:     "Remove one of the two.",
	},
	{
		Code:    CodeLabels,
		Summary: "Wrong Block Labels",
		Cause:   "The block has too many or too few labels.",
		Fix:     "Give a job or variable exactly one label, its name. Nested blocks have no label.",
	},
	{
		Code:    CodeDuplicateJob,
		Summary: "Duplicate Job",
		Cause:   "Two jobs in a module have the same name.",
		Fix:     "Rename one of the two.",
	},
	{
		Code:    CodeUnknownVar,
		Summary: "Unknown Variable",
		Cause:   "A value or a reference names a variable that no file declares.",
		Fix:     "Correct the name, or declare the variable.",
	},
	{
		Code:    CodeNoValue,
		Summary: "Variable Without Value",
		Cause:   "A variable without a default has no value.",
		Fix:     "Pass a value with `-var name=value` or in the resource's `variables`, or give the variable a default.",
	},
	{
		Code:    CodeVarValue,
		Summary: "Invalid Variable Value",
		Cause:   "The value of a variable cannot be converted to its type.",
		Fix:     "Pass a value of that type.",
	},
	{
		Code:    CodeVarDecl,
		Summary: "Invalid Variable Declaration",
		Cause:   "The variable block is not valid.",
		Fix:     "Correct its name, type or default.",
	},
	{
		Code:    CodeUnknownRef,
		Summary: "Unknown Reference",
		Cause:   "An expression refers to something that does not exist.",
		Fix: "Refer to `var.<name>` or `local.<name>`. In command, args and env, `partition`, `job`, `run` and " +
			"`attempt` are also available.",
	},
	{
		Code:    CodeDuplicateVar,
		Summary: "Duplicate Variable",
		Cause:   "A variable is declared twice.",
		Fix:     "Remove one of the two declarations.",
	},
	{
		Code:    CodeValidation,
		Summary: "Variable Validation Failed",
		Cause:   "The value of a variable does not meet the condition of its validation block.",
		Fix:     "Pass a value that meets the condition.",
	},
	{
		Code:    CodeDuplicateLocal,
		Summary: "Duplicate Local Value",
		Cause:   "A local value is defined twice.",
		Fix:     "Remove one of the two definitions.",
	},
	{
		Code:    CodeCycle,
		Summary: "Circular Reference",
		Cause:   "Local values depend on each other in a circle.",
		Fix:     "Define one of them without the others.",
	},
	{
		Code:    CodeForEach,
		Summary: "Invalid For Each",
		Cause:   "for_each is not a map or a set of strings, or is not known yet.",
		Fix:     "Set it to a map or a set of strings that is known during plan.",
	},
	{
		Code:    CodeExpression,
		Summary: "Invalid Expression",
		Cause:   "The expression cannot be evaluated.",
		Fix:     "Correct the expression as described in the message.",
	},
	{
		Code:    CodeLateNotAllowed,
		Summary: "Pod Reference Not Allowed",
		Cause: "`partition`, `job`, `run` and `attempt` have values only inside the pod, but this attribute must be " +
			"known before the pod exists.",
		Fix: "Use these references only in command, args and env.",
	},
	{
		Code:    CodeLateWrapped,
		Summary: "Expression Around Pod Reference",
		Cause: "A value that is known only inside the pod is part of a larger expression, which is evaluated before the " +
			"pod exists.",
		Fix: "Use the reference alone or inside a string, and compute the rest in the runner.",
	},
	{
		Code:    CodeLateUnknown,
		Summary: "Unknown Pod Reference",
		Cause:   "The partition, job or run has no such property.",
		Fix:     "Use one of the references listed in the message.",
	},
	{
		Code:    CodeLateMalformed,
		Summary: "Malformed Pod Reference",
		Cause:   "A text contains an incomplete reference.",
		Fix:     "Write `${partition.start}`. For literal text, add another `$` in front.",
	},
	{
		Code:    CodeManifestSyntax,
		Summary: "Unreadable Manifest",
		Cause:   "The file to convert is neither YAML nor JSON.",
		Fix:     "Correct the syntax error shown in the message. Render templates, such as Helm charts, first.",
	},
	{
		Code:    CodeManifestShape,
		Summary: "Unexpected Manifest Value",
		Cause:   "A field of the workflow does not have the type that Argo defines.",
		Fix:     "Correct the field as described in the message.",
	},
	{
		Code:    CodeNoWorkflow,
		Summary: "No Workflow To Convert",
		Cause:   "The files contain no Workflow, WorkflowTemplate, ClusterWorkflowTemplate or CronWorkflow.",
		Fix:     "Pass the file that contains it.",
	},
	{
		Code:    CodeNoFanOut,
		Summary: "No Fan-Out To Convert",
		Cause:   "No step of the workflow runs once per item, so there is nothing to partition.",
		Fix:     "Write the job by hand: the keys in `partition`, the container in `runner`.",
	},
	{
		Code:    CodeNoTemplate,
		Summary: "Workflow Template Not Found",
		Cause:   "A step calls a template that none of the files contains.",
		Fix:     "Pass the file that contains the template, or correct its name.",
	},
	{
		Code:    CodeNotARunner,
		Summary: "Step Without Container",
		Cause:   "The step that runs once per item has no container or script. Only these can become a runner.",
		Fix:     "Convert a workflow that runs one container per item.",
	},
	{
		Code:    CodeDecision,
		Summary: "Unresolved TODO",
		Cause:   "The converted job file refers to `TODO` where you need to decide something.",
		Fix:     "Replace each `TODO` as described in the comment above it.",
	},
	{
		Code:    CodeSteps,
		Summary: "Too Many Steps",
		Cause:   "Evaluating the files takes more steps than the limit, for example because loops are nested.",
		Fix:     "Loop over fewer elements, or compute the value outside and pass it in a variable.",
	},
	{
		Code:    CodeTimeout,
		Summary: "Evaluation Takes Too Long",
		Cause:   "Evaluating an expression did not end in time, or was interrupted.",
		Fix:     "Simplify the expression in the message.",
	},
	{
		Code:    CodeManifestLarge,
		Summary: "Manifest Too Large",
		Cause:   "The manifests are too large to convert, or their templates call each other too often.",
		Fix:     "Pass fewer or smaller manifests, or only the templates that the fan-out uses.",
	},
	{
		Code:    CodeTerraformName,
		Summary: "Unknown Name In Terraform File",
		Cause: "A resource, data source or provider block uses a name that the provider does not have. Inside of a nested " +
			"attribute, Terraform drops such a name without a message.",
		Fix: "Correct the name.",
	},
	{
		Code:    CodeEmptyObject,
		Summary: "Empty Object",
		Cause: "An attribute of a resource arrives as an object without any attribute. Terraform drops misspelt names " +
			"inside of attributes without a message, so this may be what is left of one.",
		Fix: "Check the file with `validate`. Set an attribute of the object, or remove it.",
	},
}
