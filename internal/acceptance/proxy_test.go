// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// proxy stands before the API server. At one point it does what it should not:
// ahead of a request (even points), or when its answer is there (odd ones).
type proxy struct {
	*httptest.Server

	mu       sync.Mutex
	fault    fault
	point    int // less than 0: no fault
	requests int
	struck   bool
}

// fault is what happens instead of an answer.
type fault func(http.ResponseWriter, *http.Request)

var errStruck = errors.New("this answer is lost")

func newProxy(t *testing.T, c *localCluster) *proxy {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{point: -1}
	forward := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: transport,
		ModifyResponse: func(*http.Response) error {
			if p.due(1) {
				return errStruck
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if !errors.Is(err, errStruck) {
				panic(http.ErrAbortHandler)
			}
			p.fault(w, r)
		},
	}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.requests++
		p.mu.Unlock()
		if p.due(0) {
			p.fault(w, r)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// due tells whether the fault happens now.
func (p *proxy) due(side int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.point < 0 || p.struck || p.requests != p.point/2+1 || p.point%2 != side {
		return false
	}
	p.struck = true
	return true
}

func (p *proxy) aim(point int, f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.point, p.fault, p.requests, p.struck = point, f, 0, false
}

// rest ends the faults, and tells whether there was one.
func (p *proxy) rest() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.point = -1
	return p.struck
}

// answer is a failure in the API server's own words.
func answer(code int, reason string) fault {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if code == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "1")
		}
		w.WriteHeader(code)
		fmt.Fprintf(
			w,
			`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d,"message":"injected"}`,
			reason,
			code,
		)
	}
}

// hang answers when the client has given up.
func hang(_ http.ResponseWriter, r *http.Request) {
	if r.Body != nil { // as it is for a request that was passed on without one
		_, _ = io.Copy(io.Discard, r.Body) // the server notices who hangs up only then
	}
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// reset resets the connection.
func reset(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
