// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"strings"

	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// namedIdentity identifies a job or a pool permanently: changing either part creates
// another one.
type namedIdentity struct {
	Namespace types.String `tfsdk:"namespace"`
	Name      types.String `tfsdk:"name"`
}

// IdentitySchema implements resource.ResourceWithIdentity.
func (r *jobResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest,
	resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = namedSchema("job")
}

// namedSchema is the identity of a resource with a name in a namespace.
func namedSchema(what string) identityschema.Schema {
	return identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"name": identityschema.StringAttribute{RequiredForImport: true, Description: "Name of the " + what + "."},
		"namespace": identityschema.StringAttribute{
			OptionalForImport: true,
			Description:       "Namespace. Defaults to \"default\".",
		},
	}}
}

// identify sets the identity. It comes first in every operation, because Terraform
// requires it even if the operation fails.
func identify(ctx context.Context, identity *tfsdk.ResourceIdentity, namespace, name string) tfdiag.Diagnostics {
	if identity == nil { // an old Terraform
		return nil
	}
	return identity.Set(ctx, namedIdentity{Namespace: types.StringValue(namespace), Name: types.StringValue(name)})
}

// ImportState implements resource.ResourceWithImportState, by id or by
// identity. The read that follows fills in the rest from the record.
func (r *jobResource) ImportState(ctx context.Context, req resource.ImportStateRequest,
	resp *resource.ImportStateResponse) {
	importByName(ctx, "job", req, resp)
}

// importByName sets the id, namespace/name, which the read after an import needs.
func importByName(ctx context.Context, what string, req resource.ImportStateRequest,
	resp *resource.ImportStateResponse) {
	defer guard(&resp.Diagnostics, "importing", what)
	namespace, name, ok := strings.Cut(req.ID, "/")
	if req.ID == "" && req.Identity != nil {
		var given namedIdentity
		resp.Diagnostics.Append(req.Identity.Get(ctx, &given)...)
		namespace, name, ok = given.Namespace.ValueString(), given.Name.ValueString(), true
		if namespace == "" {
			namespace = defaultOf("namespace")
		}
	}
	if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
		resp.Diagnostics.Append(fault(diag.CodeImportID, path.Empty(),
			"The import ID of a %s has the form namespace/name, for example default/orders-risk-score, not %q. Correct the "+
				"ID.", what, req.ID))
	}
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(identify(ctx, resp.Identity, namespace, name)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), namespace+"/"+name)...)
}
