// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"strings"
	"sync"

	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// connector opens a connection without sending requests.
type connector func(cluster.Config) (cluster.Backend, error)

// connection is a configured provider. It connects to the cluster on first use:
// plans of new jobs work without a cluster.
type connection struct {
	settings settings
	connect  connector
	edges    engine.Options

	once   sync.Once
	engine *engine.Engine
	diags  tfdiag.Diagnostics

	// read are the jobs that were read, which comes before they are planned.
	// Terraform configures a provider for each of its walks, so that an apply has
	// read none.
	read sync.Map
}

func (c *connection) noteRead(namespace, name string) {
	if c != nil {
		c.read.Store(namespace+"/"+name, true)
	}
}

// hasRead tells whether a job was read since the provider was configured.
func (c *connection) hasRead(namespace, name string) bool {
	if c == nil {
		return false
	}
	_, found := c.read.Load(namespace + "/" + name)
	return found
}

// use returns the engine on the configured cluster, or nil: a provider without a
// cluster, or whose cluster is not known yet, is an error.
func (c *connection) use(diags *tfdiag.Diagnostics) *engine.Engine {
	if c == nil {
		diags.Append(fault(diag.CodeInternal, path.Empty(),
			"The provider needs a cluster, but Terraform has not configured the provider. "+
				"Please report this issue to the provider developers."))
		return nil
	}
	c.once.Do(c.open)
	diags.Append(c.diags...)
	return c.engine
}

// configured is the connection of the provider; nil before Terraform has configured
// the provider.
func configured(providerData any, diags *tfdiag.Diagnostics) *connection {
	c, ok := providerData.(*connection)
	if !ok && providerData != nil {
		diags.Append(fault(diag.CodeInternal, path.Empty(), "The provider was configured with a %T. Please report it.",
			providerData))
	}
	return c
}

// resourceBase is what the resources share that the framework serves.
type resourceBase struct {
	kind       string
	connection *connection
}

// idAttribute is their id, which never changes.
func idAttribute(doc string) schema.Attribute {
	return schema.StringAttribute{
		Computed:            true,
		MarkdownDescription: doc,
		PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
	}
}

// replaces is what of them never changes either, because it is of another one then.
func replaces() []planmodifier.String {
	return []planmodifier.String{stringplanmodifier.RequiresReplace()}
}

// Metadata implements resource.Resource.
func (r *resourceBase) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + r.kind
}

// Configure implements resource.ResourceWithConfigure.
func (r *resourceBase) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.connection = configured(req.ProviderData, &resp.Diagnostics)
}

// limits are the limits of the provider; none while it is not configured.
func (c *connection) limits() job.Limits {
	if c == nil {
		return job.Limits{}
	}
	return c.settings.limits
}

// instanceID is that of the Argo controller of the provider's jobs: null if it has
// none, and unknown while it is not known.
func (c *connection) instanceID() cty.Value {
	if c == nil || c.settings.instanceID == cty.NilVal {
		return cty.NullVal(cty.String)
	}
	return c.settings.instanceID
}

func (c *connection) open() {
	if len(c.settings.unknown) > 0 {
		c.diags.Append(fault(diag.CodeClusterUnknown, path.Empty(),
			"Reading or changing a job needs the cluster, but these attributes of the provider are known only after apply: %s. "+
				"Apply the resources they depend on first (terraform apply -target=…), or use known values.",
			strings.Join(c.settings.unknown, ", ")))
		return
	}
	backend, err := c.connect(c.settings.cluster)
	if err != nil {
		c.diags.Append(clusterError(err))
		return
	}
	c.engine = engine.New(backend, c.edges)
}

func clusterError(err error) tfdiag.Diagnostic {
	var known *cluster.Error
	if errors.As(err, &known) {
		d := diag.Error(diag.CodeCluster, nil, known.Summary, known.Detail)
		return convert(d, path.Empty(), d.Detail)
	}
	return fault(diag.CodeInternal, path.Empty(), "The provider cannot connect to the cluster: %v.", err)
}
