// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Exec is a command that prints credentials.
type Exec struct {
	APIVersion, Command string
	Args                []string
	Env                 map[string]string
}

// String is the name of the program only: arguments and variables may be secrets.
func (e *Exec) String() string {
	if e == nil {
		return "no credential plugin"
	}
	return "credential plugin " + e.Command
}

// Format implements fmt.Formatter for every verb.
func (e *Exec) Format(f fmt.State, _ rune) { fmt.Fprint(f, e.String()) }

// protocols are the versions of the plugin protocol.
var protocols = []string{"client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"}

func (e *Exec) check() error {
	switch {
	case e.Command == "":
		return misconfigured("\"exec\" has no \"command\". Set it to the program that prints the credentials.")
	case !slices.Contains(protocols, e.APIVersion):
		return misconfigured(fmt.Sprintf("\"exec\" has the unknown \"api_version\" %q. Use %s, as documented for the "+
			"program.", e.APIVersion, strings.Join(protocols, " and ")))
	}
	return nil
}

// clashing are the settings that client-go silently prefers to a plugin.
func (c Config) clashing() []string {
	var out []string
	for name, value := range map[string]string{
		"token":              c.Token,
		"username":           c.Username,
		"password":           c.Password,
		"client_certificate": c.ClientCertificate,
		"client_key":         c.ClientKey,
	} {
		if value != "" {
			out = append(out, fmt.Sprintf("%q", name))
		}
	}
	slices.Sort(out)
	return out
}

// use makes the plugin the only source of credentials. Only the cluster of a
// kubeconfig is used.
func (e *Exec) use(rc *rest.Config) {
	rc.BearerToken, rc.BearerTokenFile = "", ""
	rc.Username, rc.Password = "", ""
	rc.CertData, rc.CertFile, rc.KeyData, rc.KeyFile = nil, "", nil, ""
	rc.AuthProvider = nil
	rc.ExecProvider = &api.ExecConfig{
		APIVersion: e.APIVersion, Command: e.Command, Args: e.Args,
		InteractiveMode: api.IfAvailableExecInteractiveMode,
	}
	for _, name := range sortedKeys(e.Env) {
		rc.ExecProvider.Env = append(rc.ExecProvider.Env, api.ExecEnvVar{Name: name, Value: e.Env[name]})
	}
}

// keepStdin denies a plugin the standard input: a provider shares it with Terraform,
// which reads answers of the user from it.
func keepStdin(rc *rest.Config) {
	if rc.ExecProvider != nil {
		rc.ExecProvider.StdinUnavailable = true
		rc.ExecProvider.StdinUnavailableMessage = "Terraform itself reads it"
	}
}

// bounded limits the time of requests, including the response body. It does not
// limit a credential plugin, because the user may be logging in.
type bounded struct {
	next    http.RoundTripper
	timeout time.Duration
}

// RoundTrip implements http.RoundTripper.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), b.timeout)
	answer, err := b.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	answer.Body = &endingBody{answer.Body, cancel}
	return answer, nil
}

type endingBody struct {
	io.ReadCloser
	end context.CancelFunc
}

// Close implements io.Closer.
func (b *endingBody) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}

// patient returns when the context ends, even if a credential plugin is still
// running: client-go waits for the plugin regardless of the context. No request is
// sent afterwards, because the context of the request has ended too.
type patient struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p *patient) RoundTrip(r *http.Request) (*http.Response, error) {
	type result struct {
		answer *http.Response
		err    error
	}
	done := make(chan result, 1)
	go func() {
		answer, err := p.next.RoundTrip(r)
		done <- result{answer, err}
	}()
	select {
	case got := <-done:
		return got.answer, got.err
	case <-r.Context().Done():
		go func() {
			if late := <-done; late.answer != nil {
				_ = late.answer.Body.Close() // nobody reads it
			}
		}()
		return nil, r.Context().Err()
	}
}

// fromPlugin is the prefix of client-go's error if a plugin returned no credentials.
const fromPlugin = "getting credentials: "

// pluginFailure extracts the cause of a plugin failure from an error of client-go,
// without the output of the plugin, which may contain a secret.
func pluginFailure(err error) (string, bool) {
	_, what, found := strings.Cut(err.Error(), fromPlugin)
	if !found {
		return "", false
	}
	what, _, _ = strings.Cut(what, "\n")
	if strings.HasPrefix(what, "decoding stdout") {
		what = "its output is not an ExecCredential of the configured version"
	}
	return what, true
}
