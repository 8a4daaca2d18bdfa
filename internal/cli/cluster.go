// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"crypto/rand"
	"errors"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
)

// clusterFlags select the cluster and the namespace.
type clusterFlags struct {
	Namespace  string `short:"n" default:"default" help:"Namespace of the job. Never read from a kubeconfig."`
	Kubeconfig string `placeholder:"FILE" help:"Kubeconfig to use. Defaults to KUBECONFIG, KUBE_CONFIG_PATH or KUBE_CONFIG_PATHS."`
	Context    string `placeholder:"NAME" help:"Context of the kubeconfig."`
}

// errNoCluster names flags instead of attributes.
var errNoCluster = &cluster.Error{
	Reason: cluster.Misconfigured, Summary: "No Cluster Configured",
	Detail: "No cluster is configured. Pass --kubeconfig, or set the environment variable KUBECONFIG, KUBE_CONFIG_PATH, " +
		"KUBE_CONFIG_PATHS or KUBE_HOST. There is no default.",
}

// engine connects to the cluster of the flags or the environment.
func (a *app) engine(f clusterFlags) (*engine.Engine, error) {
	backend, err := a.connect(f)
	var known *cluster.Error
	switch {
	case errors.As(err, &known):
		return nil, a.finish(hcl.Diagnostics{diag.Error(diag.CodeCluster, nil, known.Summary, known.Detail)}, nil)
	case err != nil:
		return nil, err
	}
	return engine.New(backend, engine.Options{Now: time.Now, Random: rand.Reader}), nil
}

func (a *app) connect(f clusterFlags) (cluster.Backend, error) {
	lookup := func(name string) (string, bool) {
		value := a.Getenv(name)
		return value, value != ""
	}
	c := cluster.Config{ConfigPath: f.Kubeconfig, ConfigContext: f.Context, MayAsk: true}.WithKubeconfigVariable(lookup)
	c, err := c.WithEnvironment(lookup)
	if err != nil {
		return nil, err
	}
	if !c.NamesCluster() {
		return nil, errNoCluster
	}
	if a.Connect != nil {
		return a.Connect(c)
	}
	return cluster.Connect(c, cluster.UserAgent("backfill", a.Version), cluster.DefaultRetry())
}
