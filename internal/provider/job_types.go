// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"maps"
	"slices"

	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// jobTypes are what follows from the schema of a job. The framework computes it
// anew, and for each attribute.
type jobTypes struct {
	version      int64 // of the schema
	stateType    tftypes.Object
	identityType tftypes.Object
	computed     []string                    // attributes that may be unknown before an apply
	checks       map[string]schema.Attribute // attributes of which declare does not check everything
}

func newJobTypes() jobTypes {
	ctx := context.Background()
	var r jobResource
	var of resource.SchemaResponse
	var identity resource.IdentitySchemaResponse
	r.Schema(ctx, resource.SchemaRequest{}, &of)
	r.IdentitySchema(ctx, resource.IdentitySchemaRequest{}, &identity)
	t := jobTypes{version: of.Schema.Version, checks: of.Schema.Attributes}
	t.stateType, _ = of.Schema.Type().TerraformType(ctx).(tftypes.Object)
	t.identityType, _ = identity.IdentitySchema.Type().TerraformType(ctx).(tftypes.Object)
	for name, attribute := range of.Schema.Attributes {
		if attribute.IsComputed() {
			t.computed = append(t.computed, name)
		}
	}
	for _, name := range declaredNames() {
		delete(t.checks, name)
	}
	return t
}

// declaredNames are the attributes that declare checks whole.
func declaredNames() []string {
	var names []string
	for _, row := range jobschema.Job() {
		names = append(names, row.Name)
	}
	return slices.AppendSeq(names, maps.Keys(sourceAttributes()))
}

// check finds what the schema does not allow. That attributes are of their type and
// that none is missing, Terraform has checked.
func (t jobTypes) check(ctx context.Context, config tftypes.Value) tfdiag.Diagnostics {
	return checkAttributes(ctx, path.Empty(), t.checks, config)
}

func checkAttributes(
	ctx context.Context, at path.Path, attributes map[string]schema.Attribute, object tftypes.Value,
) tfdiag.Diagnostics {
	var diags tfdiag.Diagnostics
	if object.IsNull() || !object.IsKnown() {
		return diags
	}
	written, err := attributesOf(object)
	if err != nil {
		internalError(&diags, "reading the configuration", err)
		return diags
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if v := written[name]; !v.IsNull() {
			diags.Append(checkAttribute(ctx, at.AtName(name), attributes[name], v)...)
		}
	}
	return diags
}

// checkAttribute has the validators of the schema look at a value, as the framework
// would. A test demands that no other kind of attribute has any.
func checkAttribute(
	ctx context.Context, at path.Path, attribute schema.Attribute, v tftypes.Value,
) tfdiag.Diagnostics {
	var diags tfdiag.Diagnostics
	if !attribute.IsOptional() {
		diags.AddAttributeError(at, "Invalid Configuration for Read-Only Attribute",
			"The provider computes this attribute. Remove the line that sets it.")
		return diags
	}
	value, err := attribute.GetType().ValueFromTerraform(ctx, v)
	if err != nil {
		internalError(&diags, "reading the configuration", err)
		return diags
	}
	expression := at.Expression()
	switch a := attribute.(type) {
	case schema.StringAttribute:
		of, _ := value.(types.String)
		for _, check := range a.Validators {
			var resp validator.StringResponse
			check.ValidateString(ctx, validator.StringRequest{Path: at, PathExpression: expression, ConfigValue: of}, &resp)
			diags.Append(resp.Diagnostics...)
		}
	case schema.Int64Attribute:
		of, _ := value.(types.Int64)
		for _, check := range a.Validators {
			var resp validator.Int64Response
			check.ValidateInt64(ctx, validator.Int64Request{Path: at, PathExpression: expression, ConfigValue: of}, &resp)
			diags.Append(resp.Diagnostics...)
		}
	case schema.ListAttribute:
		of, _ := value.(types.List)
		for _, check := range a.Validators {
			var resp validator.ListResponse
			check.ValidateList(ctx, validator.ListRequest{Path: at, PathExpression: expression, ConfigValue: of}, &resp)
			diags.Append(resp.Diagnostics...)
		}
	case schema.SingleNestedAttribute:
		diags.Append(checkAttributes(ctx, at, a.Attributes, v)...)
	}
	return diags
}
