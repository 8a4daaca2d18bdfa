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

// namedIdentity names a job or a pool for ever: changing either part makes
// another one.
type namedIdentity struct {
	Namespace types.String `tfsdk:"namespace"`
	Name      types.String `tfsdk:"name"`
}

// IdentitySchema implements resource.ResourceWithIdentity.
func (r *jobResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = namedSchema("job")
}

// namedSchema is the identity of what has a name in a namespace.
func namedSchema(what string) identityschema.Schema {
	return identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"name":      identityschema.StringAttribute{RequiredForImport: true, Description: "Name of the " + what + "."},
		"namespace": identityschema.StringAttribute{OptionalForImport: true, Description: "Its namespace; \"default\" unless set."},
	}}
}

// identify sets the identity. It comes first in every operation, because
// Terraform demands it also where the operation fails half-way.
func identify(ctx context.Context, identity *tfsdk.ResourceIdentity, namespace, name string) tfdiag.Diagnostics {
	if identity == nil { // an old Terraform
		return nil
	}
	return identity.Set(ctx, namedIdentity{Namespace: types.StringValue(namespace), Name: types.StringValue(name)})
}

// importByName sets what the read after an import needs: the id, namespace/name.
func importByName(ctx context.Context, what string, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	defer guard(&resp.Diagnostics, "importing", what)
	var given namedIdentity
	if req.ID == "" && req.Identity != nil {
		resp.Diagnostics.Append(req.Identity.Get(ctx, &given)...)
	}
	namespace, name, diags := importName(what, req.ID, given.Namespace.ValueString(), given.Name.ValueString())
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(identify(ctx, resp.Identity, namespace, name)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), namespace+"/"+name)...)
}

// importName is what is imported by an id or, without one, by the parts of an identity.
func importName(what, id, namespace, name string) (string, string, tfdiag.Diagnostics) {
	if id != "" {
		namespace, name, _ = strings.Cut(id, "/")
	} else if namespace == "" {
		namespace = defaultOf("namespace")
	}
	if namespace == "" || name == "" || strings.Contains(name, "/") {
		return "", "", tfdiag.Diagnostics{fault(diag.CodeImportID, path.Empty(),
			"A %s is imported by namespace/name, for example default/orders-risk-score, not by %q. Correct the id.", what, id)}
	}
	return namespace, name, nil
}
