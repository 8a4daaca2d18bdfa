// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package observe

import "regexp"

// cure is what helps against a reason that the API server or a kubelet gives. Names
// that the reason tells are put in: $1 is the first.
type cure struct {
	reason *regexp.Regexp
	fix    string
}

// name is the name of an object, or of what a message calls by one.
const name = `"?([a-zA-Z0-9][-a-zA-Z0-9._]*)"?`

// cures are tried in order.
var cures = []cure{
	{regexp.MustCompile(`exceeded quota.*count/workflows`),
		"A run and each of its shards count, also after their end. Raise that ResourceQuota, delete " +
			"Workflows that nobody needs any more, or have fewer shards with a larger shard_size."},
	{regexp.MustCompile(`exceeded quota: ` + name),
		"Pods are created as others end. For more at once, raise the ResourceQuota \"$1\" or lower " +
			"runner.resources; if not even one fits, the quota is too small for the runner."},
	{regexp.MustCompile(`failed quota: ` + name + `: must specify`),
		"The ResourceQuota \"$1\" demands these values of every container: set them in runner.resources, " +
			"and for Argo's own containers in argoexec.resources, or let a LimitRange of the " +
			"namespace have defaults."},
	{regexp.MustCompile(`serviceaccount ` + name + ` not found`),
		"Create the ServiceAccount \"$1\" in the namespace of the job, or correct the name of the account " +
			"in the job."},
	{regexp.MustCompile(`PriorityClass with name ` + name),
		"Create the PriorityClass \"$1\", or correct runner.priority_class."},
	{regexp.MustCompile(`RuntimeClass ` + name + ` not found`),
		"Create the RuntimeClass \"$1\", or correct runtimeClassName in runner.patch."},
	{regexp.MustCompile(`(maximum|minimum) (cpu|memory|ephemeral-storage) usage per`),
		"A LimitRange of the namespace bounds what a container or pod may ask for: keep runner.resources " +
			"within it, or have it changed."},
	{regexp.MustCompile(`must be less than or equal to (cpu|memory) limit`),
		"The runner asks for more $1 than its limit, which a LimitRange of the namespace sets where the " +
			"job does not: set a limit for $1 in runner.resources."},
	{regexp.MustCompile(`violates PodSecurity`),
		"The namespace enforces a Pod Security Standard: set what the message names in " +
			"runner.security_context and argoexec.security_context, or have the namespace's label changed."},
	{regexp.MustCompile(`admission webhook ` + name + ` denied`),
		"The webhook \"$1\" enforces a policy of the cluster: change the job as its message says, or ask " +
			"whoever operates it."},
	{regexp.MustCompile(`failed calling webhook ` + name),
		"The webhook \"$1\" does not answer: ask whoever operates it."},
	{regexp.MustCompile(`cannot [a-z]+ resource "workflows"`),
		"Let an administrator grant the Role backfill-orchestrator, which the command rbac prints, to the " +
			"account of the launchers."},
	{regexp.MustCompile(`[Ss]ecrets? ` + name + ` not found`),
		"Create the Secret \"$1\" in the namespace of the job, or correct where the job refers to it."},
	{regexp.MustCompile(`[Cc]onfig[Mm]aps? ` + name + ` not found`),
		"Create the ConfigMap \"$1\" in the namespace of the job, or correct where the job refers to it."},
	{regexp.MustCompile(`couldn't find key`),
		"Add the key to that object, or correct where the job refers to it."},
}

// otherwise is said of a reason that no cure is known for.
const otherwise = "Remove what the message names, or have the rule of the cluster changed."

// cureOf is the sentence that says what to do about a reason. Of the reason, which
// others have written, it holds nothing but names.
func cureOf(reason string) string {
	for _, c := range cures {
		if found := c.reason.FindStringSubmatchIndex(reason); found != nil {
			return string(c.reason.ExpandString(nil, c.fix, reason, found))
		}
	}
	return otherwise
}
