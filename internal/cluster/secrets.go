// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cluster

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"k8s.io/client-go/rest"
)

// hidden stands for a password.
const hidden = "***"

// withoutPassword is a URL as it may be shown, be it a valid one or not: a password
// that is not encoded may hold anything.
func withoutPassword(host string) string {
	start := 0
	if i := strings.Index(host, "://"); i >= 0 {
		start = i + len("://")
	}
	end := strings.LastIndex(host, "@")
	if end < start {
		return host
	}
	user, _, found := strings.Cut(host[start:end], ":")
	if !found {
		return host
	}
	return host[:start] + user + ":" + hidden + host[end:]
}

var userOfURL = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"]*@`)

// withoutPasswords is a text without the passwords of the URLs in it.
func withoutPasswords(text string) string {
	return userOfURL.ReplaceAllStringFunc(text, withoutPassword)
}

var userOfHost = regexp.MustCompile(`[^\s":]*:[^\s"]*@`)

// withoutAnyPasswords does the same for a text about settings, where a URL can lack
// its scheme.
func withoutAnyPasswords(text string) string {
	return userOfHost.ReplaceAllStringFunc(text, withoutPassword)
}

// unusableHost is the error of a host that is no URL. What the parser says of one
// with a password may hold a part of that.
func unusableHost(host string, err error) *Error {
	why := fmt.Sprintf("%v. Use the form https://name:port.", err)
	if strings.Contains(host, "@") {
		why = "a password in it has to be percent-encoded. Set \"username\" and \"password\" instead."
	}
	return misconfigured(fmt.Sprintf("\"host\" %q is not a valid URL of an API server: %s", withoutPassword(host), why))
}

// checkToken removes white space around a bearer token, as client-go does for token
// files, and refuses a token that no request can carry: it would look as if the
// server could not be reached.
func checkToken(rc *rest.Config) error {
	token := strings.TrimSpace(rc.BearerToken)
	const which = "The bearer token (\"token\", KUBE_TOKEN or the kubeconfig's user)"
	if token == "" && rc.BearerToken != "" {
		return misconfigured(which + " is blank. Set it to a token, or remove it.")
	}
	rc.BearerToken = token
	for i, r := range token {
		if '!' <= r && r <= '~' {
			continue
		}
		what := "a character that is not ASCII"
		switch {
		case r == '\n' || r == '\r':
			what = "a line break"
		case r == ' ':
			what = "a space"
		case r < ' ' || r == 0x7f:
			what = "a control character"
		}
		return misconfigured(fmt.Sprintf("%s holds %s after its first %d bytes, and a token is one word of ASCII "+
			"characters. Pass the token alone.", which, what, i))
	}
	return nil
}

// unsendable tells whether a request was not sent because of the value of a header,
// such as the token that a plugin returned. The library's text names the header alone.
func unsendable(err error) bool { return strings.Contains(err.Error(), "invalid header field value") }

// redirect is the error of a request that was answered with a redirect elsewhere.
type redirect struct{ to *url.URL }

// Error names the other host alone: what follows in the address may be a secret.
func (r *redirect) Error() string {
	return fmt.Sprintf("it leads to %q", (&url.URL{Scheme: r.to.Scheme, Host: r.to.Host}).String())
}

// staying lets redirects be followed within the host that was asked, and of reads
// alone. The credentials are added to whatever is sent, so that elsewhere they would
// be given away.
type staying struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (s *staying) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := s.next.RoundTrip(r)
	if err != nil || answer.StatusCode < 300 || answer.StatusCode > 399 {
		return answer, err
	}
	to, err := answer.Location()
	if err != nil {
		return answer, nil //nolint:nilerr // it leads nowhere
	}
	if to.Scheme == r.URL.Scheme && to.Host == r.URL.Host && r.Method == http.MethodGet {
		return answer, nil
	}
	_ = answer.Body.Close() // nobody reads it
	return nil, &redirect{to}
}
