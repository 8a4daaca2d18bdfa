// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"fmt"
	"maps"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// launcherInputs are the inputs of every launcher.
var launcherInputs = []string{argo.InK, argo.InG, argo.InFrom, argo.InCount, argo.InSalt, argo.InWidth}

// launcher creates the child that a manifest describes and succeeds when it has
// ended, however it ended: a failed launcher would end the run and lose its outputs.
// Applying rather than creating lets a retried launcher find its child.
// See internal/decisions/0011-launchers-always-succeed.md.
func launcher(j *job.Job, child string, wants []string) node {
	output := func(name, path string) node {
		return node{"name": name, "valueFrom": node{"jsonPath": "{.status." + path + "}"}}
	}
	labels := merged(j.Labels, ours(j), map[string]string{argo.LabelShard: argo.InputTag(argo.InK)})
	t := node{
		"name":   argo.TemplateLauncher,
		"inputs": inputs(wants...),
		// A launcher sits idle while it waits, so its node looks empty to autoscalers.
		"metadata": metadataOf(labels, toAny(merged(protection(j.Anchor), j.Orchestrator.Annotations))),
		// Where logs are archived, Argo would add a container to the pod, and take its
		// controller's setting for the template's unless that has a place for them.
		"archiveLocation": node{"archiveLogs": false, "raw": node{"data": "no logs"}},
		"resource": node{
			"action":            "apply",
			"setOwnerReference": true,
			"successCondition":  "status.phase in (Succeeded, Failed, Error)",
			"manifest":          child,
		},
		"outputs":       node{"parameters": list{output(argo.OutProgress, "progress"), output(argo.OutPhase, "phase")}},
		"retryStrategy": launcherRetry(j),
	}
	maps.Copy(t, podSettings(beside(j, launcherPod(j.Orchestrator)), ofLauncher(j.Argoexec, j.Orchestrator)))
	return unhurried(t)
}

// launcherPod has what a launcher's pod shares with those of runners.
func launcherPod(o job.Orchestrator) job.Runner {
	return job.Runner{
		ServiceAccount: o.ServiceAccount,
		NodeSelector:   o.NodeSelector,
		Tolerations:    o.Tolerations,
		PriorityClass:  o.PriorityClass,
		PullSecrets:    o.PullSecrets,
		Annotations:    o.Annotations,
	}
}

// childManifest is the text of a child Workflow. Its tags are resolved when a
// launcher starts, so a child gets the parallelism that the run has by then.
func childManifest(j *job.Job) (string, error) {
	callee := node{"name": argo.WorkflowTag(argo.ArgTemplate), "template": argo.TemplateShardData}
	call := node{
		"name":        argo.InputTag(argo.InSalt),
		"templateRef": callee,
		"arguments":   node{"parameters": passedOn([]string{argo.InFrom, argo.InCount})},
	}
	args := list{
		param(argo.ArgRun, argo.WorkflowTag(argo.ArgRun)),
		param(argo.ArgNumber, argo.WorkflowTag(argo.ArgNumber)),
		param(argo.ArgData, argo.WorkflowTag(argo.ArgRun)+"-d"+argo.InputTag(argo.InK)),
		param(argo.ArgWidth, argo.InputTag(argo.InWidth)),
	}
	if f := expr.FormulaOf(j.Domain); f.Facts != nil {
		// Double quotes: the YAML around an expression may double single ones.
		choose := func(written, formula string) string {
			return argo.Tag("%s < 0 ? %s : %s", argo.InputInt(argo.InG), written, formula)
		}
		callee["template"] = choose(`"`+argo.TemplateShardData+`"`, `"`+argo.TemplateShard+`"`)
		args[2] = param(argo.ArgData, choose(`workflow.parameters.run + "-d" + inputs.parameters.k`, `""`))
		for _, arg := range f.Grid {
			args = append(args, param(arg.Name, argo.WorkflowTag(arg.Name)))
		}
		for i, name := range f.Columns {
			args = append(args, param(name, choose(`"0"`,
				fmt.Sprintf("fromJSON(workflow.parameters.%s)[%s][%d]", argo.ArgSegments, argo.InputInt(argo.InG), i))))
		}
	}
	return writeChild(j, call, args)
}

// writeChild is the text of a child Workflow of one step.
func writeChild(j *job.Job, call node, args list) (string, error) {
	labels := merged(labelsOf(j), poolLabel(j), ours(j), map[string]string{
		argo.LabelShard:    argo.InputTag(argo.InK),
		argo.LabelTemplate: argo.WorkflowTag(argo.ArgTemplate),
	})
	ttl := retention()
	ttl["secondsAfterSuccess"] = childRetention
	spec := workflowSpec("shard", list{pooled(j, row("shard", list{list{call}}))}, args, ttl)
	// The number is put in as text below: a quoted tag would become a string.
	// It is an expression because Argo's validator takes the manifest for YAML,
	// and removes expressions from it before it does, but not plain tags.
	silent(spec)
	override(j, spec)
	disruptionBudget(j, spec)
	const placeholder = "PARALLELISM"
	spec["parallelism"] = placeholder
	name := argo.WorkflowTag(argo.ArgRun) + "-s" + argo.InputTag(argo.InK)
	granted := node{argo.AnnotationParallelism: argo.ParallelismOfChild()}
	child := newObject(argo.APIVersion, "Workflow", j.Namespace, name, labels, granted)
	child.Object["spec"] = spec
	text, err := manifest.Encode([]manifest.Object{child}, "yaml")
	if err != nil {
		return "", fmt.Errorf("writing the manifest of the launcher: %w", err)
	}
	return strings.Replace(string(text), ": "+placeholder+"\n", ": "+argo.ParallelismOfChild()+"\n", 1), nil
}
