// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
)

var (
	_ resource.Resource                = (*poolResource)(nil)
	_ resource.ResourceWithConfigure   = (*poolResource)(nil)
	_ resource.ResourceWithImportState = (*poolResource)(nil)
	_ resource.ResourceWithIdentity    = (*poolResource)(nil)
)

// largestPool is the maximum size of a pool.
const largestPool = 10_000

// dnsLabel is the syntax of a pool name.
var dnsLabel = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// poolResource is backfill_pool.
type poolResource struct {
	connection *connection
}

// poolModel is the state of backfill_pool.
type poolModel struct {
	ID        types.String `tfsdk:"id"`
	Name      types.String `tfsdk:"name"`
	Namespace types.String `tfsdk:"namespace"`
	Size      types.Int64  `tfsdk:"size"`
}

func newPoolResource() resource.Resource { return &poolResource{} }

// Metadata implements resource.Resource.
func (r *poolResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_pool"
}

// Schema implements resource.Resource.
func (r *poolResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	replaces := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	label := []validator.String{stringvalidator.RegexMatches(dnsLabel, "must be a DNS label: at most 63 lower-case "+
		"letters, digits and dashes, starting and ending with a letter or digit")}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Limits how many shards several jobs of a namespace process in parallel. A job joins a pool " +
			"with its attribute `pool`. " +
			"A job with one shard counts as one shard, and so does the canary of a larger job.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "`namespace/name` of the pool.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
			},
			"name": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the pool, unique in the namespace.",
				PlanModifiers:       replaces,
				Validators:          label,
			},
			"namespace": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Namespace of the pool and its jobs. Defaults to `default`.",
				PlanModifiers:       replaces,
				Validators:          label,
			},
			"size": schema.Int64Attribute{
				Required: true, Validators: []validator.Int64{int64validator.Between(1, largestPool)},
				MarkdownDescription: "Maximum number of shards in parallel. A change applies immediately. If you lower it, " +
					"running shards continue, and no shard starts until enough have finished.",
			},
		},
	}
}

// IdentitySchema implements resource.ResourceWithIdentity.
func (r *poolResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest,
	resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = namedSchema("pool")
}

// Configure implements resource.ResourceWithConfigure.
func (r *poolResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.connection = configured(req.ProviderData, &resp.Diagnostics)
}

// Create implements resource.Resource.
func (r *poolResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	defer guard(&resp.Diagnostics, "creating", "pool", req.Plan.Raw)
	var m poolModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	e, diags := r.connection.use()
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	p := m.pool()
	resp.Diagnostics.Append(identify(ctx, resp.Identity, p.Namespace, p.Name)...)
	if problem := e.CreatePool(ctx, p); problem != nil {
		resp.Diagnostics.Append(convert(problem, path.Root("name"), problem.Detail))
		return
	}
	m.ID = types.StringValue(p.Namespace + "/" + p.Name)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// Read implements resource.Resource.
func (r *poolResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	defer guard(&resp.Diagnostics, "reading", "pool", req.State.Raw)
	var m poolModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	e, diags := r.connection.use()
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	namespace, name, _ := strings.Cut(m.ID.ValueString(), "/")
	resp.Diagnostics.Append(identify(ctx, resp.Identity, namespace, name)...)
	p, problem := e.ReadPool(ctx, namespace, name)
	switch {
	case problem != nil:
		resp.Diagnostics.Append(convert(problem, path.Root("name"), problem.Detail))
		return
	case p == nil:
		resp.State.RemoveResource(ctx)
		return
	}
	m.Name, m.Size = types.StringValue(name), types.Int64Value(int64(p.Size))
	if m.Namespace.IsNull() && namespace != defaultOf("namespace") {
		m.Namespace = types.StringValue(namespace)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// Update implements resource.Resource: only the size can change.
func (r *poolResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	defer guard(&resp.Diagnostics, "changing", "pool", req.State.Raw)
	var m poolModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	e, diags := r.connection.use()
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	p := m.pool()
	resp.Diagnostics.Append(identify(ctx, resp.Identity, p.Namespace, p.Name)...)
	if problem := e.ResizePool(ctx, p); problem != nil {
		resp.Diagnostics.Append(convert(problem, path.Root("size"), problem.Detail))
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// Delete implements resource.Resource.
func (r *poolResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	defer guard(&resp.Diagnostics, "deleting", "pool", req.State.Raw)
	var m poolModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	e, diags := r.connection.use()
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	p := m.pool()
	if problem := e.DeletePool(ctx, p.Namespace, p.Name); problem != nil {
		resp.Diagnostics.Append(convert(problem, path.Root("name"), problem.Detail))
	}
}

// ImportState implements resource.ResourceWithImportState, by id or identity.
func (r *poolResource) ImportState(ctx context.Context, req resource.ImportStateRequest,
	resp *resource.ImportStateResponse) {
	importByName(ctx, "pool", req, resp)
}

func (m poolModel) pool() engine.Pool {
	namespace := m.Namespace.ValueString()
	if namespace == "" {
		namespace = defaultOf("namespace")
	}
	return engine.Pool{Namespace: namespace, Name: m.Name.ValueString(), Size: int(m.Size.ValueInt64())}
}
