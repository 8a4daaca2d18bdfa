// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	resourceschema "github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
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
		attributes[name] = readOnly(attribute)
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Reads the state of a job from its record in the cluster, even if another Terraform state " +
			"manages the job.",
		Attributes: attributes,
	}
}

// readOnly is a result of the resource as an attribute of a data source.
func readOnly(attribute resourceschema.Attribute) schema.Attribute {
	doc := attribute.GetMarkdownDescription()
	switch a := attribute.(type) {
	case resourceschema.Int64Attribute:
		return schema.Int64Attribute{Computed: true, MarkdownDescription: doc}
	case resourceschema.ListAttribute:
		return schema.ListAttribute{Computed: true, MarkdownDescription: doc, ElementType: a.ElementType}
	case resourceschema.ListNestedAttribute:
		nested := map[string]schema.Attribute{}
		for name, inner := range a.NestedObject.Attributes {
			nested[name] = readOnly(inner)
		}
		return schema.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: doc,
			NestedObject:        schema.NestedAttributeObject{Attributes: nested},
		}
	}
	return schema.StringAttribute{Computed: true, MarkdownDescription: doc}
}

// Configure implements datasource.DataSourceWithConfigure.
func (d *jobDataSource) Configure(_ context.Context, req datasource.ConfigureRequest,
	resp *datasource.ConfigureResponse) {
	d.connection = configured(req.ProviderData, &resp.Diagnostics)
}

// Read implements datasource.DataSource.
func (d *jobDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	defer guard(&resp.Diagnostics, "reading", "job", req.Config.Raw)
	attributes, err := attributesOf(req.Config.Raw)
	if err != nil {
		internalError(&resp.Diagnostics, "reading the configuration", err)
		return
	}
	namespace, name := namespaceOf(attributes["namespace"]), stringOf(attributes["name"])
	e, diags := d.connection.use()
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	seen, problems := e.Observe(ctx, namespace, name)
	resp.Diagnostics.Append(atAttributes(problems)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if seen == nil {
		resp.Diagnostics.Append(fault(diag.CodeJobNotFound, path.Root("name"),
			"Namespace %q has no record of a job %q. Check the name, the namespace and the cluster.", namespace, name))
		return
	}
	resp.Diagnostics.Append(atAttributes(seen.Troubles())...)
	read, err := redeclared(nil, nil, seen)
	if err != nil {
		internalError(&resp.Diagnostics, fmt.Sprintf("reading the record of job %s/%s", namespace, name), err)
		return
	}
	delete(read, "next_run")
	for attribute, value := range observed(seen) {
		read[attribute] = value
	}
	read["id"], read["drift"], read["declaration"] = text(namespace+"/"+name), driftOf(seen.Drift), text(string(seen.Job))
	state, err := read.merge(req.Config.Raw)
	if err != nil {
		internalError(&resp.Diagnostics, "writing the state", err)
		return
	}
	resp.State.Raw = state
}

// configured is the connection of the provider; nil before Terraform has configured
// the provider.
func configured(providerData any, diags adder) *connection {
	if providerData == nil {
		return nil
	}
	c, ok := providerData.(*connection)
	if !ok {
		diags.Append(fault(diag.CodeInternal, path.Empty(), "The provider was configured with a %T. Please report it.",
			providerData))
	}
	return c
}

func defaultOf(attribute string) string {
	row, _ := jobschema.Find(jobschema.Job(), attribute)
	return row.Default
}
