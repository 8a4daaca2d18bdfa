// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"

	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
)

// ModifyPlan implements resource.ResourceWithModifyPlan. It is a function of
// configuration, state and private state alone, because Terraform plans again
// inside the apply and compares.
func (r *jobResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	defer guard(&resp.Diagnostics, "planning a job")
	if req.Plan.Raw.IsNull() { // destroy
		return
	}
	d, diags := declare(req.Config.Raw)
	resp.Diagnostics.Append(diags...)
	if d == nil {
		return
	}
	var known *engine.Known
	if !req.State.Raw.IsNull() {
		known, diags = recall(ctx, req.State.Raw, req.Private)
		resp.Diagnostics.Append(diags...)
	}
	preview, diags := d.plan(known)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}

	planned := d.identified()
	if replaced(req.State.Raw, planned) {
		resp.RequiresReplace = append(resp.RequiresReplace, path.Root("id"))
		resp.Diagnostics.Append(warnOfReplacement(req.State.Raw, planned))
	}
	// Terraform has marked what is computed as unknown if and only if the
	// configuration differs from the state.
	if known != nil && req.Plan.Raw.Equal(req.State.Raw) && (preview == nil || preview.Next == nil) {
		return
	}
	for name, value := range observedNames() {
		planned[name] = tftypes.NewValue(value.Type(), tftypes.UnknownValue)
	}
	if preview != nil {
		for name, value := range previewed(preview) {
			planned[name] = value
		}
	}
	raw, err := planned.merge(req.Plan.Raw)
	if err != nil {
		internalError(&resp.Diagnostics, "writing the plan", err)
		return
	}
	resp.Plan.Raw = raw
}

// replaced tells whether the declaration names another job than the state.
func replaced(state tftypes.Value, planned values) bool {
	if state.IsNull() {
		return false
	}
	prior, err := attributesOf(state)
	return err == nil && planned["id"].IsKnown() && !prior["id"].Equal(planned["id"])
}

func warnOfReplacement(state tftypes.Value, planned values) tfdiag.Diagnostic {
	prior, _ := attributesOf(state) // replaced has read it
	return tfdiag.NewAttributeWarningDiagnostic(path.Root("name"), "Job Will Be Replaced", fmt.Sprintf(
		"The job %s becomes %s, which is another job with a record of its own: nothing of it is done yet, and the %s of the old one that are done "+
			"(partitions, in all) would run again. To keep what is done, leave name and namespace as they are.",
		stringOf(prior["id"]), stringOf(planned["id"]), stringOf(prior["progress"])))
}

// shown tells whether the plan told what would be submitted, also when that was
// nothing.
func shown(plan tftypes.Value) bool {
	attributes, err := attributesOf(plan)
	return err == nil && attributes["next_run"].IsKnown()
}

// plannedNext is what the plan showed to be submitted; nil when nothing, or
// when it was not known while planning.
func plannedNext(plan tftypes.Value) (*engine.NextRun, error) {
	attributes, err := attributesOf(plan)
	if err != nil {
		return nil, err
	}
	next := attributes["next_run"]
	if next.IsNull() || !next.IsKnown() {
		return nil, nil
	}
	fields, err := attributesOf(next)
	if err != nil {
		return nil, err
	}
	n := &engine.NextRun{
		Because:   stringOf(fields["because"]),
		Intervals: stringOf(fields["intervals"]),
		Template:  stringOf(fields["template"]),
	}
	n.Partitions = intOf(fields["partitions"])
	return n, nil
}
