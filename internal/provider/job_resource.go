// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"maps"

	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

var (
	_ resource.Resource             = (*jobResource)(nil)
	_ resource.ResourceWithIdentity = (*jobResource)(nil)
)

// jobResource is backfill_job. The framework knows its name, schema and identity,
// from which it makes what Terraform and the documentation show. It is never asked
// for anything else, which jobServer answers, and so there is no more to implement.
type jobResource struct {
	resource.Resource

	connection *connection
}

func newJobResource() resource.Resource { return &jobResource{} }

// Metadata implements resource.Resource.
func (r *jobResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_job"
}

// Schema implements resource.Resource.
func (r *jobResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	attributes := jobAttributes()
	maps.Copy(attributes, sourceAttributes())
	maps.Copy(attributes, policyAttributes())
	maps.Copy(attributes, resultAttributes())
	attributes["timeouts"] = timeoutsAttribute(ctx)
	resp.Schema = schema.Schema{
		MarkdownDescription: "A backfill: the declaration that a domain of keys has been processed by a runner. " +
			"What is missing or failed is drift; the plan shows exactly those keys and the apply submits them as a run of Argo Workflows. " +
			"A job that is complete plans empty, whether or not its Workflows still exist.\n\n" +
			"Declare the job either with the attributes below (`name`, `partition` and `runner` at least), or with `source`.",
		Attributes: attributes,
	}
}

func sourceAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"source": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "Text of a job file, for example `file(\"orders.backfill.hcl\")`, instead of the other attributes of the job. " +
				"It declares one job, or `job` picks one.",
		},
		"job": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Name of the job in `source`, when that declares several.",
		},
		"variables": schema.DynamicAttribute{
			Optional:            true,
			MarkdownDescription: "Object with the values of the variables that `source` declares.",
		},
	}
}

// checkConfig reads and checks a configuration. What is unknown is not checked
// yet, and the declaration nil where that is too much.
func checkConfig(config tftypes.Value) (d *declaration, diags tfdiag.Diagnostics) {
	defer guard(&diags, "checking", "job", config)
	d, diags = declare(config)
	if d == nil {
		return nil, diags
	}
	// Warnings are for the plan, which follows.
	_, problems := d.plan(nil)
	diags.Append(problems.Errors()...)
	return d, diags
}
