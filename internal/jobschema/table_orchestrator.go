// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

import "slices"

// follows tells what a pod of ours does that says nothing of its nodes.
const follows = " Defaults to the runner's."

// orchestrator describes the pods that start shards.
func orchestrator() []Attribute {
	rows := []Attribute{
		{
			Name:   "service_account",
			Kind:   String,
			Format: DNSName,
			Class:  Next,
			Doc: "Service account of the launchers, and of the container of a `query` that has none of its own. It needs " +
				"`create`, `get` and `patch` on Workflows. Defaults to the default service account of the namespace.",
		},
		{
			Name:   "node_selector",
			Kind:   StringMap,
			Format: NodeLabels,
			Class:  Next,
			Doc: "Labels that a node must have; `{}` for any node. Defaults to the runner's, unless that selects Windows " +
				"nodes. The labels of spot nodes are not included.",
		},
		{
			Name:       "tolerations",
			Kind:       ObjectList,
			Class:      Next,
			Attributes: tolerations(),
			Doc:        "Node taints that launchers tolerate; `[]` for none." + follows,
		},
		{
			Name:   "priority_class",
			Kind:   String,
			Format: DNSName,
			Class:  Next,
			Doc:    "PriorityClass of the pods." + follows,
		},
		{
			Name:   "image_pull_secrets",
			Kind:   StringList,
			Format: DNSName,
			Class:  Next,
			Doc:    "Names of Secrets with credentials for the registry of Argo's own image." + follows,
		},
		{
			Name:       "resources",
			Kind:       Object,
			Class:      Next,
			Attributes: resources(),
			Doc: "Resource requests and limits of a launcher's container. A launcher waits for its shard and needs little. " +
				"Defaults to `argoexec.resources`.",
		},
		{
			Name:   "annotations",
			Kind:   StringMap,
			Format: Annotations,
			Class:  Next,
			Doc:    "Annotations of the pods.",
		},
	}
	return rows
}

// argoexec describes the containers that Argo adds to pods.
func argoexec() []Attribute {
	security := slices.DeleteFunc(securityContext(), func(a Attribute) bool { return a.Name == "fs_group" })
	return []Attribute{
		{
			Name:       "resources",
			Kind:       Object,
			Class:      Next,
			Attributes: resources(),
			Doc: "Resource requests and limits of each of these containers. Quotas on requests or limits need them, if " +
				"the controller does not set them.",
		},
		{
			Name:       "security_context",
			Kind:       Object,
			Class:      Next,
			Chosen:     true,
			Attributes: security,
			Doc: "Privileges of each of these containers. Namespaces that enforce the Pod Security Standard `restricted` " +
				"need it, if the controller does not set one.",
		},
	}
}

// podRules are rows about the pods that a controller's workflowDefaults may have.
func podRules() []Attribute {
	const added = " Argo does not merge them with those of a template, so they are added wherever the job writes its own."
	return []Attribute{
		{
			Name:       "tolerations",
			Kind:       ObjectList,
			Class:      Next,
			Attributes: tolerations(),
			Doc:        "The `tolerations` of the controller's `workflowDefaults`." + added,
		},
		{
			Name:   "node_selector",
			Kind:   StringMap,
			Format: NodeLabels,
			Class:  Next,
			Doc:    "The `nodeSelector` of the controller's `workflowDefaults`." + added,
		},
		{
			Name:   "affinity",
			Kind:   Dynamic,
			Format: KubernetesAffinity,
			Class:  Next,
			Doc:    "The `affinity` of the controller's `workflowDefaults`." + added,
		},
	}
}

// moved are rows whose only use is to say what has replaced them.
func moved() []Attribute {
	return []Attribute{{
		Name:  "orchestrator_service_account",
		Kind:  String,
		Class: Next,
		Moved: "orchestrator.service_account",
		Doc:   "Replaced by `orchestrator.service_account`; setting it is an error.",
	}}
}
