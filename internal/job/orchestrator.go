// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"maps"
	"slices"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// placeBesides reads the pods beside those of partitions. Where they say nothing of
// their nodes they go where partitions may go: a cluster whose nodes all have taints
// has no others.
// See internal/decisions/0044-our-pods-follow-the-runner.md.
func placeBesides(root at, j *Job) {
	j.Orchestrator = buildOrchestrator(root.attr("orchestrator"), j.Runner)
	j.Argoexec = buildArgoexec(root.attr("argoexec"))
	j.Setup, j.Teardown = buildOnce(root.attr("setup"), j.Runner), buildOnce(root.attr("teardown"), j.Runner)
	if j.Query != nil {
		j.Query.Generator.follow(root.attr("partition").attr("query"), j.Runner)
	}
}

// follow takes from the runner what the container's own attributes leave open about
// nodes.
func (r *Runner) follow(own at, runner Runner) {
	if !own.attr("node_selector").set() {
		r.NodeSelector = maps.Clone(runner.NodeSelector)
	}
	if !own.attr("tolerations").set() {
		r.Tolerations = slices.Clone(runner.Tolerations)
	}
	if !own.attr("priority_class").set() {
		r.PriorityClass = runner.PriorityClass
	}
	if !own.attr("image_pull_secrets").set() {
		r.PullSecrets = slices.Clone(runner.PullSecrets)
	}
	r.Windows = onWindows(r.NodeSelector, r.Affinity, r.Patch)
}

func buildOrchestrator(o at, runner Runner) Orchestrator {
	place := Runner{
		NodeSelector:  stringMap(o.attr("node_selector")),
		Tolerations:   buildTolerations(o.attr("tolerations")),
		PriorityClass: o.attr("priority_class").text(),
		PullSecrets:   plainTexts(o.attr("image_pull_secrets")),
	}
	if runner.Windows {
		runner.NodeSelector = nil // what starts shards is a program for Linux
	}
	place.follow(o, runner)
	requests, limits := resourceMaps(o.attr("resources"))
	return Orchestrator{
		ServiceAccount: o.attr("service_account").text(),
		NodeSelector:   place.NodeSelector,
		Tolerations:    place.Tolerations,
		PriorityClass:  place.PriorityClass,
		PullSecrets:    place.PullSecrets,
		Requests:       requests,
		Limits:         limits,
		Annotations:    stringMap(o.attr("annotations")),
	}
}

func buildArgoexec(a at) Argoexec {
	requests, limits := resourceMaps(a.attr("resources"))
	out := Argoexec{Requests: requests, Limits: limits}
	if s := a.attr("security_context"); s.set() {
		security := containerSecurity(s)
		out.Security = &security
	}
	return out
}

// orchestratorRules checks the rules that span the attributes of the pods that start
// shards, and of what Argo adds to pods.
func (d *decoder) orchestratorRules(root at) {
	o := root.attr("orchestrator")
	for _, of := range []at{o, root.attr("argoexec")} {
		d.resourceRules(of.attr("resources"))
	}
	for _, of := range []at{o, root.attr("controller")} {
		d.tolerationRules(of.attr("tolerations"))
	}
	if onWindows(stringMap(o.attr("node_selector")), nil, nil) {
		d.report(diag.CodeWindows, o.attr("node_selector").path, "The launchers would run on Windows nodes, but Argo's "+
			"program that starts shards is supported on Linux nodes only. Select Linux nodes.")
	}
}

// argoexecClash refuses a container's patch that sets the same of one of Argo's
// containers as argoexec does.
func (d *decoder) argoexecClash(r, argoexec at) {
	patch := r.attr("patch")
	if !d.usable(patch) || !patch.value.IsWhollyKnown() {
		return
	}
	own := patch.object()
	for _, list := range []string{"initContainers", "containers"} {
		containers, _ := own[list].([]any)
		for _, c := range containers {
			container, _ := c.(map[string]any)
			if container["name"] != "init" && container["name"] != "wait" {
				continue
			}
			for field, attribute := range map[string]string{"resources": "resources", "securityContext": "security_context"} {
				if _, there := container[field]; there && argoexec.attr(attribute).set() {
					d.report(diag.CodeSetTwice, patch.path, "The patch sets %s of the container %q, and so does argoexec.%s. "+
						"Remove it from one of the two.", field, container["name"], attribute)
				}
			}
		}
	}
}
