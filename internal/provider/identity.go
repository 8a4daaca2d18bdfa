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
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

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

// identityOf identifies a job or a pool permanently: changing either part creates
// another one.
func identityOf(namespace, name string) tftypes.Value {
	return objectOf(values{"namespace": text(namespace), "name": text(name)})
}

// identify sets the identity, unless Terraform is an old one. It comes first in every
// operation, because Terraform requires it even if the operation fails.
func identify(identity *tfsdk.ResourceIdentity, namespace, name string) {
	if identity != nil {
		identity.Raw = identityOf(namespace, name)
	}
}

// importName is what is imported by an id or, without one, by the parts of an identity.
func importName(what, id, namespace, name string) (string, string, tfdiag.Diagnostics) {
	if id != "" {
		namespace, name, _ = strings.Cut(id, "/")
	} else {
		namespace = namespaceOf(namespace)
	}
	if namespace == "" || name == "" || strings.Contains(name, "/") {
		return "", "", tfdiag.Diagnostics{fault(diag.CodeImportID, path.Empty(),
			"The import ID of a %s has the form namespace/name, for example default/orders-risk-score, not %q. Correct the "+
				"ID.", what, id)}
	}
	return namespace, name, nil
}
