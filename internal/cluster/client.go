// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cluster

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// fieldManager is the name under which the API server records our writes.
const fieldManager = "terraform-provider-backfill"

// pageSize is the number of objects in one page of a list.
const pageSize = 500

// Client is the Backend of a real cluster.
type Client struct {
	Backend
	host     string
	counters *counters
}

// Connect prepares a connection without sending a request. The user agent contains
// the program and its version.
func Connect(c Config, userAgent string, r Retry) (*Client, error) {
	rc, err := c.restConfig(userAgent)
	if err != nil {
		return nil, err
	}
	count := &counters{}
	rc.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return &bounded{&staying{&counting{count, next}}, requestTimeout}
	})
	api, err := dial(rc)
	if err != nil {
		return nil, misconfigured("The credentials are not usable: " + err.Error() + ".")
	}
	r.renewed = rc.ExecProvider != nil
	host := withoutPassword(rc.Host)
	return &Client{Backend: WithRetry(&direct{api, host}, r), host: host, counters: count}, nil
}

func dial(rc *rest.Config) (dynamic.Interface, error) {
	client, err := rest.HTTPClientFor(rc)
	if err != nil {
		return nil, err
	}
	if rc.ExecProvider != nil {
		client.Transport = &patient{client.Transport}
	}
	return dynamic.NewForConfigAndClient(rc, client)
}

// Host is the URL of the API server, without a password.
func (c *Client) Host() string { return c.host }

// Requests is the number of requests so far, including retries and pages.
func (c *Client) Requests() (reads, writes int64) {
	return c.counters.reads.Load(), c.counters.writes.Load()
}

type counters struct{ reads, writes atomic.Int64 }

// counting counts requests. It hides Retry-After and lost connections from client-go,
// which would otherwise repeat a request up to ten times.
type counting struct {
	*counters
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		c.reads.Add(1)
	} else {
		c.writes.Add(1)
	}
	answer, err := c.next.RoundTrip(r)
	if utilnet.IsConnectionReset(err) || utilnet.IsProbableEOF(err) || utilnet.IsHTTP2ConnectionLost(err) {
		return answer, errLost
	}
	if err == nil {
		answer.Header.Del("Retry-After")
	}
	return answer, err
}

var errLost = errors.New("the connection was lost before the response")

// direct sends each call once.
type direct struct {
	api  dynamic.Interface
	host string
}

func (d *direct) of(kind Kind, namespace string) dynamic.ResourceInterface {
	return d.api.Resource(Resource(kind)).Namespace(namespace)
}

// Get implements Backend.
func (d *direct) Get(ctx context.Context, kind Kind, namespace, name string) (manifest.Object, error) {
	call := Call{"get", kind, namespace, name}
	o, err := d.of(kind, namespace).Get(ctx, name, metav1.GetOptions{})
	return d.result(ctx, call, o, err)
}

// List implements Backend. If a page has expired, it lists again without pages.
func (d *direct) List(ctx context.Context, kind Kind, namespace, selector string) ([]manifest.Object, error) {
	call := Call{"list", kind, namespace, selector}
	var found []manifest.Object
	options := metav1.ListOptions{LabelSelector: selector, Limit: pageSize}
	for {
		page, err := d.of(kind, namespace).List(ctx, options)
		if isExpired(err) && options.Continue != "" {
			found, options.Continue, options.Limit = nil, "", 0
			continue
		}
		if err != nil {
			return nil, classify(ctx, call, d.host, err)
		}
		for i := range page.Items {
			found = append(found, &page.Items[i])
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return found, nil
		}
	}
}

// Create implements Backend.
func (d *direct) Create(ctx context.Context, in manifest.Object) (manifest.Object, error) {
	call := Call{"create", Kind(in.GetKind()), in.GetNamespace(), in.GetName()}
	o, err := d.of(call.Kind, call.Namespace).Create(ctx, in, metav1.CreateOptions{FieldManager: fieldManager})
	return d.result(ctx, call, o, err)
}

// Update implements Backend.
func (d *direct) Update(ctx context.Context, in manifest.Object) (manifest.Object, error) {
	call := Call{"update", Kind(in.GetKind()), in.GetNamespace(), in.GetName()}
	o, err := d.of(call.Kind, call.Namespace).Update(ctx, in, metav1.UpdateOptions{FieldManager: fieldManager})
	return d.result(ctx, call, o, err)
}

// Patch implements Backend.
func (d *direct) Patch(ctx context.Context, kind Kind, namespace, name string, patch []byte) (manifest.Object, error) {
	call := Call{"patch", kind, namespace, name}
	o, err := d.of(kind, namespace).Patch(ctx, name, types.MergePatchType, patch,
		metav1.PatchOptions{FieldManager: fieldManager})
	return d.result(ctx, call, o, err)
}

// Delete implements Backend.
func (d *direct) Delete(ctx context.Context, kind Kind, namespace, name, uid string) error {
	call := Call{"delete", kind, namespace, name}
	background := metav1.DeletePropagationBackground
	options := metav1.DeleteOptions{PropagationPolicy: &background}
	if uid != "" {
		same := types.UID(uid)
		options.Preconditions = &metav1.Preconditions{UID: &same}
	}
	return classify(ctx, call, d.host, d.of(kind, namespace).Delete(ctx, name, options))
}

func (d *direct) result(ctx context.Context, call Call, o manifest.Object, err error) (manifest.Object, error) {
	if err := classify(ctx, call, d.host, err); err != nil {
		return nil, err
	}
	return o, nil
}

// UserAgent is the user agent of a program.
func UserAgent(program, version string) string {
	return strings.TrimSuffix(program+"/"+version, "/") + " " + rest.DefaultKubernetesUserAgent()
}
