// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func environment(pairs ...string) Lookup {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

const kubeconfig = `apiVersion: v1
kind: Config
current-context: main
clusters:
- {name: prod, cluster: {server: "https://prod.example.com:6443"}}
- {name: test, cluster: {server: "https://test.example.com:6443"}}
users:
- {name: me, user: {token: secret-of-me}}
contexts:
- {name: main, context: {cluster: prod, user: me}}
- {name: lost, context: {cluster: nowhere, user: me}}
`

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhichClusterIsMeant(t *testing.T) {
	path := write(t, kubeconfig)
	empty := write(t, "")
	yes := true
	plugin := &Exec{APIVersion: "client.authentication.k8s.io/v1", Command: "get-token"}
	tests := map[string]struct {
		config Config
		env    Lookup
		host   string
		token  string
		err    string
	}{
		"nothing":                {Config{}, environment(), "", "", "No Cluster Configured"},
		"credentials alone":      {Config{Token: "t"}, environment(), "", "", "KUBE_CONFIG_PATHS"},
		"KUBECONFIG is not read": {Config{}, environment("KUBECONFIG", path), "", "", "No Cluster Configured"},
		"host":                   {Config{Host: "https://a:1"}, environment(), "https://a:1", "", ""},
		"host without scheme":    {Config{Host: "a:1", Insecure: &yes}, environment(), "https://a:1", "", ""},
		"host of the environment": {
			Config{},
			environment("KUBE_HOST", "https://a:1", "KUBE_TOKEN", "t"),
			"https://a:1",
			"t",
			"",
		},
		"explicit host, variable elsewhere": {
			Config{Host: "https://a:1"},
			environment("KUBE_CONFIG_PATH", path, "KUBE_HOST", "https://b:1"),
			"https://a:1",
			"",
			"",
		},
		"kubeconfig": {
			Config{ConfigPath: path},
			environment(),
			"https://prod.example.com:6443",
			"secret-of-me",
			"",
		},
		"explicit path, host variable": {
			Config{ConfigPath: path},
			environment("KUBE_HOST", "https://b:1"),
			"https://prod.example.com:6443",
			"secret-of-me",
			"",
		},
		"explicit path, paths variable": {
			Config{ConfigPath: path},
			environment("KUBE_CONFIG_PATHS", empty),
			"https://prod.example.com:6443",
			"secret-of-me",
			"",
		},
		"path variable": {
			Config{},
			environment("KUBE_CONFIG_PATH", path),
			"https://prod.example.com:6443",
			"secret-of-me",
			"",
		},
		"paths variable": {
			Config{},
			environment("KUBE_CONFIG_PATHS", empty+string(filepath.ListSeparator)+path),
			"https://prod.example.com:6443",
			"secret-of-me",
			"",
		},
		"home": {
			Config{ConfigPath: "~/kubeconfig"},
			environment("HOME", filepath.Dir(path)),
			"https://prod.example.com:6443",
			"secret-of-me",
			"",
		},
		"token over kubeconfig": {
			Config{ConfigPath: path, Token: "t"},
			environment(),
			"https://prod.example.com:6443",
			"t",
			"",
		},
		"cluster by name": {
			Config{ConfigPath: path, ConfigContextCluster: "test"},
			environment(),
			"https://test.example.com:6443",
			"secret-of-me",
			"",
		},
		"context that is not there": {
			Config{ConfigPath: path, ConfigContext: "x"},
			environment(),
			"",
			"",
			`has no context "x"; it has "lost", "main"`,
		},
		"context of a lost cluster": {
			Config{ConfigPath: path, ConfigContext: "lost"},
			environment(),
			"",
			"",
			`no cluster "nowhere"; it has "prod", "test"`,
		},
		"user that is not there": {
			Config{ConfigPath: path, ConfigContextAuthInfo: "x"},
			environment(),
			"",
			"",
			`no user "x"`,
		},
		"context without kubeconfig": {
			Config{Host: "https://a:1"},
			environment("KUBE_CTX", "main"),
			"",
			"",
			"KUBE_CTX",
		},
		"empty kubeconfig": {
			Config{ConfigPath: empty},
			environment(),
			"",
			"",
			"no current context; it has none",
		},
		"kubeconfig that is not there": {
			Config{ConfigPath: path + ".not"},
			environment(),
			"",
			"",
			"Kubeconfig Not Found",
		},
		"second kubeconfig not there": {
			Config{ConfigPaths: []string{path, path + ".not"}},
			environment(),
			"",
			"",
			"Kubeconfig Not Found",
		},
		"kubeconfig is a directory": {
			Config{ConfigPath: filepath.Dir(path)},
			environment(),
			"",
			"",
			"is a directory",
		},
		"kubeconfig is no YAML": {
			Config{ConfigPath: write(t, "{{{")},
			environment(),
			"",
			"",
			"Unusable Kubeconfig",
		},
		"path and paths": {
			Config{ConfigPath: path, ConfigPaths: []string{path}},
			environment(),
			"",
			"",
			"both set",
		},
		"in cluster and host": {
			Config{InCluster: true, Host: "https://a:1"},
			environment(),
			"",
			"",
			`"in_cluster" is true`,
		},
		"in cluster, outside": {
			Config{InCluster: true},
			environment("KUBE_HOST", "https://b:1"),
			"",
			"",
			"there is no service account of a pod",
		},
		"certificate without key": {
			Config{Host: "https://a:1", ClientCertificate: "x"},
			environment(),
			"",
			"",
			"Set both or none",
		},
		"insecure with CA": {
			Config{Host: "https://a:1", Insecure: &yes, ClusterCACertificate: "x"},
			environment(),
			"",
			"",
			"Remove one of the two",
		},
		"insecure variable": {
			Config{Host: "https://a:1"},
			environment("KUBE_INSECURE", "maybe"),
			"",
			"",
			"KUBE_INSECURE",
		},
		"proxy": {
			Config{Host: "https://a:1", ProxyURL: "http://u:hidden@p:1"},
			environment(),
			"https://a:1",
			"",
			"",
		},
		"plugin and token": {
			Config{Host: "https://a:1", Token: "hidden", Exec: plugin},
			environment(),
			"",
			"",
			`"exec" and "token" are both set`,
		},
		"plugin and basic": {
			Config{Host: "https://a:1", Username: "u", Password: "hidden", Exec: plugin},
			environment(),
			"",
			"",
			`"password", "username"`,
		},
		"plugin, credentials of variables": {
			Config{Host: "https://a:1", Exec: plugin},
			environment("KUBE_TOKEN", "hidden", "KUBE_USER", "u"),
			"https://a:1",
			"",
			"",
		},
		"plugin in the cluster": {
			Config{InCluster: true, Exec: plugin},
			environment(),
			"",
			"",
			`"exec" and "in_cluster"`,
		},
		"plugin without command": {
			Config{Host: "https://a:1", Exec: &Exec{APIVersion: plugin.APIVersion}},
			environment(),
			"",
			"",
			`no "command"`,
		},
		"plugin of an unknown version": {
			Config{Host: "https://a:1", Exec: &Exec{APIVersion: "v1", Command: "a"}},
			environment(),
			"",
			"",
			"client.authentication.k8s.io/v1beta1",
		},
		"plugin beside a kubeconfig": {
			Config{ConfigPath: path, Exec: plugin},
			environment(),
			"https://prod.example.com:6443",
			"",
			"",
		},
		"bad proxy": {
			Config{Host: "https://a:1", ProxyURL: "://hidden"},
			environment(),
			"",
			"",
			"proxy_url",
		},
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config, err := test.config.WithEnvironment(test.env)
			if err == nil {
				var host, token string
				rc, rcErr := config.restConfig("test")
				if err = rcErr; err == nil {
					host, token = rc.Host, rc.BearerToken
				}
				if host != test.host || token != test.token {
					t.Errorf("host %q and token %q, want %q and %q (%v)", host, token, test.host, test.token, err)
				}
			}
			switch {
			case test.err == "" && err != nil:
				t.Error(err)
			case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
				t.Errorf("error %v, want %q in it", err, test.err)
			case err != nil && strings.Contains(err.Error(), "hidden"):
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestKubeconfigVariableIsForTheCommandLine(t *testing.T) {
	path := write(t, kubeconfig)
	env := environment("KUBECONFIG", path)
	if got := (Config{}).WithKubeconfigVariable(env).String(); got != path {
		t.Errorf("got %q, want %q", got, path)
	}
	if got := (Config{Host: "https://a:1"}).WithKubeconfigVariable(env).String(); got != "https://a:1" {
		t.Errorf("got %q, want the host", got)
	}
}

func TestConfigPrintsNoSecret(t *testing.T) {
	c := Config{
		Host:      "https://a:1",
		Token:     "hidden",
		Password:  "hidden",
		ClientKey: "hidden",
		ProxyURL:  "http://u:hidden@p:1",
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if text := fmt.Sprintf(
			verb,
			c,
		); strings.Contains(text, "hidden") ||
			strings.Contains(text, fmt.Sprintf("%x", "hidden")) {
			t.Errorf("%s prints %s", verb, text)
		}
		if text := fmt.Sprintf(verb, &c); strings.Contains(text, "hidden") {
			t.Errorf("%s of a pointer prints %s", verb, text)
		}
	}
}

// Neither a pod's own credentials nor the file that kubectl would take are used
// unless the configuration says so.
func TestNothingIsTakenUnasked(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".kube"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".kube", "config"), []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("KUBECONFIG", write(t, kubeconfig))
	t.Setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "443")
	config, err := Config{}.WithEnvironment(func(name string) (string, bool) {
		if strings.HasPrefix(name, "KUBE_") { // whoever runs the tests may have them
			return "", false
		}
		return os.LookupEnv(name)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.restConfig(
		"test",
	); ReasonOf(err) != Misconfigured ||
		!strings.Contains(err.Error(), "No Cluster Configured") {
		t.Errorf("got %v", err)
	}
}
