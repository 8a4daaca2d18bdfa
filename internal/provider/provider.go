// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package provider is the Terraform provider: it converts Terraform values to jobs
// and results to Terraform values.
//
// Package decide makes all decisions about jobs. Plans are pure: they use
// configuration, state and private state, and never a cluster.
package provider

import (
	"context"
	"crypto/rand"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
)

// Address is the provider's name in the registry.
const Address = "registry.terraform.io/terraform-backfill/backfill"

var (
	_ provider.Provider                   = (*backfillProvider)(nil)
	_ provider.ProviderWithFunctions      = (*backfillProvider)(nil)
	_ provider.ProviderWithValidateConfig = (*backfillProvider)(nil)
)

type backfillProvider struct {
	version string
	lookup  cluster.Lookup
	connect connector
	edges   engine.Options

	connection *connection // nil until Terraform has configured the provider
}

// Option replaces a dependency of the provider, for tests.
type Option func(*backfillProvider)

// WithBackend makes the provider use b, regardless of its configuration.
func WithBackend(b cluster.Backend) Option {
	return func(p *backfillProvider) {
		p.connect = func(cluster.Config) (cluster.Backend, error) { return b, nil }
	}
}

// WithEnvironment replaces the process's environment.
func WithEnvironment(lookup cluster.Lookup) Option {
	return func(p *backfillProvider) { p.lookup = lookup }
}

// WithEngineOptions replaces the clock and the source of randomness.
func WithEngineOptions(o engine.Options) Option {
	return func(p *backfillProvider) { p.edges = o }
}

func newProvider(version string, options ...Option) *backfillProvider {
	p := &backfillProvider{
		version: version,
		lookup:  os.LookupEnv,
		connect: func(c cluster.Config) (cluster.Backend, error) {
			return cluster.Connect(c, cluster.UserAgent("terraform-provider-backfill", version), cluster.DefaultRetry())
		},
		edges: engine.Options{Now: time.Now, Random: rand.Reader},
	}
	for _, option := range options {
		option(p)
	}
	return p
}

// Metadata implements provider.Provider.
func (p *backfillProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "backfill"
	resp.Version = p.version
}

// Schema implements provider.Provider.
func (p *backfillProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Manages backfills on Argo Workflows. " +
			"Planning a new job needs no cluster. The settings below select the cluster for read and apply.",
		Attributes: settingsAttributes(),
	}
}

// ValidateConfig implements provider.ProviderWithValidateConfig.
func (p *backfillProvider) ValidateConfig(_ context.Context, req provider.ValidateConfigRequest,
	resp *provider.ValidateConfigResponse) {
	defer guard(&resp.Diagnostics, "checking the settings of", "provider")
	_, diags := readSettings(req.Config.Raw)
	resp.Diagnostics.Append(diags...)
}

// Configure implements provider.Provider. It sends no requests: the first read or
// apply connects to the cluster.
func (p *backfillProvider) Configure(_ context.Context, req provider.ConfigureRequest,
	resp *provider.ConfigureResponse) {
	defer guard(&resp.Diagnostics, "configuring", "provider")
	read, diags := readSettings(req.Config.Raw)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	var err error
	if read.cluster, err = read.cluster.WithEnvironment(p.lookup); err != nil {
		resp.Diagnostics.Append(clusterError(err))
		return
	}
	c := &connection{settings: read, connect: p.connect, edges: p.edges}
	p.connection = c
	resp.ResourceData = c
	resp.DataSourceData = c
}

// Resources implements provider.Provider.
func (p *backfillProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{newJobResource, newAwaitResource, newPoolResource}
}

// DataSources implements provider.Provider.
func (p *backfillProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{newJobDataSource, newPartitionsDataSource}
}

// Functions implements provider.ProviderWithFunctions.
func (p *backfillProvider) Functions(context.Context) []func() function.Function {
	return []func() function.Function{newCompileFunction, newPartitionsFunction, newSchemaFunction}
}
