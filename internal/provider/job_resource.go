// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"maps"
	"strings"

	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
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
func (r *jobResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	attributes := jobAttributes()
	maps.Copy(attributes, map[string]schema.Attribute{
		"source": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "Text of a job file, for example `file(\"orders.backfill.hcl\")`, instead of the other " +
				"attributes of the job. It declares one job, or `job` picks one.",
		},
		"job": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Name of the job in `source`, when that declares several.",
		},
		"variables": schema.DynamicAttribute{
			Optional:            true,
			MarkdownDescription: "Object with the values of the variables that `source` declares.",
		},
		"timeouts": jobTimeouts(),
	})
	maps.Copy(attributes, policyAttributes())
	maps.Copy(attributes, resultAttributes())
	resp.Schema = schema.Schema{
		MarkdownDescription: "A backfill: the declaration that a domain of keys has been processed by a runner. " +
			"What is missing or failed is drift; the plan shows exactly those keys and the apply submits them as a run of " +
			"Argo Workflows. " +
			"A job that is complete plans empty, whether or not its Workflows still exist.\n\n" +
			"Declare the job either with the attributes below (`name`, `partition` and `runner` at least), or with `source`.",
		Attributes: attributes,
	}
}

// checkConfig reads and checks a configuration. What is unknown is not checked
// yet, and the declaration nil where that is too much.
func checkConfig(ctx context.Context, config tftypes.Value) (d *declaration, diags tfdiag.Diagnostics) {
	defer guard(&diags, "checking", "job", config)
	if d, diags = declare(ctx, config); d != nil {
		// Warnings are for the plan, which follows.
		_, problems := d.plan(nil)
		diags.Append(problems.Errors()...)
	}
	return d, append(diags, checkPolicy(attributesOf(config))...)
}

// jobAttributes derives the resource's attributes from the table of the job
// language. At the top none is required, because `source` can stand for all.
func jobAttributes() map[string]schema.Attribute {
	attributes := tableAttributes(jobschema.Job(), true)
	// With `source` the name is in the file and becomes known from there.
	name, _ := jobschema.Find(jobschema.Job(), "name")
	attributes["name"] = schema.StringAttribute{
		Optional: true, Computed: true,
		MarkdownDescription: describe(name) + " With `source` it is read from there, and may be left out.",
	}
	return attributes
}

func tableAttributes(rows []jobschema.Attribute, optional bool) map[string]schema.Attribute {
	attributes := make(map[string]schema.Attribute, len(rows))
	for _, row := range rows {
		if optional {
			row.Required = false
		}
		attributes[row.Name] = tableAttribute(row)
	}
	return attributes
}

func tableAttribute(row jobschema.Attribute) schema.Attribute {
	doc, required, optional := describe(row), row.Required, !row.Required
	switch row.Kind {
	case jobschema.Int:
		return schema.NumberAttribute{Required: required, Optional: optional, MarkdownDescription: doc}
	case jobschema.Bool:
		return schema.BoolAttribute{Required: required, Optional: optional, MarkdownDescription: doc}
	case jobschema.StringList, jobschema.IntList:
		list := schema.ListAttribute{Required: required, Optional: optional, MarkdownDescription: doc}
		list.ElementType = types.StringType
		if row.Kind == jobschema.IntList {
			list.ElementType = types.NumberType
		}
		return list
	case jobschema.StringMap:
		return schema.MapAttribute{
			Required:            required,
			Optional:            optional,
			MarkdownDescription: doc,
			ElementType:         types.StringType,
		}
	case jobschema.Object:
		return schema.SingleNestedAttribute{
			Required: required, Optional: optional, MarkdownDescription: doc,
			Attributes: tableAttributes(row.Attributes, false),
		}
	case jobschema.ObjectList:
		return schema.ListNestedAttribute{
			Required: required, Optional: optional, MarkdownDescription: doc,
			NestedObject: schema.NestedAttributeObject{Attributes: tableAttributes(row.Attributes, false)},
		}
	case jobschema.ObjectMap:
		return schema.MapNestedAttribute{
			Required: required, Optional: optional, MarkdownDescription: doc,
			NestedObject: schema.NestedAttributeObject{Attributes: tableAttributes(row.Attributes, false)},
		}
	case jobschema.Dynamic:
		return schema.DynamicAttribute{Required: required, Optional: optional, MarkdownDescription: doc}
	}
	return schema.StringAttribute{Required: required, Optional: optional, MarkdownDescription: doc}
}

// describe is the documentation of a row as the registry shows it.
func describe(row jobschema.Attribute) string {
	var b strings.Builder
	b.WriteString(row.Doc)
	if len(row.Enum) > 0 {
		fmt.Fprintf(&b, " One of `%s`.", strings.Join(row.Enum, "`, `"))
	}
	if row.Default != "" {
		fmt.Fprintf(&b, " Defaults to `%s`.", row.Default)
	}
	if row.Late && row.Once {
		b.WriteString(" The references `$${job.name}`, `$${run.name}` and `$${attempt}` are allowed here.")
	} else if row.Late {
		b.WriteString(" References to the partition, such as `$${partition.start}`, are allowed here.")
	}
	return b.String()
}

func defaultOf(attribute string) string {
	row, _ := jobschema.Find(jobschema.Job(), attribute)
	return row.Default
}
