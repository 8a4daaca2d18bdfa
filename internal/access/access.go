// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package access writes the Roles that the parts of a backfill need, for an
// administrator to apply. Nothing here applies them.
package access

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Subject is who gets a Role: a User, a Group, or a ServiceAccount.
type Subject struct {
	Kind, Name string
	// Namespace is that of a ServiceAccount, "" else.
	Namespace string
}

// Access says who does what in one namespace. A part without a name is left
// out.
type Access struct {
	Namespace string
	// Provider applies jobs, Reader looks at them.
	Provider, Reader Subject
	// Orchestrator starts shards and Runner processes partitions; both are
	// service accounts of the namespace.
	Orchestrator, Runner string
}

// rule is what a Role permits on one resource.
type rule struct {
	group, resource string
	verbs           []string
}

func on(kind cluster.Kind, verbs ...string) rule {
	r := cluster.Resource(kind)
	return rule{r.Group, r.Resource, verbs}
}

// What each part does, and no more. Tests compare the first two with the
// requests of this package, and run jobs under all of them on a real cluster.
func providerRules() []rule {
	return []rule{
		on(cluster.ConfigMap, "create", "delete", "get", "list", "patch", "update"),
		on(cluster.Workflow, "create", "delete", "get", "list", "patch"),
		on(cluster.WorkflowTemplate, "create", "delete", "get", "list", "update"),
	}
}

func readerRules() []rule {
	return []rule{
		on(cluster.ConfigMap, "get", "list"),
		on(cluster.Workflow, "get", "list"),
		on(cluster.WorkflowTemplate, "get"),
	}
}

// podsRules are apart, so that an administrator can leave them out: with them, pods
// of a stopped run are waited for, and without them only their grace period is.
// See internal/decisions/0050-a-run-ends-with-its-pods.md.
func podsRules() []rule { return []rule{on(cluster.Pod, "list")} }

// runnerRules are those of Argo's executor, which is in every pod.
func runnerRules() []rule {
	return []rule{{"argoproj.io", "workflowtaskresults", []string{"create", "patch"}}}
}

// orchestratorRules let launchers apply their child and see its end.
func orchestratorRules() []rule {
	return append(runnerRules(), on(cluster.Workflow, "create", "get", "patch"))
}

// Roles are the service accounts of the namespace, the Roles and their
// bindings, for an administrator to apply. Nothing here applies them.
func Roles(a Access) []manifest.Object {
	account := func(name string) Subject {
		if name == "" {
			return Subject{}
		}
		return Subject{"ServiceAccount", name, a.Namespace}
	}
	var out []manifest.Object
	for _, part := range []struct {
		role  string
		rules []rule
		to    Subject
	}{
		{"backfill-provider", providerRules(), a.Provider},
		{"backfill-reader", readerRules(), a.Reader},
		{"backfill-orchestrator", orchestratorRules(), account(a.Orchestrator)},
		{"backfill-runner", runnerRules(), account(a.Runner)},
	} {
		if part.to.Name == "" {
			continue
		}
		if part.to.Kind == "ServiceAccount" && part.to.Namespace == a.Namespace {
			out = append(out, a.object("v1", "ServiceAccount", part.to.Name))
		}
		out = append(out, a.role(part.role, part.rules), a.binding(part.role, part.to))
	}
	who := slices.DeleteFunc([]Subject{a.Provider, a.Reader}, func(s Subject) bool { return s.Name == "" })
	if len(who) > 0 {
		out = append(out, a.role("backfill-pods", podsRules()), a.binding("backfill-pods", who...))
	}
	return out
}

const rbacGroup = "rbac.authorization.k8s.io"

func (a Access) object(apiVersion, kind, name string) manifest.Object {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind}}
	o.SetName(name)
	o.SetNamespace(a.Namespace)
	return o
}

func (a Access) role(name string, rules []rule) manifest.Object {
	var list []any
	for _, r := range rules {
		var verbs []any
		for _, verb := range r.verbs {
			verbs = append(verbs, verb)
		}
		list = append(list, map[string]any{"apiGroups": []any{r.group}, "resources": []any{r.resource}, "verbs": verbs})
	}
	o := a.object(rbacGroup+"/v1", "Role", name)
	o.Object["rules"] = list
	return o
}

func (a Access) binding(role string, who ...Subject) manifest.Object {
	var subjects []any
	for _, to := range who {
		subject := map[string]any{"kind": to.Kind, "name": to.Name}
		if to.Kind == "ServiceAccount" {
			subject["namespace"] = to.Namespace
		} else {
			subject["apiGroup"] = rbacGroup
		}
		subjects = append(subjects, subject)
	}
	o := a.object(rbacGroup+"/v1", "RoleBinding", role)
	o.Object["roleRef"] = map[string]any{"apiGroup": rbacGroup, "kind": "Role", "name": role}
	o.Object["subjects"] = subjects
	return o
}
