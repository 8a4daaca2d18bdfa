// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// Overrides are fields of Argo's own that the language does not name, as JSON
// values whose numbers are int64; nil when not set. That they are of Argo's types
// is for package check to say.
type Overrides struct {
	// Workflow is part of the spec of every Workflow, and Partition of the template
	// of a partition.
	Workflow, Partition map[string]any
}

// RawArgo reads the overrides of a job's value that Decode has found nothing
// wrong with. Those that are not wholly known are left out.
func RawArgo(v cty.Value) Overrides {
	if !v.IsKnown() || v.IsNull() {
		return Overrides{}
	}
	o := at{value: v}.attr("argo")
	known := func(name string) map[string]any {
		if !o.attr(name).value.IsWhollyKnown() {
			return nil
		}
		return o.attr(name).object()
	}
	return Overrides{Workflow: known("workflow"), Partition: known("partition")}
}

func buildOverrides(o at) Overrides {
	return Overrides{Workflow: o.attr("workflow").object(), Partition: o.attr("partition").object()}
}

// fields says which fields of an Argo type may be overridden, and why the others
// may not.
type fields struct {
	allowed []string
	refused map[string]string
}

const (
	written   = "it is what this program writes"
	otherKind = "the template is of the kind that runs a container"
	everyStep = "Argo would apply it to every template, steps and launchers included, and start whole fan-outs again"
	locks     = "a run that is suspended would keep its lock, and one that is stopped in the queue would end as if it had succeeded. Use max_parallel"
)

func named(attribute string) string { return attribute + " says it" }

// workflowFields are those of a WorkflowSpec.
var workflowFields = fields{
	allowed: []string{
		"archiveLogs", "artifactRepositoryRef", "automountServiceAccountToken", "dnsConfig", "dnsPolicy", "executor", "hostAliases",
		"hostNetwork", "podGC", "podMetadata", "priority", "schedulerName",
	},
	refused: map[string]string{
		"templates": written, "entrypoint": written, "arguments": written, "onExit": named("teardown"), "workflowTemplateRef": written,
		"hooks":                 "what a run was made to do is read from its nodes, and hooks add others. Use setup and teardown",
		"activeDeadlineSeconds": "partitions that it ends would count as failed. Use runner.deadline",
		"ttlStrategy":           "a run stays until its outcome is in the record, and then leaves by itself",
		"parallelism":           named("max_parallel"), "suspend": named("paused"), "shutdown": "the command stop does it",
		"retryStrategy": everyStep, "templateDefaults": everyStep, "synchronization": locks,
		"serviceAccountName":   "runner.service_account and orchestrator_service_account say it",
		"podPriorityClassName": named("runner.priority_class"), "nodeSelector": named("runner.node_selector"),
		"tolerations": named("runner.tolerations"), "affinity": named("runner.affinity"), "imagePullSecrets": named("runner.image_pull_secrets"),
		"securityContext":      "runner.security_context and runner.patch say it",
		"podSpecPatch":         "Argo does not tell it of attempts. Use runner.patch",
		"podDisruptionBudget":  named("anchor.pod_disruption_budget"),
		"volumes":              "runner.volumes and runner.patch say it",
		"volumeClaimTemplates": "every shard would make claims of its own. Make the claim beforehand and mount it with runner.volumes",
		"volumeClaimGC":        "there are no volumeClaimTemplates",
		"artifactGC":           "no artifacts are emitted whose end a Workflow could decide",
		"workflowMetadata":     named("labels"),
		"metrics":              "Argo rewrites their texts in the stored Workflow, and would count shards. Use argo.partition.metrics",
	},
}

// partitionFields are those of a Template.
var partitionFields = fields{
	allowed: []string{
		"archiveLocation", "automountServiceAccountToken", "executor", "hostAliases", "initContainers", "metrics", "schedulerName", "sidecars",
	},
	refused: map[string]string{
		"name": written, "inputs": written, "metadata": "runner.labels and runner.annotations say it",
		"container": "runner says it, and runner.patch for its container main",
		"outputs":   "Argo would keep them in the status for each partition, which must stay small. Have the runner write them elsewhere",
		"steps":     otherKind, "dag": otherKind, "script": otherKind, "resource": otherKind, "suspend": otherKind, "containerSet": otherKind,
		"data": otherKind, "http": otherKind, "plugin": otherKind, "daemon": "a partition is done when its container has ended",
		"parallelism": named("max_parallel"), "failFast": "one failed attempt would stop all other partitions",
		"retryStrategy": "retry and interruptions say it", "activeDeadlineSeconds": named("runner.deadline"),
		"timeout":      "of a template that is retried it is but the deadline of each pod. Use runner.deadline",
		"nodeSelector": named("runner.node_selector"), "tolerations": named("runner.tolerations"), "affinity": named("runner.affinity"),
		"priorityClassName": named("runner.priority_class"), "serviceAccountName": named("runner.service_account"),
		"securityContext": "runner.security_context and runner.patch say it", "podSpecPatch": named("runner.patch"), "volumes": "runner.volumes and runner.patch say it",
		"synchronization": locks, "memoize": "what is done is in the job's record. Argo's cache holds too few entries",
		"annotations": "runner.annotations says it",
	},
}

// tags are what a metric may refer to; anything else does not exist where Argo
// computes metrics of a template.
var metricTag = regexp.MustCompile(`^\{\{(status|duration|exitCode|retries|resourcesDuration\.(cpu|memory))\}\}$`)

var anyTag = regexp.MustCompile(`\{\{[^}]*\}?\}?`)

// override checks the names of an override's fields, and its texts.
func (d *decoder) override(a jobschema.Attribute, v cty.Value, p cty.Path) {
	known := workflowFields
	if a.Format == jobschema.ArgoTemplate {
		known = partitionFields
	}
	set := v.AsValueMap()
	for _, name := range slices.Sorted(maps.Keys(set)) {
		reason, refused := known.refused[name]
		switch {
		case slices.Contains(known.allowed, name):
			d.overrideTexts(a, name, set[name], p)
		case refused:
			d.report(diag.CodeArgoOverride, p, "%q cannot be overridden in %q: %s. What can be overridden are %s.", name, a.Name, reason, diag.List(known.allowed, true))
		default:
			d.report(diag.CodeArgoOverride, p, "An Argo %s has no field %q that could be overridden.%s What can be overridden are %s.",
				a.Format, name, diag.DidYouMean(name, known.allowed), diag.List(known.allowed, true))
		}
	}
}

// overrideTexts refuses what Argo would evaluate where it must not.
func (d *decoder) overrideTexts(a jobschema.Attribute, name string, v cty.Value, p cty.Path) {
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		if v.Type() != cty.String || !v.IsKnown() || v.IsNull() || !strings.Contains(v.AsString(), "{{") {
			return true, nil
		}
		for _, tag := range anyTag.FindAllString(v.AsString(), -1) {
			if name == "metrics" && metricTag.MatchString(tag) {
				continue
			}
			d.report(diag.CodeArgoOverride, p, "%q of %q holds %s, which Argo Workflows would evaluate. Only metrics may refer to something: to {{status}}, {{duration}}, {{exitCode}}, {{retries}}, {{resourcesDuration.cpu}} or {{resourcesDuration.memory}}.",
				name, a.Name, tag)
		}
		return true, nil
	})
}
