// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// maxListed is the maximum number of partitions that the function returns: longer
// lists do not belong in Terraform.
const maxListed = 10_000

var boundsType = map[string]attr.Type{"start": types.StringType, "end": types.StringType, "value": types.StringType}

var listedPartitionType = map[string]attr.Type{
	"job": types.StringType, "key": types.StringType, "start": types.StringType, "end": types.StringType,
	"index": types.Int64Type, "shard": types.Int64Type,
	"dimensions": types.MapType{ElemType: types.ObjectType{AttrTypes: boundsType}},
}

// newPartitionsFunction is provider::backfill::partitions.
func newPartitionsFunction() function.Function {
	return &providerFunction{
		name:  "partitions",
		doing: "listing the partitions of a job file",
		run:   partitionsOf,
		definition: function.Definition{
			Summary: "List the partitions of a job file",
			MarkdownDescription: fmt.Sprintf("Returns the partitions of every job in a job file, in the order in which they "+
				"run: `job`, `key`, `start`, `end` "+
				"(half-open; null for values and dimensions), `index`, `shard`, and `dimensions` by name (null without "+
				"dimensions), each with `start`, `end` or `value`. "+
				"At most %d; the command line lists more.", maxListed),
			Parameters: sourceParameters(),
			Return:     function.ListReturn{ElementType: types.ObjectType{AttrTypes: listedPartitionType}},
		},
	}
}

func partitionsOf(ctx context.Context, arguments function.ArgumentsData) (any, *function.FuncError) {
	all, failed := compileArguments(ctx, arguments, false)
	if failed != nil {
		return nil, failed
	}
	element := types.ObjectType{AttrTypes: listedPartitionType}
	if slices.Contains(all, nil) {
		return types.ListUnknown(element), nil
	}
	listed := []attr.Value{}
	for _, compiled := range all {
		if compiled.Spec.Query != nil {
			return nil, argumentError(0, diag.OpenBounds(compiled.Job.Name))
		}
		if int64(len(listed))+compiled.Plan.Partitions > maxListed {
			return nil, argumentError(0, fmt.Sprintf(
				"The jobs have more than %d partitions. List them on the command line instead: terraform-provider-backfill "+
					"partitions FILE --limit 0.", maxListed))
		}
		for shard := range compiled.Plan.ShardCount() {
			for p := range compiled.Plan.PartitionsOf(shard) {
				listed = append(listed, listPartition(compiled, p, shard))
			}
		}
	}
	return types.ListValueMust(element, listed), nil
}

func listPartition(c *compile.Compiled, p domain.Partition, shard int) attr.Value {
	d := c.Plan.Domain
	bounds := make(map[string]attr.Value, len(d.Dimensions))
	start, end := types.StringNull(), types.StringNull()
	for i, dimension := range d.Dimensions {
		of := map[string]attr.Value{"start": types.StringNull(), "end": types.StringNull(), "value": types.StringNull()}
		if dimension.Axis.Kind() == domain.Value {
			of["value"] = types.StringValue(p.Parts[i].Text)
		} else {
			from, to := d.Bounds(i, p.Parts[i])
			of["start"], of["end"] = types.StringValue(from), types.StringValue(to)
			start, end = types.StringValue(from), types.StringValue(to)
		}
		bounds[dimension.Name] = types.ObjectValueMust(boundsType, of)
	}
	dimensions := types.MapNull(types.ObjectType{AttrTypes: boundsType})
	if len(d.Dimensions) > 1 {
		dimensions = types.MapValueMust(types.ObjectType{AttrTypes: boundsType}, bounds)
		start, end = types.StringNull(), types.StringNull()
	}
	return types.ObjectValueMust(listedPartitionType, map[string]attr.Value{
		"job":        types.StringValue(c.Job.Name),
		"key":        types.StringValue(d.Key(p)),
		"start":      start,
		"end":        end,
		"index":      types.Int64Value(p.Index),
		"shard":      types.Int64Value(int64(shard)),
		"dimensions": dimensions,
	})
}

// newSchemaFunction is provider::backfill::job_schema.
func newSchemaFunction() function.Function {
	return &providerFunction{
		name:  "job_schema",
		doing: "writing the schema",
		definition: function.Definition{
			Summary: "JSON Schema of job files",
			MarkdownDescription: "Returns the JSON Schema of job files in HCL's JSON form, as text. Use `jsondecode` to get " +
				"an object.",
			Return: function.StringReturn{},
		},
		run: func(context.Context, function.ArgumentsData) (any, *function.FuncError) {
			data, err := jobschema.JSONSchema()
			if err != nil {
				return nil, functionError(err.Error())
			}
			return string(data), nil
		},
	}
}
