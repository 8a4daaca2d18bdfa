// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cluster_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/clustertest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func connect(t *testing.T, h http.Handler) *cluster.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	client, err := cluster.Connect(cluster.Config{Host: server.URL}, "test", impatient())
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// impatient retries without waiting.
func impatient() cluster.Retry {
	r := cluster.DefaultRetry()
	r.Pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return r
}

func TestContractOverHTTP(t *testing.T) {
	clustertest.Run(
		t,
		clustertest.Setup{Backend: connect(t, fake.Handler(fake.New(epoch))), Namespace: "default", Prefix: "t-"},
	)
}

// TestContractOfRealCluster runs against the cluster that
// BACKFILL_TEST_KUBECONFIG names.
func TestContractOfRealCluster(t *testing.T) {
	path := os.Getenv("BACKFILL_TEST_KUBECONFIG")
	if path == "" {
		t.Skip(
			cmp.Or(
				os.Getenv("BACKFILL_TEST_NO_CLUSTER"),
				"BACKFILL_TEST_KUBECONFIG is not set (make test sets it): no real API server to test against",
			),
		)
	}
	client, err := cluster.Connect(cluster.Config{ConfigPath: path}, "test", cluster.DefaultRetry())
	if err != nil {
		t.Fatal(err)
	}
	clustertest.Run(
		t,
		clustertest.Setup{Backend: client, Namespace: "default", Prefix: fmt.Sprintf("contract-%d-", os.Getpid())},
	)
}

func TestReasons(t *testing.T) {
	tests := map[string]struct {
		answer   http.HandlerFunc
		want     cluster.Reason
		requests int64
		text     []string
	}{
		"kind not installed": {
			func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "404 page not found", http.StatusNotFound)
			},
			cluster.NoSuchKind, 1, []string{"argoproj.io/v1alpha1", "Install Argo Workflows"},
		},
		"forbidden": {
			status(403, "Forbidden", `workflows.argoproj.io \"x\" is forbidden: User \"u\" cannot get resource`),
			cluster.Forbidden, 1, []string{`"get" on "workflows.argoproj.io"`, `namespace "data"`},
		},
		"unauthorized":   {status(401, "Unauthorized", "Unauthorized"), cluster.Unauthorized, 1, []string{"renew"}},
		"throttled":      {status(429, "TooManyRequests", "slow down"), cluster.Throttled, 5, nil},
		"failing server": {status(500, "InternalError", "etcd is gone"), cluster.Unavailable, 5, []string{"etcd is gone"}},
		"no answer yet":  {status(503, "ServiceUnavailable", "starting"), cluster.Unavailable, 5, nil},
		"gateway timeout": {
			func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "upstream", http.StatusGatewayTimeout) },
			cluster.Unavailable, 5, nil,
		},
		"too large":  {status(413, "RequestEntityTooLarge", "limit is 3145728"), cluster.TooLarge, 1, nil},
		"etcd limit": {status(500, "InternalError", "etcdserver: request is too large"), cluster.TooLarge, 1, nil},
		"quota":      {status(403, "Forbidden", "exceeded quota: objects"), cluster.Refused, 1, []string{"exceeded quota"}},
		"webhook":    {status(400, "BadRequest", "admission webhook denied the request"), cluster.Refused, 1, nil},
		"connection": {
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			cluster.Unreachable,
			5,
			[]string{"connection was lost"},
		},
		"not an API": {
			func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>login</html>") },
			cluster.Unreachable,
			-1,
			nil,
		},
		"retry-after": {retryAfter, cluster.Throttled, 5, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			client := connect(t, test.answer)
			_, err := client.Get(t.Context(), cluster.Workflow, "data", "x")
			if got := cluster.ReasonOf(err); got != test.want {
				t.Fatalf("got %q: %v; want %q", got, err, test.want)
			}
			if reads, _ := client.Requests(); test.requests >= 0 && reads != test.requests {
				t.Errorf("%d requests, want %d", reads, test.requests)
			}
			for _, part := range test.text {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q lacks %q", err, part)
				}
			}
		})
	}
}

func status(code int, reason, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprintf(
			w,
			`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d,"message":"%s"}`,
			reason,
			code,
			message,
		)
	}
}

func retryAfter(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "1")
	status(429, "TooManyRequests", "slow down")(w, r)
}

func TestUnreachableNamesTheServer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	host := server.URL
	server.Close()
	client, err := cluster.Connect(cluster.Config{Host: host}, "test", impatient())
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Get(t.Context(), cluster.ConfigMap, "data", "x")
	if cluster.ReasonOf(err) != cluster.Unreachable || !strings.Contains(err.Error(), host) {
		t.Fatalf("got %v", err)
	}
}

func TestUntrustedServerIsNotRetried(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	client, err := cluster.Connect(cluster.Config{Host: server.URL}, "test", impatient())
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Get(t.Context(), cluster.ConfigMap, "data", "x")
	if cluster.ReasonOf(err) != cluster.Untrusted {
		t.Fatalf("got %v", err)
	}
	if reads, _ := client.Requests(); reads != 1 {
		t.Errorf("%d requests, want 1", reads)
	}
}

func TestRetriesEndWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := impatient()
	r.Pause = func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }
	c := fake.New(epoch)
	c.Before = func(call cluster.Call) error { return cluster.NewError(cluster.Unavailable, call, "", nil) }
	_, err := cluster.WithRetry(c, r).Get(ctx, cluster.ConfigMap, "data", "x")
	if cluster.ReasonOf(err) != cluster.Unavailable || len(c.Calls()) != 1 {
		t.Fatalf("got %v after %d calls, want the server's failure after 1", err, len(c.Calls()))
	}
}

func TestRepeatedDeletionIsASuccess(t *testing.T) {
	c := fake.New(epoch)
	calls := 0
	c.Before = func(call cluster.Call) error {
		if calls++; calls == 1 {
			return cluster.NewError(cluster.Unreachable, call, "", nil)
		}
		return nil
	}
	if err := cluster.WithRetry(c, impatient()).Delete(t.Context(), cluster.ConfigMap, "data", "x", ""); err != nil {
		t.Fatal(err)
	}
}
