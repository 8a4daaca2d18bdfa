// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// requestTimeout limits one request. A timeout is retried like a lost response.
const requestTimeout = 30 * time.Second

// restConfig converts a configuration for client-go. It reads only the kubeconfig
// files that the configuration names.
func (c Config) restConfig(userAgent string) (*rest.Config, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	var (
		rc  *rest.Config
		err error
	)
	switch {
	case c.InCluster:
		rc, err = inCluster()
	case len(c.paths()) > 0:
		rc, err = c.fromKubeconfig()
	default:
		rc = &rest.Config{}
	}
	if err != nil {
		return nil, err
	}
	if err := c.override(rc); err != nil {
		return nil, err
	}
	if err := checkToken(rc); err != nil {
		return nil, err
	}
	rc.UserAgent = userAgent
	if !c.MayAsk {
		keepStdin(rc)
	}
	// The API server has its own flow control. A client-side limit would only
	// slow down plans of many jobs.
	rc.QPS, rc.Burst = 1000, 2000
	rc.WarningHandler = rest.NoWarnings{}
	return rc, nil
}

func inCluster() (*rest.Config, error) {
	rc, err := rest.InClusterConfig()
	if err != nil {
		return nil, misconfigured(fmt.Sprintf("\"in_cluster\" is true, but there is no service account of a pod: %v. "+
			"It works only in a pod of the cluster. Elsewhere, set \"host\" or \"config_path\".", err))
	}
	return rc, nil
}

func (c Config) fromKubeconfig() (*rest.Config, error) {
	paths := c.paths()
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, &Error{Reason: Misconfigured, Summary: "Kubeconfig Not Found", Err: err,
				Detail: fmt.Sprintf("The kubeconfig %q does not exist. "+
					"Correct \"config_path\" or \"config_paths\" (or KUBE_CONFIG_PATH, KUBE_CONFIG_PATHS; on the command line "+
					"--kubeconfig or KUBECONFIG), or create the file.", path)}
		case err != nil:
			return nil, unreadable(path, err)
		case info.IsDir():
			return nil, unreadable(path, errors.New("it is a directory"))
		}
	}
	loaded, err := (&clientcmd.ClientConfigLoadingRules{Precedence: paths}).Load()
	if err != nil {
		return nil, unreadable(strings.Join(paths, ", "), err)
	}
	overrides := &clientcmd.ConfigOverrides{CurrentContext: c.ConfigContext}
	overrides.Context = api.Context{AuthInfo: c.ConfigContextAuthInfo, Cluster: c.ConfigContextCluster}
	if err := c.checkContext(loaded); err != nil {
		return nil, err
	}
	rc, err := clientcmd.NewNonInteractiveClientConfig(*loaded, c.ConfigContext, overrides, nil).ClientConfig()
	if err != nil {
		return nil, unreadable(strings.Join(paths, ", "), err)
	}
	return rc, nil
}

func unreadable(path string, err error) *Error {
	return &Error{Reason: Misconfigured, Summary: "Unusable Kubeconfig", Err: err,
		Detail: withoutAnyPasswords(fmt.Sprintf("The kubeconfig %s is not usable: %v. Check it with \"kubectl config view\".",
			path, err))}
}

// checkContext checks that the context, cluster and user exist: client-go would fall
// back to an empty cluster, localhost.
func (c Config) checkContext(k *api.Config) error {
	current := c.ConfigContext
	if current == "" {
		current = k.CurrentContext
	}
	context := k.Contexts[current]
	where := strings.Join(c.paths(), ", ")
	clusterName, user := c.ConfigContextCluster, c.ConfigContextAuthInfo
	switch {
	case context != nil:
		if clusterName == "" {
			clusterName = context.Cluster
		}
		if user == "" {
			user = context.AuthInfo
		}
	case current != "":
		return misconfigured(fmt.Sprintf("The kubeconfig %s has no context %q; it has %s. Correct \"config_context\" (on "+
			"the command line --context).", where, current, names(k.Contexts)))
	case clusterName == "":
		return misconfigured(fmt.Sprintf("The kubeconfig %s has no current context; it has %s. Set \"config_context\" (on "+
			"the command line --context).", where, names(k.Contexts)))
	}
	if k.Clusters[clusterName] == nil {
		return misconfigured(fmt.Sprintf("The kubeconfig %s has no cluster %q; it has %s. Correct "+
			"\"config_context_cluster\" or the context.", where, clusterName, names(k.Clusters)))
	}
	if user != "" && k.AuthInfos[user] == nil {
		return misconfigured(fmt.Sprintf("The kubeconfig %s has no user %q; it has %s. Correct "+
			"\"config_context_auth_info\" or the context.", where, user, names(k.AuthInfos)))
	}
	return nil
}

func names[T any](m map[string]T) string {
	if len(m) == 0 {
		return "none"
	}
	var all []string
	for name := range m {
		all = append(all, fmt.Sprintf("%q", name))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// override replaces settings of the kubeconfig with the explicit fields.
func (c Config) override(rc *rest.Config) error {
	if c.Host != "" {
		tls := c.ClusterCACertificate != "" || c.ClientCertificate != "" || c.Insecure != nil && *c.Insecure
		u, _, err := rest.DefaultServerURL(c.Host, "", Resource(ConfigMap).GroupVersion(), tls)
		if err != nil {
			return unusableHost(c.Host, err)
		}
		rc.Host = u.String()
	}
	if c.Username != "" || c.Password != "" {
		rc.Username, rc.Password = c.Username, c.Password
	}
	if c.Token != "" {
		rc.BearerToken, rc.BearerTokenFile = c.Token, ""
		rc.ExecProvider, rc.AuthProvider = nil, nil
	}
	if c.ClientCertificate != "" {
		rc.CertData, rc.CertFile = []byte(c.ClientCertificate), ""
		rc.KeyData, rc.KeyFile = []byte(c.ClientKey), ""
	}
	if c.ClusterCACertificate != "" {
		rc.CAData, rc.CAFile = []byte(c.ClusterCACertificate), ""
		rc.Insecure = false
	}
	if c.TLSServerName != "" {
		rc.ServerName = c.TLSServerName
	}
	if c.Insecure != nil {
		rc.Insecure = *c.Insecure
		if rc.Insecure && c.ClusterCACertificate != "" {
			return misconfigured("\"insecure\" is true, but \"cluster_ca_certificate\" is also set. Remove one of the two.")
		}
		if rc.Insecure {
			rc.CAData, rc.CAFile = nil, ""
		}
	}
	return c.overrideTransport(rc)
}

func (c Config) overrideTransport(rc *rest.Config) error {
	if c.ProxyURL != "" {
		u, err := url.Parse(c.ProxyURL)
		if err != nil || u.Host == "" {
			// The URL may contain a password, so the message does not repeat it.
			return misconfigured("\"proxy_url\" is not a valid URL. Use the form http://, https:// or socks5://name:port.")
		}
		rc.Proxy = http.ProxyURL(u)
	}
	if c.Exec != nil {
		c.Exec.use(rc)
	}
	return nil
}

func sortedKeys(m map[string]string) []string {
	var all []string
	for name := range m {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
