// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/float64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

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
type awaitResource struct {
	connection *connection
}

// awaitModel is the state of backfill_await.
type awaitModel struct {
	ID             types.String   `tfsdk:"id"`
	Job            types.String   `tfsdk:"job"`
	Namespace      types.String   `tfsdk:"namespace"`
	Run            types.String   `tfsdk:"run"`
	Until          types.String   `tfsdk:"until"`
	Progress       types.Float64  `tfsdk:"progress"`
	OnFailure      types.String   `tfsdk:"on_failure"`
	Timeouts       timeouts.Value `tfsdk:"timeouts"`
	Phase          types.String   `tfsdk:"phase"`
	DoneCount      types.Int64    `tfsdk:"done_count"`
	FailedCount    types.Int64    `tfsdk:"failed_count"`
	RemainingCount types.Int64    `tfsdk:"remaining_count"`
	Failed         types.String   `tfsdk:"failed"`
	Remaining      types.String   `tfsdk:"remaining"`
}

// The choices of `until` and `on_failure`.
const (
	untilCanary    = "canary"
	untilCompleted = "completed"
	untilProgress  = "progress"

	failureError    = "error"
	failureContinue = "continue"
)

func newAwaitResource() resource.Resource { return &awaitResource{} }

// Metadata implements resource.Resource.
func (r *awaitResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_await"
}

// Schema implements resource.Resource.
func (r *awaitResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	replaces := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Waits until a backfill is complete, or until the condition in `until` is met. Resources " +
			"that need its results can depend on it. " +
			"If the wait fails, only this resource is tainted, and the next apply waits again. The backfill is not affected.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "`namespace/job`.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
			},
			"job": schema.StringAttribute{Required: true, MarkdownDescription: "Name of the job.", PlanModifiers: replaces},
			"namespace": schema.StringAttribute{
				Optional: true, MarkdownDescription: "Namespace of the job. Defaults to `default`.", PlanModifiers: replaces,
			},
			"run": schema.StringAttribute{
				Optional: true, PlanModifiers: replaces,
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
			"progress": schema.Float64Attribute{
				Optional:            true,
				Validators:          []validator.Float64{float64validator.Between(0, 1)},
				MarkdownDescription: "With `until = \"progress\"`: share of the partitions that must be done, from 0 to 1.",
			},
			"on_failure": schema.StringAttribute{
				Optional:   true,
				Validators: []validator.String{stringvalidator.OneOf(failureError, failureContinue)},
				MarkdownDescription: "What happens if the backfill ends before the condition is met: `error` (the default) " +
					"fails the wait; " +
					"`continue` ends the wait with a warning.",
			},
			"timeouts": awaitTimeouts(ctx),
			"failed": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Keys that had failed, as half-open intervals; null if longer than 16 kB.",
			},
			"remaining": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Keys that were not done, as half-open intervals; null if longer than 16 kB.",
			},
			"phase": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Phase of the job at the end of the wait.",
			},
			"done_count": schema.Int64Attribute{
				Computed:            true,
				MarkdownDescription: "Number of partitions that were done.",
			},
			"failed_count": schema.Int64Attribute{
				Computed:            true,
				MarkdownDescription: "Number of partitions that had failed.",
			},
			"remaining_count": schema.Int64Attribute{
				Computed:            true,
				MarkdownDescription: "Number of partitions that were not done.",
			},
		},
	}
}

func awaitTimeouts(ctx context.Context) schema.Attribute {
	doc := fmt.Sprintf("Maximum time to wait, for example `6h`. Defaults to `%s`.", awaitTimeout)
	attribute := timeouts.Attributes(ctx, timeouts.Opts{
		Create:            true,
		CreateDescription: doc,
		Update:            true,
		UpdateDescription: doc,
	})
	if nested, ok := attribute.(schema.SingleNestedAttribute); ok {
		nested.MarkdownDescription = "Timeouts of the wait."
		return nested
	}
	return attribute
}

// Configure implements resource.ResourceWithConfigure.
func (r *awaitResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.connection = configured(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig implements resource.ResourceWithValidateConfig.
func (r *awaitResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest,
	resp *resource.ValidateConfigResponse) {
	defer guard(&resp.Diagnostics, "checking the wait for", "job", req.Config.Raw)
	var m awaitModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() || m.Until.IsUnknown() || m.Progress.IsUnknown() {
		return
	}
	wanted := m.Until.ValueString() == untilProgress
	switch {
	case wanted && m.Progress.IsNull():
		resp.Diagnostics.Append(fault(diag.CodeMissingAttr, path.Root("progress"),
			"until = \"progress\" requires progress. Set it to a number from 0 to 1, for example 0.5."))
	case !wanted && !m.Progress.IsNull():
		resp.Diagnostics.Append(fault(diag.CodeClash, path.Root("progress"),
			"progress applies only with until = \"progress\". Set until, or remove progress."))
	}
}

// Create implements resource.Resource: it waits.
func (r *awaitResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	defer guard(&resp.Diagnostics, "waiting for", "job", req.Plan.Raw)
	var m awaitModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	limit, diags := m.Timeouts.Create(ctx, awaitTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	m.ID = types.StringValue(m.namespace() + "/" + m.Job.ValueString())
	resp.Diagnostics.Append(r.await(ctx, limit, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// Read implements resource.Resource. A finished wait stays finished.
func (r *awaitResource) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}

// Update implements resource.Resource: it waits for the changed condition.
func (r *awaitResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	defer guard(&resp.Diagnostics, "waiting for", "job", req.Plan.Raw)
	var m awaitModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	limit, diags := m.Timeouts.Update(ctx, awaitTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(r.await(ctx, limit, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// Delete implements resource.Resource. The resource has no objects in the cluster.
func (r *awaitResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}

func (m *awaitModel) namespace() string {
	if m.Namespace.ValueString() != "" {
		return m.Namespace.ValueString()
	}
	return defaultOf("namespace")
}
