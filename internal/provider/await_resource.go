// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

var (
	_ resource.Resource                   = (*awaitResource)(nil)
	_ resource.ResourceWithConfigure      = (*awaitResource)(nil)
	_ resource.ResourceWithValidateConfig = (*awaitResource)(nil)
)

// awaitTimeout is the default timeout of a wait.
const awaitTimeout = 2 * time.Hour

// awaitResource is backfill_await. It is a separate resource: a failed wait taints
// only itself, not the job.
type awaitResource struct{ resourceBase }

// The choices of `until` and `on_failure`.
const (
	untilCanary    = "canary"
	untilCompleted = "completed"
	untilProgress  = "progress"

	failureError    = "error"
	failureContinue = "continue"
)

func newAwaitResource() resource.Resource { return &awaitResource{resourceBase{kind: "await"}} }

// Schema implements resource.Resource.
func (r *awaitResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	limit := fmt.Sprintf("Maximum time to wait, for example `6h`. Defaults to `%s`.", awaitTimeout)
	resp.Schema = schema.Schema{
		MarkdownDescription: "Waits until a backfill is complete, or until the condition in `until` is met. Resources " +
			"that need its results can depend on it. " +
			"If the wait fails, only this resource is tainted, and the next apply waits again. The backfill is not affected.",
		Attributes: map[string]schema.Attribute{
			"id":  idAttribute("`namespace/job`."),
			"job": schema.StringAttribute{Required: true, MarkdownDescription: "Name of the job.", PlanModifiers: replaces()},
			"namespace": schema.StringAttribute{
				Optional: true, MarkdownDescription: "Namespace of the job. Defaults to `default`.", PlanModifiers: replaces(),
			},
			"run": schema.StringAttribute{
				Optional: true, PlanModifiers: replaces(),
				MarkdownDescription: "Name of the run to wait for, such as `backfill_job.orders.run`. Each new run replaces " +
					"this resource, which then waits for that run.",
			},
			"until": schema.StringAttribute{
				Optional:   true,
				Validators: []validator.String{stringvalidator.OneOf(untilCanary, untilCompleted, untilProgress)},
				MarkdownDescription: "Condition to wait for: `canary`, until the canary of the latest run has succeeded (no " +
					"wait if the run skips a canary that succeeded before); " +
					"`completed` (the default), until all partitions are done; or `progress`.",
			},
			"progress": schema.NumberAttribute{
				Optional:            true,
				Validators:          []validator.Number{share{}},
				MarkdownDescription: "With `until = \"progress\"`: share of the partitions that must be done, from 0 to 1.",
			},
			"on_failure": schema.StringAttribute{
				Optional:   true,
				Validators: []validator.String{stringvalidator.OneOf(failureError, failureContinue)},
				MarkdownDescription: "What happens if the backfill ends before the condition is met: `error` (the default) " +
					"fails the wait; " +
					"`continue` ends the wait with a warning.",
			},
			"timeouts": timeoutsAttribute("Timeouts of the wait.", map[string]string{"create": limit, "update": limit}),

			"failed":          textResult("Keys that had failed, as half-open intervals; null if longer than 16 kB."),
			"remaining":       textResult("Keys that were not done, as half-open intervals; null if longer than 16 kB."),
			"phase":           textResult("Phase of the job at the end of the wait."),
			"done_count":      countResult("Number of partitions that were done."),
			"failed_count":    countResult("Number of partitions that had failed."),
			"remaining_count": countResult("Number of partitions that were not done."),
		},
	}
}

// ValidateConfig implements resource.ResourceWithValidateConfig.
func (r *awaitResource) ValidateConfig(_ context.Context, req resource.ValidateConfigRequest,
	resp *resource.ValidateConfigResponse) {
	defer guard(&resp.Diagnostics, "checking the wait for", "job", req.Config.Raw)
	attributes := attributesOf(req.Config.Raw)
	resp.Diagnostics.Append(checkTimeouts(attributes["timeouts"])...)
	until, progress := attributes["until"], attributes["progress"]
	if !until.IsKnown() || !progress.IsKnown() {
		return
	}
	wanted := stringOf(until) == untilProgress
	switch {
	case wanted && progress.IsNull():
		resp.Diagnostics.Append(fault(diag.CodeMissingAttr, path.Root("progress"),
			"until = \"progress\" requires progress. Set it to a number from 0 to 1, for example 0.5."))
	case !wanted && !progress.IsNull():
		resp.Diagnostics.Append(fault(diag.CodeClash, path.Root("progress"),
			"progress applies only with until = \"progress\". Set until, or remove progress."))
	}
}

// Create implements resource.Resource: it waits.
func (r *awaitResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	defer guard(&resp.Diagnostics, "waiting for", "job", req.Plan.Raw)
	r.wait(ctx, "create", req.Plan.Raw, &resp.State, &resp.Diagnostics)
}

// Read implements resource.Resource. A finished wait stays finished.
func (r *awaitResource) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}

// Update implements resource.Resource: it waits for the changed condition.
func (r *awaitResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	defer guard(&resp.Diagnostics, "waiting for", "job", req.Plan.Raw)
	r.wait(ctx, "update", req.Plan.Raw, &resp.State, &resp.Diagnostics)
}

// Delete implements resource.Resource. The resource has no objects in the cluster.
func (r *awaitResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}

func (r *awaitResource) wait(
	ctx context.Context, operation string, plan tftypes.Value, kept *tfsdk.State, diagnostics *tfdiag.Diagnostics,
) {
	attributes := attributesOf(plan)
	share := held[big.Float](attributes["progress"])
	w := wait{
		namespace: namespaceOf(stringOf(attributes["namespace"])),
		job:       stringOf(attributes["job"]),
		until:     stringOf(attributes["until"]),
		goesOn:    stringOf(attributes["on_failure"]) == failureContinue,
		limit:     timeoutOf(plan, operation, awaitTimeout),
	}
	w.share, _ = share.Float64()
	last, diags := r.await(ctx, w)
	diagnostics.Append(diags...)
	if diagnostics.HasError() {
		return
	}
	kept.Raw = with(plan, values{
		"id":              text(w.namespace + "/" + w.job),
		"phase":           text(string(last.Phase)),
		"done_count":      number(last.DoneCount()),
		"failed_count":    number(last.FailedCount()),
		"remaining_count": number(last.RemainingCount()),
		"failed":          setText(last.FailedText(), last.FailedCount()),
		"remaining":       setText(last.RemainingText(), last.RemainingCount()),
	})
}
