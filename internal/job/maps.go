// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// mapKey checks the key of a map by the map's format.
func (d *decoder) mapKey(a jobschema.Attribute, key string, p cty.Path) {
	switch a.Format {
	case jobschema.EnvNames:
		d.envName(key, p)
	case jobschema.Annotations:
		d.labelKey(key, p)
		if !strings.HasPrefix(key, KillCommand) {
			d.reservedKey(key, p)
		}
	case jobschema.Labels:
		d.labelKey(key, p)
		d.reservedKey(key, p)
	case jobschema.NodeLabels:
		d.labelKey(key, p)
	case jobschema.Quantities:
		if len(validation.IsQualifiedName(key)) > 0 {
			d.reportKey(diag.CodeName, p, "%q is not a valid resource name. For example: cpu, memory, ephemeral-storage or "+
				"nvidia.com/gpu.", key)
		}
	}
}

// mapValue checks a value of a map of strings by the map's format.
func (d *decoder) mapValue(a jobschema.Attribute, key, s string, p cty.Path) {
	switch a.Format {
	case jobschema.Labels, jobschema.NodeLabels:
		if len(validation.IsValidLabelValue(s)) > 0 {
			d.report(diag.CodeLabel, p, "The label %q has the invalid value %q. %s", key, s, labelValueForm)
		}
	case jobschema.Quantities:
		d.checkQuantity(key, s, p)
	case jobschema.Annotations:
		d.text(a, s, p)
		d.plainText(a, s, p)
		if container, ok := strings.CutPrefix(key, KillCommand); ok {
			d.killCommand(container, s, p)
		}
	default:
		d.text(a, s, p)
	}
}

func (d *decoder) envName(name string, p cty.Path) {
	if len(validation.IsEnvVarName(name)) > 0 {
		d.reportKey(diag.CodeEnvName, p, "%q is not a valid name of an environment variable. Use letters, digits, "+
			"underscores, dashes and dots, and do not start with a digit.", name)
		return
	}
	for prefix, owner := range map[string]string{"BACKFILL_": "the provider", "ARGO_": "Argo's executor"} {
		if strings.HasPrefix(name, prefix) {
			d.reportKey(diag.CodeReserved, p, "%q starts with %s, which is reserved for %s. Choose another name.", name,
				prefix, owner)
		}
	}
}

const labelValueForm = "Use at most 63 letters, digits, dashes, underscores and dots, starting and ending with a " +
	"letter or digit."

// labelValue checks a text that becomes a label.
func (d *decoder) labelValue(a jobschema.Attribute, s string, p cty.Path) {
	if s == "" || len(validation.IsValidLabelValue(s)) > 0 {
		d.report(diag.CodeLabel, p, "%q is %q, which cannot be the value of a label. %s", a.Name, s, labelValueForm)
	}
}

// KillCommand is the start of the key of a pod's annotation with the command by
// which Argo ends a container; the rest is the container's name.
const KillCommand = "workflows.argoproj.io/kill-cmd-"

// killCommand checks the value of such an annotation, which Argo reads when the
// container is to end. It then replaces %d with the number of the signal, by a
// function that takes other signs of per cent for mistakes.
func (d *decoder) killCommand(container, s string, p cty.Path) {
	var command []string
	err := json.Unmarshal([]byte(s), &command)
	verbs := func(word string) bool {
		return strings.Contains(word, "%d") && strings.Count(word, "%") > 1
	}
	switch {
	case err != nil || len(command) == 0:
		d.report(diag.CodeKillCommand, p, "The kill command of container %q is %q, but Argo reads a JSON list of strings. "+
			"For example: '[\"sh\", \"-c\", \"kill -%%d 1\"]'.", container, s)
	case slices.ContainsFunc(command, verbs):
		d.report(diag.CodeKillCommand, p, "The kill command of container %q has a word with \"%%d\", which Argo replaces "+
			"with the number of the signal, and with further signs of per cent, which it would garble. Put them into "+
			"different words.", container)
	}
}

func isLabelKey(key string) bool { return len(validation.IsQualifiedName(key)) == 0 }

func (d *decoder) labelKey(key string, p cty.Path) {
	if !isLabelKey(key) {
		d.reportKey(diag.CodeLabel, p, "%q is not a valid key of a label or annotation. Use at most 63 letters, digits, "+
			"dashes, underscores and dots, after an optional DNS name and a slash.", key)
	}
}

// LabelInstance says which of several controllers takes up a Workflow.
const LabelInstance = "workflows.argoproj.io/controller-instanceid"

// reservedKey rejects keys that Argo and the provider set.
func (d *decoder) reservedKey(key string, p cty.Path) {
	for _, owner := range []string{"backfill.dev", "workflows.argoproj.io"} {
		domain, _, ok := strings.Cut(key, "/")
		if key == LabelInstance {
			d.reportKey(diag.CodeReserved, p, "The label %q is set by instance_id. Set instance_id of the job or of the "+
				"provider instead.", key)
			return
		}
		if ok && (domain == owner || strings.HasSuffix(domain, "."+owner)) {
			d.reportKey(diag.CodeReserved, p, "Keys under %s/ are reserved for Argo and the provider. Choose another key "+
				"than %q.", owner, key)
		}
	}
}
