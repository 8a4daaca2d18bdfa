// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// settingsModel is the provider's configuration as written.
type settingsModel struct {
	Host                  types.String `tfsdk:"host"`
	Username              types.String `tfsdk:"username"`
	Password              types.String `tfsdk:"password"`
	Insecure              types.Bool   `tfsdk:"insecure"`
	TLSServerName         types.String `tfsdk:"tls_server_name"`
	ClientCertificate     types.String `tfsdk:"client_certificate"`
	ClientKey             types.String `tfsdk:"client_key"`
	ClusterCACertificate  types.String `tfsdk:"cluster_ca_certificate"`
	ConfigPath            types.String `tfsdk:"config_path"`
	ConfigPaths           types.List   `tfsdk:"config_paths"` //< types.String
	ConfigContext         types.String `tfsdk:"config_context"`
	ConfigContextAuthInfo types.String `tfsdk:"config_context_auth_info"`
	ConfigContextCluster  types.String `tfsdk:"config_context_cluster"`
	Token                 types.String `tfsdk:"token"`
	ProxyURL              types.String `tfsdk:"proxy_url"`
	InCluster             types.Bool   `tfsdk:"in_cluster"`
	Exec                  types.Object `tfsdk:"exec"`   //< execModel
	Limits                types.Object `tfsdk:"limits"` // see readLimits
}

// execModel is a credential plugin.
type execModel struct {
	APIVersion types.String `tfsdk:"api_version"`
	Command    types.String `tfsdk:"command"`
	Args       types.List   `tfsdk:"args"` //< types.String
	Env        types.Map    `tfsdk:"env"`  //< types.String
}

// Environment variables of the settings, with the names of the other Kubernetes
// providers.
const (
	envHost        = "KUBE_HOST"
	envUser        = "KUBE_USER"
	envPassword    = "KUBE_PASSWORD"
	envInsecure    = "KUBE_INSECURE"
	envTLSName     = "KUBE_TLS_SERVER_NAME"
	envClientCert  = "KUBE_CLIENT_CERT_DATA"
	envClientKey   = "KUBE_CLIENT_KEY_DATA"
	envClusterCA   = "KUBE_CLUSTER_CA_CERT_DATA"
	envConfigPath  = "KUBE_CONFIG_PATH"
	envConfigPaths = "KUBE_CONFIG_PATHS"
	envContext     = "KUBE_CTX"
	envAuthInfo    = "KUBE_CTX_AUTH_INFO"
	envCtxCluster  = "KUBE_CTX_CLUSTER"
	envToken       = "KUBE_TOKEN"
	envProxyURL    = "KUBE_PROXY_URL"
)

func settingsAttributes() map[string]schema.Attribute {
	text := func(doc, env string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: doc + orEnv(env)}
	}
	secret := func(doc, env string) schema.StringAttribute {
		a := text(doc, env)
		a.Sensitive = true
		return a
	}
	configPath := text("Path of a kubeconfig file; `~` is your home directory.", envConfigPath)
	configPath.Validators = []validator.String{
		stringvalidator.ConflictsWith(path.MatchRoot("config_paths")),
	}
	return map[string]schema.Attribute{
		"limits":   limitsAttribute(),
		"host":     text("URL of the Kubernetes API server, such as `https://10.0.0.1:6443`.", envHost),
		"username": text("User name for basic authentication.", envUser),
		"password": secret("Password for basic authentication.", envPassword),
		"insecure": schema.BoolAttribute{
			Optional:            true,
			MarkdownDescription: "Do not verify the server's certificate." + orEnv(envInsecure),
		},
		"tls_server_name": text("Name to expect in the server's certificate, if it is not the host name.",
			envTLSName),
		"client_certificate": secret("PEM client certificate for TLS authentication.", envClientCert),
		"client_key":         secret("PEM key of the client certificate.", envClientKey),
		"cluster_ca_certificate": text("PEM bundle of the authorities that may sign the server's certificate.",
			envClusterCA),
		"config_path":              configPath,
		"config_context":           text("Context of the kubeconfig to use.", envContext),
		"config_context_auth_info": text("User of the kubeconfig to use, instead of the context's.", envAuthInfo),
		"config_context_cluster":   text("Cluster of the kubeconfig to use, instead of the context's.", envCtxCluster),
		"token":                    secret("Bearer token.", envToken),
		"proxy_url":                text("Proxy for all requests: http, https or socks5.", envProxyURL),
		"config_paths": schema.ListAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Paths of several kubeconfig files, merged as kubectl does." + orEnv(envConfigPaths) +
				" The variable is split at the system's path list separator.",
			Validators: []validator.List{listvalidator.SizeAtLeast(1)},
		},
		"in_cluster": schema.BoolAttribute{
			Optional: true,
			MarkdownDescription: "Use the service account of the pod that Terraform runs in. " +
				"Never used by default.",
		},
		"exec": schema.SingleNestedAttribute{
			Optional: true,
			MarkdownDescription: "Program that prints credentials, such as `gke-gcloud-auth-plugin` or `aws eks get-token`. " +
				"No other credentials are used: " +
				"of a kubeconfig, only the cluster is used. The program cannot read standard input. Its standard error goes to " +
				"Terraform's log.",
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
		},
	}
}

func orEnv(name string) string { return " Can be set with `" + name + "`." }
