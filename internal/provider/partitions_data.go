// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
	escape "github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

var (
	_ datasource.DataSource              = (*partitionsDataSource)(nil)
	_ datasource.DataSourceWithConfigure = (*partitionsDataSource)(nil)
)

// The choices of `state`.
const (
	partitionsDone      = "done"
	partitionsFailed    = "failed"
	partitionsRemaining = "remaining"
	partitionsRunning   = "running"
)

// defaultListed is how many partitions are listed unless `limit` says otherwise.
const defaultListed = 1000

// partitionsDataSource lists the partitions of a job by how they stand. It is apart
// from the job, whose plans would show the whole list with every change.
type partitionsDataSource struct {
	connection *connection
}

func newPartitionsDataSource() datasource.DataSource { return &partitionsDataSource{} }

// Metadata implements datasource.DataSource.
func (d *partitionsDataSource) Metadata(
	_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_partitions"
}

// Schema implements datasource.DataSource.
func (d *partitionsDataSource) Schema(
	_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse,
) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lists the partitions of a job that failed, remain, run or are done, from its record in the " +
			"cluster. Failed partitions come with their attempts: which node, which cause, which message.",
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{Required: true, MarkdownDescription: "Name of the job."},
			"namespace": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Namespace of the job. Defaults to `default`.",
			},
			"state": schema.StringAttribute{
				Optional: true,
				Validators: []validator.String{
					stringvalidator.OneOf(partitionsDone, partitionsFailed, partitionsRemaining, partitionsRunning),
				},
				MarkdownDescription: "Which partitions to list: `failed` (the default), `remaining` (not done, failed ones " +
					"included), `running` or `done`.",
			},
			"limit": schema.NumberAttribute{
				Optional:   true,
				Validators: []validator.Number{whole("limit", 1, maxListed)},
				MarkdownDescription: fmt.Sprintf("Maximum number of partitions to list, up to %d. Defaults to %d.", maxListed,
					defaultListed),
			},
			"id": textResult("`namespace/name` of the job."),
			"total": countResult("Number of partitions in this state, listed or not; null while the bounds of the job are " +
				"unknown."),
			"partitions": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The first partitions in this state, ascending.",
				NestedObject:        schema.NestedAttributeObject{Attributes: listedAttributes()},
			},
		},
	}
}

func listedAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"key":   textResult("Key of the partition."),
		"start": textResult("Start of the partition; null for values and dimensions."),
		"end":   textResult("End of the partition, exclusive; null for values and dimensions."),
		"attempts": countResult(fmt.Sprintf("Number of attempts if the partition failed, else null. The record keeps the "+
			"attempts of the first %d failed partitions, and of fewer where that is more than %d kB.", state.MaxFailures,
			state.MaxFailureBytes>>10)),
		"message": textResult("Message of the last failed attempt, up to 256 bytes; null if there is none."),
		"attempt_details": schema.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: "The last five attempts, ascending.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"attempt": countResult("Number of the attempt, counted from 0."),
				"node":    textResult("Node of the attempt; null if it was not scheduled."),
				"capacity": textResult("`spot` or `on_demand` if the attempt had to run on such a node; null if it could run " +
					"on either."),
				"cause": textResult("Why it ended: `application` (the runner failed), `oom`, `interruption` (the node or pod " +
					"was removed), `deadline`, `image` (the image could not be pulled), `refused` (the API server did not " +
					"accept the pod) or `unknown` (another error reported by Argo)."),
				"exit_code":   countResult("Exit code of the runner; null if unknown."),
				"message":     textResult("Message from Argo, up to 128 bytes."),
				"started_at":  textResult("Creation time of the pod, in RFC 3339."),
				"finished_at": textResult("End time, in RFC 3339; null if unknown."),
			}},
		},
	}
}

// Configure implements datasource.DataSourceWithConfigure.
func (d *partitionsDataSource) Configure(
	_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse,
) {
	d.connection = configured(req.ProviderData, &resp.Diagnostics)
}

// Read implements datasource.DataSource.
func (d *partitionsDataSource) Read(
	ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse,
) {
	defer guard(&resp.Diagnostics, "listing the partitions of", "job", req.Config.Raw)
	attributes := attributesOf(req.Config.Raw)
	most := defaultListed
	if limit := attributes["limit"]; !limit.IsNull() {
		most = int(intOf(limit))
	}
	seen := d.connection.job(ctx, attributes, &resp.Diagnostics)
	if seen == nil {
		return
	}
	set := setOf(seen, stringOf(attributes["state"]))
	total := number(set.Count(seen.Domain()))
	if !seen.Domain().Bounded() {
		total = noNumber()
	}
	resp.State.Raw = with(req.Config.Raw, values{
		"id":         text(seen.Namespace + "/" + seen.Name),
		"total":      total,
		"partitions": listOf(seen.Describe(set, most), listedPartition),
	})
}

// setOf are the keys of a job that stand as is asked for.
func setOf(o *state.Observation, standing string) ledger.Set {
	switch standing {
	case partitionsDone:
		return o.Done
	case partitionsRemaining:
		return o.Remaining()
	case partitionsRunning:
		return o.Running
	}
	return o.Failed
}

func listedPartition(f state.Failure) tftypes.Value {
	parts := attributesOf(failedPartition(f))
	parts["start"], parts["end"], parts["message"] = orNull(f.Start), orNull(f.End), orNull(escape.Escape(f.Message))
	parts["attempt_details"] = listOf(f.Details, attempt)
	return objectOf(parts)
}

func attempt(a state.Attempt) tftypes.Value {
	return objectOf(values{
		"attempt":     number(a.Number),
		"node":        orNull(escape.Escape(a.Node)),
		"capacity":    orNull(a.Capacity),
		"cause":       text(a.Cause),
		"exit_code":   number(a.ExitCode),
		"message":     told(a.Message),
		"started_at":  orNull(a.Started),
		"finished_at": orNull(a.Finished),
	})
}
