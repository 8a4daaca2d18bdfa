// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// jobAttributes derives the resource's attributes from the table of the job
// language. At the top none is required, because `source` can stand for all.
func jobAttributes() map[string]schema.Attribute {
	attributes := tableAttributes(jobschema.Job(), true)
	// With `source` the name is in the file and becomes known from there.
	name, _ := jobschema.Find(jobschema.Job(), "name")
	attributes["name"] = schema.StringAttribute{
		Optional: true, Computed: true,
		MarkdownDescription: describe(name) + " With `source` it is read from there.",
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
		return schema.Int64Attribute{Required: required, Optional: optional, MarkdownDescription: doc}
	case jobschema.Bool:
		return schema.BoolAttribute{Required: required, Optional: optional, MarkdownDescription: doc}
	case jobschema.StringList:
		return schema.ListAttribute{Required: required, Optional: optional, MarkdownDescription: doc, ElementType: types.StringType}
	case jobschema.IntList:
		return schema.ListAttribute{Required: required, Optional: optional, MarkdownDescription: doc, ElementType: types.Int64Type}
	case jobschema.StringMap:
		return schema.MapAttribute{Required: required, Optional: optional, MarkdownDescription: doc, ElementType: types.StringType}
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
