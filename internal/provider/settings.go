// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"regexp"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	resourceschema "github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// settings are the provider's configuration as written, in plain values.
type settings struct {
	cluster cluster.Config
	limits  job.Limits
	// instanceID is for jobs that have none of their own.
	instanceID cty.Value
	// unknown lists the attributes whose values are not known yet, sorted.
	unknown []string
}

// instanceID is an attribute of the provider, and the one of a job whose default it is.
const instanceID = "instance_id"

var labelValue = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`)

// setting is a text of the configuration: where it goes, and the environment variable
// that replaces it, which has the name that the other Kubernetes providers use.
type setting struct {
	name string
	into *string
	env  string
	doc  string
}

func textSettings(c *cluster.Config) []setting {
	return []setting{
		{"host", &c.Host, "KUBE_HOST", "URL of the Kubernetes API server, such as `https://10.0.0.1:6443`."},
		{"username", &c.Username, "KUBE_USER", "User name for basic authentication."},
		{"password", &c.Password, "KUBE_PASSWORD", "Password for basic authentication."},
		{"tls_server_name", &c.TLSServerName, "KUBE_TLS_SERVER_NAME",
			"Name to expect in the server's certificate, if it is not the host name."},
		{"client_certificate", &c.ClientCertificate, "KUBE_CLIENT_CERT_DATA",
			"PEM client certificate for TLS authentication."},
		{"client_key", &c.ClientKey, "KUBE_CLIENT_KEY_DATA", "PEM key of the client certificate."},
		{"cluster_ca_certificate", &c.ClusterCACertificate, "KUBE_CLUSTER_CA_CERT_DATA",
			"PEM bundle of the authorities that may sign the server's certificate."},
		{"config_path", &c.ConfigPath, "KUBE_CONFIG_PATH", "Path of a kubeconfig file; `~` is your home directory."},
		{"config_context", &c.ConfigContext, "KUBE_CTX", "Context of the kubeconfig to use."},
		{"config_context_auth_info", &c.ConfigContextAuthInfo, "KUBE_CTX_AUTH_INFO",
			"User of the kubeconfig to use, instead of the context's."},
		{"config_context_cluster", &c.ConfigContextCluster, "KUBE_CTX_CLUSTER",
			"Cluster of the kubeconfig to use, instead of the context's."},
		{"token", &c.Token, "KUBE_TOKEN",
			"Bearer token. White space around it, such as the line break of a file, is removed."},
		{"proxy_url", &c.ProxyURL, "KUBE_PROXY_URL", "Proxy for all requests: http, https or socks5."},
	}
}

// secrets are the texts that Terraform does not show.
var secrets = []string{"password", "client_certificate", "client_key", "token"}

func settingsAttributes() map[string]schema.Attribute {
	orEnv := func(name string) string { return " Can be set with `" + name + "`." }
	attributes := map[string]schema.Attribute{
		"limits": resourceschema.SingleNestedAttribute{
			Optional:   true,
			Attributes: tableAttributes(jobschema.Limits(), false),
			MarkdownDescription: "Limits that no job of this provider may exceed. They are checked when there is something to " +
				"apply; `override_limits` of a job lists the limits that it exceeds on purpose.",
		},
		instanceID: schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "The `instanceID` of the Argo controller that runs the jobs, for jobs that do not set " +
				"`instance_id`. Needed in clusters where the controller has one: it ignores all other Workflows. " +
				"Functions do not read it.",
			Validators: []validator.String{stringvalidator.RegexMatches(labelValue,
				"must be the value of a Kubernetes label: at most 63 letters, digits, dashes, underscores and dots, starting "+
					"and ending with a letter or digit")},
		},
		"insecure": schema.BoolAttribute{
			Optional:            true,
			MarkdownDescription: "Do not verify the server's certificate." + orEnv("KUBE_INSECURE"),
		},
		"config_paths": schema.ListAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Paths of several kubeconfig files, merged as kubectl does." + orEnv("KUBE_CONFIG_PATHS") +
				" The variable is split at the system's path list separator.",
			Validators: []validator.List{listvalidator.SizeAtLeast(1)},
		},
		"in_cluster": schema.BoolAttribute{
			Optional: true,
			MarkdownDescription: "Use the service account of the pod that Terraform runs in. " +
				"Never used by default.",
		},
		"exec": execAttribute(),
	}
	for _, of := range textSettings(&cluster.Config{}) {
		a := schema.StringAttribute{
			Optional:            true,
			Sensitive:           slices.Contains(secrets, of.name),
			MarkdownDescription: of.doc + orEnv(of.env),
		}
		if of.name == "config_path" {
			a.Validators = []validator.String{stringvalidator.ConflictsWith(path.MatchRoot("config_paths"))}
		}
		attributes[of.name] = a
	}
	return attributes
}

func execAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "Program that prints credentials, such as `gke-gcloud-auth-plugin` or `aws eks get-token`. " +
			"No other credentials are used: of a kubeconfig, only the cluster is used. The program cannot read standard " +
			"input. Its standard error goes to Terraform's log.",
		Attributes: map[string]schema.Attribute{
			"api_version": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "Version of the credential protocol: `client.authentication.k8s.io/v1` or " +
					"`client.authentication.k8s.io/v1beta1`.",
			},
			"command": schema.StringAttribute{Required: true, MarkdownDescription: "Program to run."},
			"args": schema.ListAttribute{
				Optional:            true,
				ElementType:         types.StringType,
				MarkdownDescription: "Arguments of the program.",
			},
			"env": schema.MapAttribute{
				Optional: true, Sensitive: true, ElementType: types.StringType,
				MarkdownDescription: "Environment variables of the program, in addition to those of Terraform.",
			},
		},
	}
}

// readSettings reads the provider's configuration. Limits that are not known yet are
// checked during apply.
func readSettings(config tftypes.Value) (s settings, diags tfdiag.Diagnostics) {
	attributes := attributesOf(config)
	for _, of := range textSettings(&s.cluster) {
		*of.into = stringOf(attributes[of.name])
	}
	s.cluster.Insecure, s.cluster.InCluster = boolOf(attributes["insecure"]), isTrue(attributes["in_cluster"])
	s.cluster.ConfigPaths = stringsOf(attributes["config_paths"])
	switch id := attributes[instanceID]; {
	case !id.IsKnown():
		s.instanceID = cty.UnknownVal(cty.String)
	case !id.IsNull():
		s.instanceID = cty.StringVal(stringOf(id))
	}
	delete(attributes, instanceID) // no connection needs it
	written := attributes["limits"]
	delete(attributes, "limits")
	value, err := toCty(written, written.Type(), jobschema.Type(jobschema.Limits()))
	if err != nil {
		internalError(&diags, "reading the limits of the provider", err)
		return s, diags
	}
	if !value.IsKnown() {
		value = cty.NullVal(value.Type())
	}
	limits, problems := job.ParseLimits(value)
	s.limits, diags = limits, atAttributes(problems)

	if exec := attributes["exec"]; exec.IsKnown() && !exec.IsNull() {
		delete(attributes, "exec")
		parts := attributesOf(exec)
		s.cluster.Exec = readExec(parts)
		s.unknown = unknownAmong("exec.", parts)
	}
	s.unknown = append(s.unknown, unknownAmong("", attributes)...)
	slices.Sort(s.unknown)
	return s, diags
}

func readExec(parts values) *cluster.Exec {
	e := &cluster.Exec{
		APIVersion: stringOf(parts["api_version"]),
		Command:    stringOf(parts["command"]),
		Args:       stringsOf(parts["args"]),
		Env:        map[string]string{},
	}
	for name, v := range attributesOf(parts["env"]) { // none while it is not known
		e.Env[name] = stringOf(v)
	}
	return e
}

func unknownAmong(prefix string, attributes values) []string {
	var names []string
	for name, v := range attributes {
		if !v.IsFullyKnown() {
			names = append(names, prefix+name)
		}
	}
	return names
}
