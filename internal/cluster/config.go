// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cluster

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// Config is the cluster to use and the credentials. Empty fields are not set. Host,
// ConfigPath, ConfigPaths and InCluster select the cluster; one of them is required.
type Config struct {
	Host                  string
	Username, Password    string
	Insecure              *bool
	TLSServerName         string
	ClientCertificate     string // PEM
	ClientKey             string // PEM
	ClusterCACertificate  string // PEM
	ConfigPath            string
	ConfigPaths           []string
	ConfigContext         string
	ConfigContextAuthInfo string
	ConfigContextCluster  string
	Token                 string
	ProxyURL              string
	Exec                  *Exec
	// InCluster uses the service account of the pod in which the program runs.
	InCluster bool
	// MayAsk allows a credential plugin to read standard input.
	MayAsk bool
}

// String describes the cluster without secrets: a Config can be logged.
func (c Config) String() string {
	switch {
	case c.InCluster:
		return "in-cluster"
	case c.Host != "":
		return withoutPassword(c.Host)
	}
	return strings.Join(c.paths(), string(filepath.ListSeparator))
}

// GoString is String: no verb of package fmt prints secrets.
func (c Config) GoString() string { return c.String() }

// Format implements fmt.Formatter for every verb.
func (c Config) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// NamesCluster is true if the cluster is configured.
func (c Config) NamesCluster() bool {
	return c.InCluster || c.Host != "" || len(c.paths()) > 0
}

func (c Config) paths() []string {
	if c.ConfigPath != "" {
		return []string{c.ConfigPath}
	}
	return c.ConfigPaths
}

// Lookup finds an environment variable.
type Lookup func(name string) (value string, found bool)

// WithEnvironment sets empty fields of c from the KUBE_… variables that Kubernetes
// providers share. If c names a cluster, variables that name a cluster are ignored:
// a forgotten variable cannot redirect the provider. Variables with credentials are
// used, unless c has a credential plugin. A variable that cannot be parsed is an
// error.
func (c Config) WithEnvironment(lookup Lookup) (Config, error) {
	get := func(name string) string {
		v, _ := lookup(name)
		return v
	}
	fill := func(field *string, name string) {
		if *field == "" {
			*field = get(name)
		}
	}
	if !c.NamesCluster() {
		c.Host = get("KUBE_HOST")
		c.ConfigPath = get("KUBE_CONFIG_PATH")
		if c.ConfigPath == "" {
			c.ConfigPaths = splitPaths(get("KUBE_CONFIG_PATHS"))
		}
	}
	if c.Exec == nil {
		fill(&c.Username, "KUBE_USER")
		fill(&c.Password, "KUBE_PASSWORD")
		fill(&c.ClientCertificate, "KUBE_CLIENT_CERT_DATA")
		fill(&c.ClientKey, "KUBE_CLIENT_KEY_DATA")
		fill(&c.Token, "KUBE_TOKEN")
	}
	fill(&c.TLSServerName, "KUBE_TLS_SERVER_NAME")
	fill(&c.ClusterCACertificate, "KUBE_CLUSTER_CA_CERT_DATA")
	fill(&c.ConfigContext, "KUBE_CTX")
	fill(&c.ConfigContextAuthInfo, "KUBE_CTX_AUTH_INFO")
	fill(&c.ConfigContextCluster, "KUBE_CTX_CLUSTER")
	fill(&c.ProxyURL, "KUBE_PROXY_URL")
	if text := get("KUBE_INSECURE"); c.Insecure == nil && text != "" {
		insecure, err := strconv.ParseBool(text)
		if err != nil {
			return Config{}, misconfigured(fmt.Sprintf("The environment variable KUBE_INSECURE is %q. Set it to true or "+
				"false.", text))
		}
		c.Insecure = &insecure
	}
	return c.withHome(get("HOME")), nil
}

// WithKubeconfigVariable uses KUBECONFIG if no cluster is configured. The command
// line uses it like kubectl; the provider does not.
func (c Config) WithKubeconfigVariable(lookup Lookup) Config {
	if c.NamesCluster() {
		return c
	}
	list, _ := lookup("KUBECONFIG")
	c.ConfigPaths = splitPaths(list)
	home, _ := lookup("HOME")
	return c.withHome(home)
}

// withHome expands a leading ~ of paths.
func (c Config) withHome(home string) Config {
	expand := func(path string) string {
		if path == "~" || strings.HasPrefix(path, "~/") {
			return home + path[1:]
		}
		return path
	}
	c.ConfigPath = expand(c.ConfigPath)
	expanded := make([]string, 0, len(c.ConfigPaths))
	for _, path := range c.ConfigPaths {
		expanded = append(expanded, expand(path))
	}
	c.ConfigPaths = expanded
	return c
}

func splitPaths(list string) []string {
	var paths []string
	for _, path := range filepath.SplitList(list) {
		if path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

func misconfigured(detail string) *Error {
	return &Error{Reason: Misconfigured, Summary: "Invalid Cluster Configuration", Detail: withoutAnyPasswords(detail)}
}

// check rejects combinations in which one setting would be silently ignored.
func (c Config) check() error {
	switch {
	case !c.NamesCluster():
		return &Error{Reason: Misconfigured, Summary: "No Cluster Configured", Detail: "No cluster is configured. " +
			"Set \"host\", \"config_path\", \"config_paths\" or \"in_cluster\" in the provider's configuration, or one of " +
			"the environment variables " +
			"KUBE_HOST, KUBE_CONFIG_PATH and KUBE_CONFIG_PATHS. There is no default, to prevent backfills in the wrong cluster."}
	case c.InCluster && (c.Host != "" || len(c.paths()) > 0):
		return misconfigured("\"in_cluster\" is true, but \"host\", \"config_path\" or \"config_paths\" is also set. " +
			"Remove one of the two.")
	case c.ConfigPath != "" && len(c.ConfigPaths) > 0:
		return misconfigured("\"config_path\" and \"config_paths\" are both set. Remove one of the two.")
	case len(c.paths()) == 0 && (c.ConfigContext != "" || c.ConfigContextAuthInfo != "" || c.ConfigContextCluster != ""):
		return misconfigured("\"config_context\", \"config_context_auth_info\" or \"config_context_cluster\" (or its " +
			"variable KUBE_CTX, KUBE_CTX_AUTH_INFO, KUBE_CTX_CLUSTER) " +
			"is set, but no kubeconfig. Set \"config_path\" too, or remove it.")
	case (c.ClientCertificate == "") != (c.ClientKey == ""):
		return misconfigured("Only one of \"client_certificate\" and \"client_key\" is set. Set both or none.")
	case c.Exec != nil && len(c.clashing()) > 0:
		return misconfigured(fmt.Sprintf("\"exec\" and %s are both set, and both are credentials. Remove one of the two.",
			strings.Join(c.clashing(), ", ")))
	case c.Exec != nil && c.InCluster:
		return misconfigured("\"exec\" and \"in_cluster\" are both set, and both provide credentials. Remove one of the two.")
	case c.Exec != nil:
		return c.Exec.check()
	}
	return nil
}
