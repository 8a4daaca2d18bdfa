// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"fmt"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Outputs of a launcher.
const (
	outPhase    = "phase"    // the child's phase at its end
	outProgress = "progress" // "succeeded/all pods" of the child at its end
)

// launcher creates one child Workflow and succeeds when it has ended, however
// it ended: a failed launcher would end the run and lose its outputs. Applying
// rather than creating lets a retried launcher find its child.
func launcher(j *job.Job) (node, error) {
	child, err := childManifest(j)
	if err != nil {
		return nil, err
	}
	return launcherFor(j, child, inK, inG, inFrom, inCount, inSalt, inWidth), nil
}

// launcherFor is a launcher of the child that a manifest describes.
func launcherFor(j *job.Job, child string, wants ...string) node {
	labels := merged(j.Labels, map[string]string{
		LabelJob: j.Name, LabelRun: workflowTag(argNumber), LabelShard: inputTag(inK),
	})
	output := func(name, path string) node {
		return node{"name": name, "valueFrom": node{"jsonPath": "{.status." + path + "}"}}
	}
	metadata := node{"labels": toAny(labels)}
	// A launcher sits idle while it waits, so its node looks empty to
	// autoscalers.
	if annotations := protection(j.Anchor); len(annotations) > 0 {
		metadata["annotations"] = toAny(annotations)
	}
	t := node{
		"name":     tmplLauncher,
		"inputs":   inputs(wants...),
		"metadata": metadata,
		// A launcher whose node is lost is started again, and finds its child.
		"tolerations": lostNodeTolerations(nil),
		"resource": node{
			"action":            "apply",
			"setOwnerReference": true,
			"successCondition":  "status.phase in (Succeeded, Failed, Error)",
			"manifest":          child,
		},
		"outputs":       node{"parameters": list{output(outProgress, "progress"), output(outPhase, "phase")}},
		"retryStrategy": launcherRetry(j),
	}
	if sa := j.OrchestratorServiceAccount; sa != "" {
		t["serviceAccountName"] = sa
	}
	return unhurried(t)
}

// childManifest is the text of a child Workflow. Its tags are resolved when a
// launcher starts, so a child gets the parallelism that the run has by then.
func childManifest(j *job.Job) (string, error) {
	callee := node{"name": workflowTag(argTemplate), "template": tmplShardData}
	call := node{
		"name":        inputTag(inSalt),
		"templateRef": callee,
		"arguments":   node{"parameters": list{param(inFrom, inputTag(inFrom)), param(inCount, inputTag(inCount))}},
	}
	args := list{
		param(argRun, workflowTag(argRun)),
		param(argNumber, workflowTag(argNumber)),
		param(argData, workflowTag(argRun)+"-d"+inputTag(inK)),
		param(argWidth, inputTag(inWidth)),
	}
	if f := formulaOf(j.Domain); f.facts != nil {
		// Double quotes: the YAML around an expression may double single ones.
		choose := func(written, formula string) string {
			return expression("%s < 0 ? %s : %s", inputInt(inG), written, formula)
		}
		callee["template"] = choose(`"`+tmplShardData+`"`, `"`+tmplShard+`"`)
		args[2] = param(argData, choose(`workflow.parameters.run + "-d" + inputs.parameters.k`, `""`))
		for _, name := range f.names() {
			args = append(args, param(name, workflowTag(name)))
		}
		for i, name := range f.columns {
			args = append(args, param(name, choose(`"0"`,
				fmt.Sprintf("fromJSON(workflow.parameters.%s)[%s][%d]", argSegments, inputInt(inG), i))))
		}
	}
	return writeChild(j, call, args)
}

// writeChild is the text of a child Workflow of one step.
func writeChild(j *job.Job, call node, args list) (string, error) {
	labels := merged(j.Labels, poolLabel(j), map[string]string{
		LabelJob: j.Name, LabelRun: workflowTag(argNumber), LabelShard: inputTag(inK),
		LabelTemplate: workflowTag(argTemplate),
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
	child := newObject(apiVersion, "Workflow", j.Namespace, workflowTag(argRun)+"-s"+inputTag(inK), labels, node{AnnotationParallelism: parallelismOfChild()})
	child.Object["spec"] = spec
	text, err := manifest.Encode([]manifest.Object{child}, "yaml")
	if err != nil {
		return "", fmt.Errorf("writing the manifest of the launcher: %w", err)
	}
	return strings.Replace(string(text), ": "+placeholder+"\n", ": "+parallelismOfChild()+"\n", 1), nil
}

// parallelismOfChild divides the run's pods between the children that there may
// be at once, which are fewer in a small wave. Scale.ForChild does the same.
func parallelismOfChild() string {
	return expression("max(1, int(%s / min(%s, %s)))", workflowInt(argParallelism), workflowInt(argLaunchers), inputInt(inWidth))
}
