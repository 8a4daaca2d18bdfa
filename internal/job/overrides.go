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

// Overrides are Argo fields that the job language has no attribute for, as JSON
// values whose numbers are int64; nil if not set. Package check compares them with
// Argo's types.
type Overrides struct {
	// Workflow is part of the spec of every Workflow, and Partition of the template
	// of a partition.
	Workflow, Partition map[string]any
}

// RawArgo reads the overrides of a valid job value. It skips those that are not
// wholly known.
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

// fields says which fields of an Argo type can be overridden, and why the others
// cannot.
type fields struct {
	allowed []string
	refused map[string]string
}

const (
	written   = "the provider sets it"
	otherKind = "the template must run a container"
	everyStep = "Argo would apply it to every template, including steps and launchers, and restart whole fan-outs"
	locks     = "a suspended run would keep its lock, and a run stopped in the queue would end as succeeded. Use " +
		"max_parallel"
)

func named(attribute string) string { return attribute + " says it" }

// workflowFields are those of a WorkflowSpec.
// See internal/decisions/0022-argo-fields-are-on-a-list.md.
var workflowFields = fields{
	allowed: []string{
		"archiveLogs", "artifactRepositoryRef", "automountServiceAccountToken", "dnsConfig", "dnsPolicy", "executor",
		"hostAliases",
		"hostNetwork", "podGC", "podMetadata", "priority", "schedulerName",
	},
	refused: map[string]string{
		"templates": written, "entrypoint": written, "arguments": written, "onExit": named("teardown"),
		"workflowTemplateRef": written,
		"hooks": "hooks add nodes to the run, and the provider reads the outcome from its nodes. Use " +
			"setup and teardown",
		"activeDeadlineSeconds": "partitions that it stops would count as failed. Use runner.deadline",
		"ttlStrategy":           "the provider deletes a run after its outcome is recorded",
		"parallelism":           named("max_parallel"), "suspend": named("paused"), "shutdown": "use the command stop",
		"retryStrategy": everyStep, "templateDefaults": everyStep, "synchronization": locks,
		"serviceAccountName":   "use runner.service_account and orchestrator.service_account",
		"podPriorityClassName": named("runner.priority_class"), "nodeSelector": named("runner.node_selector"),
		"tolerations": named("runner.tolerations"), "affinity": named("runner.affinity"),
		"imagePullSecrets":    named("runner.image_pull_secrets"),
		"securityContext":     "use runner.security_context and runner.patch",
		"podSpecPatch":        "Argo does not apply it per attempt. Use runner.patch",
		"podDisruptionBudget": named("anchor.pod_disruption_budget"),
		"volumes":             "use runner.volumes and runner.patch",
		"volumeClaimTemplates": "every shard would create its own claims. Create the claim in advance and mount it with " +
			"runner.volumes",
		"volumeClaimGC":    "there are no volumeClaimTemplates",
		"artifactGC":       "the Workflow has no output artifacts to collect",
		"workflowMetadata": named("labels"),
		"metrics": "Argo rewrites them in the stored Workflow, and they would count shards. Use " +
			"argo.partition.metrics",
	},
}

// partitionFields are those of a Template.
var partitionFields = fields{
	allowed: []string{
		"archiveLocation", "automountServiceAccountToken", "executor", "hostAliases", "initContainers", "metrics",
		"schedulerName", "sidecars",
	},
	refused: map[string]string{
		"name": written, "inputs": written, "metadata": "use runner.labels and runner.annotations",
		"container": "use runner, and runner.patch for its container main",
		"outputs": "Argo would store them in the status for each partition, which must stay small. Let the runner write " +
			"them elsewhere",
		"steps": otherKind, "dag": otherKind, "script": otherKind, "resource": otherKind, "suspend": otherKind,
		"containerSet": otherKind,
		"data":         otherKind, "http": otherKind, "plugin": otherKind, "daemon": "a partition is done when its " +
			"container exits",
		"parallelism": named("max_parallel"), "failFast": "one failed attempt would stop all other partitions",
		"retryStrategy": "use retry and interruptions", "activeDeadlineSeconds": named("runner.deadline"),
		"timeout":      "in a retried template it is the deadline of each pod. Use runner.deadline",
		"nodeSelector": named("runner.node_selector"), "tolerations": named("runner.tolerations"),
		"affinity":          named("runner.affinity"),
		"priorityClassName": named("runner.priority_class"), "serviceAccountName": named("runner.service_account"),
		"securityContext": "use runner.security_context and runner.patch", "podSpecPatch": named("runner.patch"),
		"volumes":         "use runner.volumes and runner.patch",
		"synchronization": locks, "memoize": "the job's record lists what is done, and Argo's cache is too small for it",
		"annotations": "use runner.annotations",
	},
}

// tags are the references that Argo resolves in the metrics of a template.
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
			d.report(diag.CodeArgoOverride, p, "%q cannot be overridden in %q: %s. Fields that can be overridden: %s.", name,
				a.Name, reason, diag.List(known.allowed, true))
		default:
			d.report(diag.CodeArgoOverride, p, "Argo's %s has no field %q.%s Fields that can be overridden: %s.",
				a.Format, name, diag.DidYouMean(name, known.allowed), diag.List(known.allowed, true))
		}
	}
}

// overrideTexts rejects texts that Argo would evaluate unexpectedly.
func (d *decoder) overrideTexts(a jobschema.Attribute, name string, v cty.Value, p cty.Path) {
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		if v.Type() != cty.String || !v.IsKnown() || v.IsNull() || !strings.Contains(v.AsString(), "{{") {
			return true, nil
		}
		for _, tag := range anyTag.FindAllString(v.AsString(), -1) {
			if name == "metrics" && metricTag.MatchString(tag) {
				continue
			}
			d.report(diag.CodeArgoOverride, p, "%q of %q contains %s, which Argo Workflows would evaluate. Only metrics may "+
				"contain references: {{status}}, {{duration}}, {{exitCode}}, {{retries}}, {{resourcesDuration.cpu}} and "+
				"{{resourcesDuration.memory}}.",
				name, a.Name, tag)
		}
		return true, nil
	})
}
