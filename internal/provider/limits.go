// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// limitsAttribute is the provider's attribute limits, like the job's.
func limitsAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional: true, Attributes: settingAttributes(jobschema.Limits()),
		MarkdownDescription: "Limits that no job of this provider may exceed. They are checked when there is something to " +
			"apply; `override_limits` of a job lists the limits that it exceeds on purpose.",
	}
}

// settingAttributes are rows of the table as attributes of the provider.
func settingAttributes(rows []jobschema.Attribute) map[string]schema.Attribute {
	attributes := map[string]schema.Attribute{}
	for _, row := range rows {
		attributes[row.Name] = settingAttribute(row)
	}
	return attributes
}

func settingAttribute(row jobschema.Attribute) schema.Attribute {
	doc, required, optional := describe(row), row.Required, !row.Required
	switch row.Kind {
	case jobschema.Int:
		return schema.Int64Attribute{Required: required, Optional: optional, MarkdownDescription: doc}
	case jobschema.Bool:
		return schema.BoolAttribute{Required: required, Optional: optional, MarkdownDescription: doc}
	case jobschema.StringList:
		return schema.ListAttribute{
			Required:            required,
			Optional:            optional,
			MarkdownDescription: doc,
			ElementType:         types.StringType,
		}
	case jobschema.ObjectList:
		return schema.ListNestedAttribute{
			Required: required, Optional: optional, MarkdownDescription: doc,
			NestedObject: schema.NestedAttributeObject{Attributes: settingAttributes(row.Attributes)},
		}
	}
	return schema.StringAttribute{Required: required, Optional: optional, MarkdownDescription: doc}
}

// readLimits reads the limits of the provider's configuration. Limits that are not
// known yet are checked during apply.
func readLimits(config tftypes.Value) (job.Limits, tfdiag.Diagnostics) {
	var diags tfdiag.Diagnostics
	attributes, err := attributesOf(config)
	if err != nil {
		internalError(&diags, "reading the configuration of the provider", err)
		return job.Limits{}, diags
	}
	written := attributes["limits"]
	value, err := toCty(written, written.Type(), jobschema.Type(jobschema.Limits()))
	if err != nil {
		internalError(&diags, "reading the limits of the provider", err)
		return job.Limits{}, diags
	}
	if !value.IsKnown() {
		value = cty.NullVal(value.Type())
	}
	limits, problems := job.ParseLimits(value)
	return limits, atAttributes(problems)
}
