// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cluster_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

// plugin is a credential plugin for tests: a script that notes each call.
type plugin struct {
	path, calls string
}

func newPlugin(t *testing.T, script string) plugin {
	t.Helper()
	dir := t.TempDir()
	p := plugin{filepath.Join(dir, "get-token"), filepath.Join(dir, "calls")}
	text := "#!/bin/sh\necho call >>'" + p.calls + "'\n" + script
	if err := os.WriteFile(p.path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p plugin) count(t *testing.T) int {
	t.Helper()
	data, err := os.ReadFile(p.calls)
	if err != nil {
		return 0
	}
	return strings.Count(string(data), "call")
}

// pid is the process of a plugin that has written it down, or 0.
func (p plugin) pid() int {
	data, err := os.ReadFile(p.path + ".pid")
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return pid
}

func (p plugin) kill(t *testing.T) {
	t.Helper()
	if pid := p.pid(); pid > 0 {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
}

func (p plugin) exec(args ...string) *cluster.Exec {
	return &cluster.Exec{
		APIVersion: "client.authentication.k8s.io/v1",
		Command:    p.path,
		Args:       args,
		Env:        map[string]string{"SECRET": "canary"},
	}
}

// prints writes the credentials that the plugin gives.
func prints(token string) string {
	return `echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"` + token + `"}}'` + "\n"
}

// guarded serves an API over TLS to whoever has one of the tokens.
func guarded(t *testing.T, accepted func(token string) bool) cluster.Config {
	t.Helper()
	next := fake.Handler(fake.New(epoch))
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !accepted(token) {
			status(401, "Unauthorized", "Unauthorized")(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return cluster.Config{Host: server.URL, ClusterCACertificate: string(ca)}
}

func open(t *testing.T, c cluster.Config) *cluster.Client {
	t.Helper()
	client, err := cluster.Connect(c, "test", impatient())
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestPluginGivesTheToken(t *testing.T) {
	p := newPlugin(t, prints(`'"$1-$SECRET"'`))
	c := guarded(t, func(token string) bool { return token == "prod-canary" })
	c.Exec = p.exec("prod")
	client := open(t, c)
	for range 3 {
		if _, err := client.List(t.Context(), cluster.ConfigMap, "default", ""); err != nil {
			t.Fatal(err)
		}
	}
	if n := p.count(t); n != 1 {
		t.Errorf("the plugin ran %d times for three requests, want once", n)
	}
}

// A token that has expired without saying when is renewed.
func TestRefusedTokenIsRenewedOnce(t *testing.T) {
	p := newPlugin(t, prints(`'"$(grep -c call "${0%/*}/calls")"'`))
	c := guarded(t, func(token string) bool { return token != "1" && token != "" })
	c.Exec = p.exec()
	if _, err := open(t, c).List(t.Context(), cluster.ConfigMap, "default", ""); err != nil {
		t.Fatal(err)
	}
	if n := p.count(t); n != 2 {
		t.Errorf("the plugin ran %d times, want twice", n)
	}

	refused := newPlugin(t, prints("refused"))
	c = guarded(t, func(string) bool { return false })
	c.Exec = refused.exec()
	client := open(t, c)
	if _, err := client.Get(
		t.Context(),
		cluster.ConfigMap,
		"default",
		"x",
	); cluster.ReasonOf(
		err,
	) != cluster.Unauthorized {
		t.Errorf("got %v, want that the credentials are refused", err)
	}
	if reads, _ := client.Requests(); reads != 2 {
		t.Errorf("%d requests, want 2", reads)
	}
}

func TestFailingPlugins(t *testing.T) {
	tests := map[string]struct {
		script string
		want   string
	}{
		"exit code":      {"echo canary >&2; echo canary; exit 3\n", "failed with exit code 3"},
		"no credentials": {"echo canary\n", "not an ExecCredential"},
		"other version": {
			`echo '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"canary"}}'` + "\n",
			"client.authentication.k8s.io/v1",
		},
		"empty": {
			`echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{}}'` + "\n",
			"didn't return a token",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPlugin(t, test.script)
			c := guarded(t, func(string) bool { return true })
			c.Exec = p.exec()
			_, err := open(t, c).Get(t.Context(), cluster.ConfigMap, "default", "x")
			if cluster.ReasonOf(err) != cluster.NoCredentials || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the error shows what the plugin printed: %v", err)
			}
			if n := p.count(t); n != 1 {
				t.Errorf("a plugin that fails ran %d times, want once", n)
			}
		})
	}
	t.Run("not there", func(t *testing.T) {
		c := guarded(t, func(string) bool { return true })
		c.Exec = &cluster.Exec{APIVersion: "client.authentication.k8s.io/v1", Command: "/no/such/plugin"}
		_, err := open(t, c).Get(t.Context(), cluster.ConfigMap, "default", "x")
		if cluster.ReasonOf(err) != cluster.NoCredentials || !strings.Contains(err.Error(), "/no/such/plugin") {
			t.Errorf("got %v", err)
		}
	})
}

// Standard input is Terraform's: a plugin is told that there is none, and one
// that insists on it is not started.
func TestPluginGetsNoStandardInput(t *testing.T) {
	p := newPlugin(t, `case "$KUBERNETES_EXEC_INFO" in *'"interactive":false'*) ;; *) exit 4 ;; esac
if read -r line; then exit 5; fi
`+prints("good"))
	c := guarded(t, func(token string) bool { return token == "good" })
	c.Exec = p.exec()
	if _, err := open(t, c).List(t.Context(), cluster.ConfigMap, "default", ""); err != nil {
		t.Fatal(err)
	}
}

// A kubeconfig's own plugin works too, and what is configured beside it wins.
func TestPluginOfAKubeconfig(t *testing.T) {
	own, other := newPlugin(t, prints("own")), newPlugin(t, prints("other"))
	server := guarded(t, func(token string) bool { return token == "own" })
	ca := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(ca, []byte(server.ClusterCACertificate), 0o600); err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	write := func(user string) {
		text := fmt.Sprintf(
			`{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],
clusters: [{name: a, cluster: {server: %q, certificate-authority: %q}}], users: [{name: a, user: %s}]}`,
			server.Host,
			ca,
			user,
		)
		if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list := func(c cluster.Config) error {
		c.ConfigPath = kubeconfig
		_, err := open(t, c).List(t.Context(), cluster.ConfigMap, "default", "")
		return err
	}

	execUser := `{exec: {apiVersion: client.authentication.k8s.io/v1, command: %q, interactiveMode: %s}}`
	write(fmt.Sprintf(execUser, own.path, "IfAvailable"))
	if err := list(cluster.Config{}); err != nil {
		t.Error(err)
	}
	write(fmt.Sprintf(execUser, own.path, "Always"))
	if err := list(
		cluster.Config{},
	); err == nil ||
		!strings.Contains(err.Error(), "exec plugin cannot support interactive mode") {
		t.Errorf("got %v, want that there is no standard input", err)
	}
	for _, user := range []string{fmt.Sprintf(execUser, other.path, "Never"), `{token: other}`, `{username: other, password: other}`} {
		write(user)
		if err := list(cluster.Config{Exec: own.exec()}); err != nil {
			t.Errorf("the kubeconfig's %s was used instead of exec: %v", user, err)
		}
	}
}

// A plugin that hangs does not keep the program when it is told to end.
func TestHangingPluginIsLeft(t *testing.T) {
	p := newPlugin(t, "echo $$ >\"$0.pid\"\nexec sleep 600\n")
	t.Cleanup(func() { p.kill(t) })
	c := guarded(t, func(string) bool { return true })
	c.Exec = p.exec()
	client := open(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for t.Context().Err() == nil && p.pid() == 0 {
			_ = cluster.Pause(t.Context(), time.Millisecond)
		}
		cancel()
	}()
	_, err := client.Get(ctx, cluster.ConfigMap, "default", "x")
	if cluster.ReasonOf(err) != cluster.Canceled {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}

func TestExecPrintsNoSecret(t *testing.T) {
	e := &cluster.Exec{Command: "get-token", Args: []string{"canary"}, Env: map[string]string{"A": "canary"}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, e); strings.Contains(got, "canary") || !strings.Contains(got, "get-token") {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}
