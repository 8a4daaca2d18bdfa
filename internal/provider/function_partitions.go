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

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// maxListed is the maximum number of partitions that the function returns: longer
// lists do not belong in Terraform.
const maxListed = 10_000

var _ function.Function = partitionsFunction{}

// partitionsFunction is provider::backfill::partitions.
type partitionsFunction struct{}

func newPartitionsFunction() function.Function { return partitionsFunction{} }

// Metadata implements function.Function.
func (partitionsFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "partitions"
}

var boundsType = map[string]attr.Type{"start": types.StringType, "end": types.StringType, "value": types.StringType}

var listedPartitionType = map[string]attr.Type{
	"job": types.StringType, "key": types.StringType, "start": types.StringType, "end": types.StringType,
	"index": types.Int64Type, "shard": types.Int64Type,
	"dimensions": types.MapType{ElemType: types.ObjectType{AttrTypes: boundsType}},
}

// Definition implements function.Function.
func (partitionsFunction) Definition(_ context.Context, _ function.DefinitionRequest,
	resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "List the partitions of a job file",
		MarkdownDescription: fmt.Sprintf("Returns the partitions of every job in a job file, in the order in which they "+
			"run: `job`, `key`, `start`, `end` "+
			"(half-open; null for values and dimensions), `index`, `shard`, and `dimensions` by name (null without "+
			"dimensions), each with `start`, `end` or `value`. "+
			"At most %d; the command line lists more.", maxListed),
		Parameters: sourceParameters(),
		Return:     function.ListReturn{ElementType: types.ObjectType{AttrTypes: listedPartitionType}},
	}
}

// Run implements function.Function.
func (partitionsFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	defer guardFunction(&resp.Error, new("listing the partitions of a job file"))
	all, failed := compileArguments(ctx, req.Arguments, false)
	if failed != nil {
		resp.Error = failed
		return
	}
	element := types.ObjectType{AttrTypes: listedPartitionType}
	if slices.Contains(all, nil) {
		resp.Error = resp.Result.Set(ctx, types.ListUnknown(element))
		return
	}
	listed := []attr.Value{}
	for _, compiled := range all {
		if compiled.Asks {
			resp.Error = function.NewArgumentFuncError(0, diag.OpenBounds(compiled.Job.Name))
			return
		}
		if int64(len(listed))+compiled.Plan.Partitions > maxListed {
			resp.Error = function.NewArgumentFuncError(0, fmt.Sprintf(
				"The jobs have more than %d partitions. List them on the command line instead: terraform-provider-backfill "+
					"partitions FILE --limit 0.", maxListed))
			return
		}
		listed = append(listed, listPartitions(compiled)...)
	}
	list, diags := types.ListValue(element, listed)
	if resp.Error = function.FuncErrorFromDiags(ctx, diags); resp.Error != nil {
		return
	}
	resp.Error = resp.Result.Set(ctx, list)
}

func listPartitions(c *engine.Compiled) []attr.Value {
	var listed []attr.Value
	for shard := range c.Plan.ShardCount() {
		for p := range c.Plan.PartitionsOf(shard) {
			listed = append(listed, listPartition(c, p, shard))
		}
	}
	return listed
}

func listPartition(c *engine.Compiled, p domain.Partition, shard int) attr.Value {
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
		"job": types.StringValue(c.Job.Name), "key": types.StringValue(d.Key(p)), "start": start, "end": end,
		"index": types.Int64Value(p.Index), "shard": types.Int64Value(int64(shard)), "dimensions": dimensions,
	})
}

var _ function.Function = schemaFunction{}

// schemaFunction is provider::backfill::job_schema.
type schemaFunction struct{}

func newSchemaFunction() function.Function { return schemaFunction{} }

// Metadata implements function.Function.
func (schemaFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "job_schema"
}

// Definition implements function.Function.
func (schemaFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "JSON Schema of job files",
		MarkdownDescription: "Returns the JSON Schema of job files in HCL's JSON form, as text. Use `jsondecode` to get " +
			"an object.",
		Return: function.StringReturn{},
	}
}

// Run implements function.Function.
func (schemaFunction) Run(ctx context.Context, _ function.RunRequest, resp *function.RunResponse) {
	defer guardFunction(&resp.Error, new("writing the schema"))
	data, err := jobschema.JSONSchema()
	if err != nil {
		resp.Error = function.NewFuncError(err.Error())
		return
	}
	resp.Error = resp.Result.Set(ctx, string(data))
}
