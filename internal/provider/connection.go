// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
)

// connector opens a connection; nothing is sent yet.
type connector func(cluster.Config) (cluster.Backend, error)

// connection is a configured provider. It reaches for the cluster when that is
// first needed, so that plans of new jobs work without one.
type connection struct {
	settings settings
	connect  connector
	edges    engine.Options

	once   sync.Once
	engine *engine.Engine
	diags  diag.Diagnostics
}

// use returns the engine on the configured cluster. Nothing is ever assumed: a
// provider that does not know its cluster yet, or was given none, is an error.
func (c *connection) use() (*engine.Engine, diag.Diagnostics) {
	if c == nil {
		return nil, diag.Diagnostics{diag.NewErrorDiagnostic("Provider Not Configured",
			"The provider was asked for a cluster before Terraform configured it. "+
				"Please report this issue to the provider developers.")}
	}
	c.once.Do(c.open)
	return c.engine, c.diags
}

func (c *connection) open() {
	if len(c.settings.unknown) > 0 {
		c.diags.AddError("Cluster Not Known Yet", fmt.Sprintf(
			"Reading or changing a job needs the cluster, but these attributes of the provider will be known only after an apply: %s. "+
				"Apply first what they come from (terraform apply -target=…), or give them values that are known. No other cluster is used instead.",
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

func clusterError(err error) diag.Diagnostic {
	var known *cluster.Error
	if errors.As(err, &known) {
		return diag.NewErrorDiagnostic(known.Summary, known.Detail)
	}
	return diag.NewErrorDiagnostic("Invalid Cluster Configuration", err.Error()+". Correct the provider's configuration.")
}
