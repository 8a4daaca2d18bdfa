// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

var (
	_ datasource.DataSource              = (*jobDataSource)(nil)
	_ datasource.DataSourceWithConfigure = (*jobDataSource)(nil)
)

// jobDataSource reads a job that may be managed elsewhere.
type jobDataSource struct {
	connection *connection
}

func newJobDataSource() datasource.DataSource { return &jobDataSource{} }

// Metadata implements datasource.DataSource.
func (d *jobDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_job"
}

// Schema implements datasource.DataSource.
func (d *jobDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	attributes := map[string]schema.Attribute{
		"name": schema.StringAttribute{Required: true, MarkdownDescription: "Name of the job."},
		"namespace": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Namespace of the job. Defaults to `default`.",
		},
		"declaration": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "The declaration of the job, as JSON. Use `jsondecode` to get an object.",
		},
	}
	results := resultAttributes()
	delete(results, "next_run") // part of a plan
	for name, attribute := range results {
		attributes[name] = attribute
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Reads the state of a job from its record in the cluster, even if another Terraform state " +
			"manages the job.",
		Attributes: attributes,
	}
}

// Configure implements datasource.DataSourceWithConfigure.
func (d *jobDataSource) Configure(_ context.Context, req datasource.ConfigureRequest,
	resp *datasource.ConfigureResponse) {
	d.connection = configured(req.ProviderData, &resp.Diagnostics)
}

// Read implements datasource.DataSource.
func (d *jobDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	defer guard(&resp.Diagnostics, "reading", "job", req.Config.Raw)
	seen := d.connection.job(ctx, attributesOf(req.Config.Raw), &resp.Diagnostics)
	if seen == nil {
		return
	}
	resp.Diagnostics.Append(atAttributes(observe.Troubles(seen))...)
	found, err := redeclared(nil, nil, seen)
	if err != nil {
		internalError(&resp.Diagnostics, fmt.Sprintf("reading the record of job %s/%s", seen.Namespace, seen.Name), err)
		return
	}
	delete(found, "next_run")
	maps.Copy(found, observed(seen))
	found["id"], found["drift"] = text(seen.Namespace+"/"+seen.Name), listOf(seen.Drift, told)
	found["declaration"] = text(seen.Declaration.Text())
	resp.State.Raw = with(req.Config.Raw, found)
}

// job reads the job that a data source names; nil with errors.
func (c *connection) job(ctx context.Context, attributes values, diags *tfdiag.Diagnostics) *state.Observation {
	namespace, name := namespaceOf(stringOf(attributes["namespace"])), stringOf(attributes["name"])
	e := c.use(diags)
	if diags.HasError() {
		return nil
	}
	seen, problems := e.Observe(ctx, namespace, name)
	diags.Append(atAttributes(problems)...)
	if diags.HasError() {
		return nil
	}
	if seen == nil {
		diags.Append(fault(diag.CodeJobNotFound, path.Root("name"),
			"Namespace %q has no record of a job %q. Check the name, the namespace and the cluster.", namespace, name))
	}
	return seen
}
