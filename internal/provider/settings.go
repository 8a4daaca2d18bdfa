// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// settings are the provider's configuration as written, in plain values.
type settings struct {
	cluster cluster.Config
	limits  job.Limits
	// unknown lists the attributes whose values are not known yet, sorted.
	unknown []string
}

// read reads the settings from Terraform's values.
func (m settingsModel) read(ctx context.Context) (settings, diag.Diagnostics) {
	r := &settingsReader{ctx: ctx}
	c := cluster.Config{
		Host:                  r.text("host", m.Host),
		Username:              r.text("username", m.Username),
		Password:              r.text("password", m.Password),
		TLSServerName:         r.text("tls_server_name", m.TLSServerName),
		ClientCertificate:     r.text("client_certificate", m.ClientCertificate),
		ClientKey:             r.text("client_key", m.ClientKey),
		ClusterCACertificate:  r.text("cluster_ca_certificate", m.ClusterCACertificate),
		ConfigPath:            r.text("config_path", m.ConfigPath),
		ConfigPaths:           r.texts("config_paths", m.ConfigPaths),
		ConfigContext:         r.text("config_context", m.ConfigContext),
		ConfigContextAuthInfo: r.text("config_context_auth_info", m.ConfigContextAuthInfo),
		ConfigContextCluster:  r.text("config_context_cluster", m.ConfigContextCluster),
		Token:                 r.text("token", m.Token),
		ProxyURL:              r.text("proxy_url", m.ProxyURL),
		Exec:                  r.exec(m.Exec),
	}
	if insecure := r.flag("insecure", m.Insecure); !m.Insecure.IsNull() {
		c.Insecure = &insecure
	}
	c.InCluster = r.flag("in_cluster", m.InCluster)
	slices.Sort(r.unknown)
	return settings{cluster: c, unknown: slices.Compact(r.unknown)}, r.diags
}

type settingsReader struct {
	ctx     context.Context
	unknown []string
	diags   diag.Diagnostics
}

func (r *settingsReader) isUnknown(name string, v attr.Value) bool {
	if v.IsUnknown() {
		r.unknown = append(r.unknown, name)
	}
	return v.IsUnknown()
}

func (r *settingsReader) text(name string, v types.String) string {
	r.isUnknown(name, v)
	return v.ValueString()
}

func (r *settingsReader) flag(name string, v types.Bool) bool {
	r.isUnknown(name, v)
	return v.ValueBool()
}

func (r *settingsReader) texts(name string, list types.List) []string {
	if list.IsNull() || r.isUnknown(name, list) {
		return nil
	}
	var elements []types.String
	r.diags.Append(list.ElementsAs(r.ctx, &elements, false)...)
	var out []string
	for _, e := range elements {
		out = append(out, r.text(name, e))
	}
	return out
}

func (r *settingsReader) exec(o types.Object) *cluster.Exec {
	if o.IsNull() || r.isUnknown("exec", o) {
		return nil
	}
	var m execModel
	r.diags.Append(o.As(r.ctx, &m, basetypes.ObjectAsOptions{})...)
	e := &cluster.Exec{
		APIVersion: r.text("exec.api_version", m.APIVersion),
		Command:    r.text("exec.command", m.Command),
		Args:       r.texts("exec.args", m.Args),
		Env:        map[string]string{},
	}
	if m.Env.IsNull() || r.isUnknown("exec.env", m.Env) {
		return e
	}
	elements := map[string]types.String{}
	r.diags.Append(m.Env.ElementsAs(r.ctx, &elements, false)...)
	for name, v := range elements {
		e.Env[name] = r.text("exec.env", v)
	}
	return e
}
