// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/apply"
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
type poolResource struct{ resourceBase }

func newPoolResource() resource.Resource { return &poolResource{resourceBase{kind: "pool"}} }

// Schema implements resource.Resource.
func (r *poolResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	label := []validator.String{stringvalidator.RegexMatches(dnsLabel, "must be a DNS label: at most 63 lower-case "+
		"letters, digits and dashes, starting and ending with a letter or digit")}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Limits how many shards several jobs of a namespace process in parallel. A job joins a pool " +
			"with its attribute `pool`. " +
			"A job with one shard counts as one shard, and so does the canary of a larger job.",
		Attributes: map[string]schema.Attribute{
			"id": idAttribute("`namespace/name` of the pool."),
			"name": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the pool, unique in the namespace.",
				PlanModifiers:       replaces(),
				Validators:          label,
			},
			"namespace": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Namespace of the pool and its jobs. Defaults to `default`.",
				PlanModifiers:       replaces(),
				Validators:          label,
			},
			"size": schema.NumberAttribute{
				Required: true, Validators: []validator.Number{whole("size", 1, largestPool)},
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

// Create implements resource.Resource.
func (r *poolResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	defer guard(&resp.Diagnostics, "creating", "pool", req.Plan.Raw)
	p := poolOf(req.Plan.Raw)
	if e := r.open(p, resp.Identity, &resp.Diagnostics); e != nil {
		tellOfPool(e.CreatePool(ctx, p), "name", &resp.Diagnostics)
	}
	if !resp.Diagnostics.HasError() {
		resp.State.Raw = with(req.Plan.Raw, values{"id": text(p.Namespace + "/" + p.Name)})
	}
}

// Read implements resource.Resource. After an import the id is all that is known.
func (r *poolResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	defer guard(&resp.Diagnostics, "reading", "pool", req.State.Raw)
	attributes := attributesOf(req.State.Raw)
	namespace, name, _ := strings.Cut(stringOf(attributes["id"]), "/")
	e := r.open(apply.Pool{Namespace: namespace, Name: name}, resp.Identity, &resp.Diagnostics)
	if e == nil {
		return
	}
	p, problem := e.ReadPool(ctx, namespace, name)
	tellOfPool(problem, "name", &resp.Diagnostics)
	switch {
	case problem != nil:
	case p == nil:
		resp.State.RemoveResource(ctx)
	default:
		attributes["name"], attributes["size"] = text(name), number(p.Size)
		if attributes["namespace"].IsNull() && namespace != defaultOf("namespace") {
			attributes["namespace"] = text(namespace)
		}
		resp.State.Raw = with(req.State.Raw, attributes)
	}
}

// Update implements resource.Resource: only the size can change.
func (r *poolResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	defer guard(&resp.Diagnostics, "changing", "pool", req.State.Raw)
	p := poolOf(req.Plan.Raw)
	if e := r.open(p, resp.Identity, &resp.Diagnostics); e != nil {
		tellOfPool(e.ResizePool(ctx, p), "size", &resp.Diagnostics)
	}
	if !resp.Diagnostics.HasError() {
		resp.State.Raw = req.Plan.Raw
	}
}

// Delete implements resource.Resource.
func (r *poolResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	defer guard(&resp.Diagnostics, "deleting", "pool", req.State.Raw)
	p := poolOf(req.State.Raw)
	if e := r.open(p, nil, &resp.Diagnostics); e != nil {
		tellOfPool(e.DeletePool(ctx, p.Namespace, p.Name), "name", &resp.Diagnostics)
	}
}

// open sets the identity of a pool and connects to its cluster.
func (r *poolResource) open(p apply.Pool, identity *tfsdk.ResourceIdentity, diags *tfdiag.Diagnostics) *engine.Engine {
	identify(identity, p.Namespace, p.Name)
	return r.connection.use(diags)
}

func tellOfPool(problem *hcl.Diagnostic, attribute string, diags *tfdiag.Diagnostics) {
	if problem != nil {
		diags.Append(convert(problem, path.Root(attribute), problem.Detail))
	}
}

func poolOf(object tftypes.Value) apply.Pool {
	attributes := attributesOf(object)
	return apply.Pool{
		Namespace: namespaceOf(stringOf(attributes["namespace"])),
		Name:      stringOf(attributes["name"]),
		Size:      int(intOf(attributes["size"])),
	}
}

// ImportState implements resource.ResourceWithImportState: it sets the id, which is what
// the read that follows needs.
func (r *poolResource) ImportState(
	ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse,
) {
	defer guard(&resp.Diagnostics, "importing", "pool")
	var given values
	if req.Identity != nil {
		given = attributesOf(req.Identity.Raw)
	}
	namespace, name, diags := importName("pool", req.ID, stringOf(given["namespace"]), stringOf(given["name"]))
	resp.Diagnostics.Append(diags...)
	if !diags.HasError() {
		identify(resp.Identity, namespace, name)
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), namespace+"/"+name)...)
	}
}
