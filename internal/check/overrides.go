// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package check

import (
	"fmt"
	"slices"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// containersOfArgo are the names of the containers that every pod has.
var containersOfArgo = []string{"init", "wait", "main"}

// Overrides checks the Argo fields of a job against Argo's types. Package job checks
// which fields are allowed.
func Overrides(o job.Overrides) hcl.Diagnostics {
	var spec wfv1.WorkflowSpec
	diags := override("workflow", o.Workflow, &spec)
	diags = append(diags, executes("workflow", spec.AutomountServiceAccountToken, spec.Executor)...)
	var leaf wfv1.Template
	diags = append(diags, override("partition", o.Partition, &leaf)...)
	diags = append(diags, executes("partition", leaf.AutomountServiceAccountToken, leaf.Executor)...)
	for _, c := range leaf.InitContainers {
		diags = append(diags, container("initContainers", c, false)...)
	}
	for _, c := range leaf.Sidecars {
		diags = append(diags, container("sidecars", c, true)...)
	}
	return diags
}

func override(name string, fields map[string]any, into any) hcl.Diagnostics {
	if len(fields) == 0 {
		return nil
	}
	var diags hcl.Diagnostics
	for _, err := range strict(fields, into) {
		diags = append(diags, refuse(name, "It does not match Argo's types: %s.", err))
	}
	return diags
}

func refuse(name, format string, args ...any) *hcl.Diagnostic {
	return diag.At(diag.CodeArgoOverride, cty.GetAttrPath("argo").GetAttr(name), fmt.Sprintf(format, args...))
}

// executes checks that Argo's executor can still report.
func executes(name string, mounts *bool, executor *wfv1.ExecutorConfig) hcl.Diagnostics {
	if mounts == nil || *mounts || executor != nil && executor.ServiceAccountName != "" {
		return nil
	}
	return hcl.Diagnostics{refuse(name, "Without the token of its service account, the pod cannot report its result. "+
		"Set executor.serviceAccountName together with automountServiceAccountToken.")}
}

func container(field string, c wfv1.UserContainer, mustHaveCommand bool) hcl.Diagnostics {
	switch {
	case c.Name == "" || c.Image == "":
		return hcl.Diagnostics{refuse("partition", "One of %s has no name or no image. Set both.", field)}
	case slices.Contains(containersOfArgo, c.Name):
		return hcl.Diagnostics{refuse("partition", "One of %s has the name %q, which Argo uses for its own container. "+
			"Rename it.", field, c.Name)}
	case mustHaveCommand && len(c.Command) == 0:
		return hcl.Diagnostics{refuse("partition", "The container %q of %s has no command. Argo starts it through a "+
			"wrapper and does not read the entrypoint from the image. Set command.", c.Name, field)}
	}
	return nil
}
