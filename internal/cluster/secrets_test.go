// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cluster_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
)

const canary = "CANARY"

// tried is what is told of a configuration: as a text, and by a read.
func tried(t *testing.T, c cluster.Config) (told string, reason cluster.Reason) {
	t.Helper()
	told = fmt.Sprintf("%v %#v %s\n", c, c, c)
	client, err := cluster.Connect(c, "test", impatient())
	if err == nil {
		told += client.Host() + "\n"
		_, err = client.Get(t.Context(), cluster.ConfigMap, "default", "none")
	}
	if err == nil {
		return told, ""
	}
	return told + err.Error(), cluster.ReasonOf(err)
}

func TestPasswordOfAHostIsNeverShown(t *testing.T) {
	for host, shown := range map[string]string{
		"http://user:" + canary + "@127.0.0.1:1":                "http://user:***@127.0.0.1:1",
		"https://user:" + canary + "@127.0.0.1:1/prefix":        "https://user:***@127.0.0.1:1/prefix",
		"user:" + canary + "@127.0.0.1:1":                       "user:***@127.0.0.1:1",
		"http://user:" + canary + "/" + canary + "@127.0.0.1:1": "http://user:***@127.0.0.1:1",
		"http://user:" + canary + "@" + canary + "@127.0.0.1:1": "http://user:***@127.0.0.1:1",
		"http://user:%" + canary + "@127.0.0.1:1":               "http://user:***@127.0.0.1:1",
		"http://:" + canary + "@127.0.0.1:1":                    "http://:***@127.0.0.1:1",
		"http://user@127.0.0.1:1":                               "http://user@127.0.0.1:1",
	} {
		told, _ := tried(t, cluster.Config{Host: host})
		if strings.Contains(told, canary) || !strings.Contains(told, shown) {
			t.Errorf("of %s is told:\n%s", host, told)
		}
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	for _, server := range []string{
		`{server: "http://user:CANARY@127.0.0.1:1"}`, `{server: "http://a", proxy-url: "user:CANARY@b:c d"}`,
		`{server: "http://a", proxy-url: "ftp://user:CANARY@b"}`,
	} {
		text := "current-context: a\nclusters: [{name: a, cluster: " + server + "}]\n" +
			"contexts: [{name: a, context: {cluster: a}}]\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if told, reason := tried(t, cluster.Config{ConfigPath: path}); strings.Contains(told, canary) || reason == "" {
			t.Errorf("of %s is told:\n%s", server, told)
		}
	}
}

// A token is often read from a file, with the line break at its end.
func TestWhiteSpaceAroundATokenIsRemoved(t *testing.T) {
	var sent string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent = r.Header.Get("Authorization")
		http.NotFound(w, r)
	}))
	defer server.Close()
	for _, token := range []string{"abc", "abc\n", "\tabc \r\n"} {
		sent = ""
		if tried(t, cluster.Config{Host: server.URL, Token: token}); sent != "Bearer abc" {
			t.Errorf("of the token %q the server got %q", token, sent)
		}
	}
}

func TestTokenThatCannotBeSent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kubeconfig")
	for token, want := range map[string]string{
		canary + "\nmore":        "holds a line break after its first 6 bytes",
		"Bearer " + canary:       "holds a space after its first 6 bytes",
		canary + "\x01" + "more": "holds a control character",
		canary + "ü":             "holds a character that is not ASCII",
		"\n":                     "is blank",
	} {
		text := fmt.Sprintf("current-context: a\nclusters: [{name: a, cluster: {server: \"https://127.0.0.1:1\"}}]\n"+
			"contexts: [{name: a, context: {cluster: a, user: a}}]\nusers: [{name: a, user: {token: %q}}]\n", token)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, c := range []cluster.Config{{Host: "http://127.0.0.1:1", Token: token}, {ConfigPath: path}} {
			told, reason := tried(t, c)
			if reason != cluster.Misconfigured || strings.Contains(told, canary) || !strings.Contains(told, want) {
				t.Errorf("of the token %q is told: %s %s", token, reason, told)
			}
		}
	}
}

// What a plugin returns is known only when a request is made.
func TestTokenOfAPluginThatCannotBeSent(t *testing.T) {
	const credential = `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",` +
		`"status":{"token":"CANARY\nmore"}}`
	told, reason := tried(t, cluster.Config{Host: "http://127.0.0.1:1", Exec: &cluster.Exec{
		APIVersion: "client.authentication.k8s.io/v1", Command: "printf", Args: []string{"%s", credential},
	}})
	if reason != cluster.Unsendable || strings.Contains(told, canary) || !strings.Contains(told, `"Authorization"`) {
		t.Errorf("told is: %s %s", reason, told)
	}
}

// Credentials are for the configured host alone, whatever that answers.
func TestCredentialsDoNotFollowARedirect(t *testing.T) {
	asked := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.NotFound(w, r)
	}))
	defer elsewhere.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/login?state=CANARY", code)
		}))
		defer server.Close()
		c := cluster.Config{Host: server.URL, Token: "secret"}
		told, reason := tried(t, c)
		if reason != cluster.Redirected || !strings.Contains(told, elsewhere.URL) || strings.Contains(told, canary) {
			t.Errorf("after %d, told is: %s %s", code, reason, told)
		}
		client, err := cluster.Connect(c, "test", impatient())
		if err != nil {
			t.Fatal(err)
		}
		err = client.Delete(t.Context(), cluster.ConfigMap, "default", "a", "")
		if cluster.ReasonOf(err) != cluster.Redirected {
			t.Errorf("after %d, a write gave %v", code, err)
		}
	}
	if asked > 0 {
		t.Errorf("the other host was asked %d times", asked)
	}
}

// Within the host a read is redirected, but a write is not: it could become a read.
func TestRedirectWithinTheHost(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/moved") {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"default"}}`)
			return
		}
		http.Redirect(w, r, r.URL.Path+"/moved", http.StatusFound)
	}))
	defer server.Close()
	client, err := cluster.Connect(cluster.Config{Host: server.URL}, "test", impatient())
	if err != nil {
		t.Fatal(err)
	}
	if o, err := client.Get(t.Context(), cluster.ConfigMap, "default", "a"); err != nil || o.GetName() != "a" {
		t.Errorf("a read gave %v", err)
	}
	err = client.Delete(t.Context(), cluster.ConfigMap, "default", "a", "")
	if cluster.ReasonOf(err) != cluster.Redirected {
		t.Errorf("a write gave %v", err)
	}
}
