// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package controlplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// A Probe returns nil when a component works, and otherwise why it does not.
type Probe func(ctx context.Context) error

const probeTimeout = 2 * time.Second

// EtcdProbe asks etcd's health endpoint, as the API server's client.
func EtcdProbe(l Layout, ports map[string]int) Probe {
	return func(ctx context.Context) error {
		pair, err := tls.LoadX509KeyPair(l.cert("etcd-client"), l.key("etcd-client"))
		if err != nil {
			return fmt.Errorf("load etcd's client certificate: %w", err)
		}
		roots, err := certPool(l.cert("etcd-ca"))
		if err != nil {
			return err
		}
		config := &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
		return get(ctx, config, ServerURL(ports[PortEtcd])+"/health")
	}
}

// APIServerProbe asks for the readiness of the API server, as administrator.
func APIServerProbe(l Layout) Probe {
	return func(ctx context.Context) error {
		client, err := adminClient(l)
		if err != nil {
			return err
		}
		_, err = client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		return err
	}
}

// HealthzProbe asks a component that serves /healthz with a certificate of the
// cluster's authority to anybody.
func HealthzProbe(l Layout, port int) Probe {
	return func(ctx context.Context) error {
		roots, err := certPool(l.CA())
		if err != nil {
			return err
		}
		config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		return get(ctx, config, ServerURL(port)+"/healthz")
	}
}

// ArgoProbe asks the Argo controller whether its caches are synced.
func ArgoProbe(ports map[string]int) Probe {
	return func(ctx context.Context) error {
		return get(ctx, nil, "http://"+address(ports[PortArgo])+"/readyz")
	}
}

// NodesProbe counts ready nodes.
func NodesProbe(l Layout, want int) Probe {
	return func(ctx context.Context) error {
		client, err := adminClient(l)
		if err != nil {
			return err
		}
		nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return fmt.Errorf("list the nodes: %w", err)
		}
		ready := 0
		for _, node := range nodes.Items {
			if nodeReady(node) {
				ready++
			}
		}
		if ready < want {
			return fmt.Errorf("%d of %d nodes are ready", ready, want)
		}
		return nil
	}
}

// NamespaceProbe looks for what the controller manager puts into namespace
// default: without its service account no pod can be created there.
func NamespaceProbe(l Layout) Probe {
	return func(ctx context.Context) error {
		client, err := adminClient(l)
		if err != nil {
			return err
		}
		if _, err := client.CoreV1().
			ServiceAccounts(metav1.NamespaceDefault).
			Get(ctx, "default", metav1.GetOptions{}); err != nil {
			return fmt.Errorf("look for the service account of namespace default: %w", err)
		}
		return nil
	}
}

func nodeReady(node corev1.Node) bool {
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func adminClient(l Layout) (*kubernetes.Clientset, error) {
	config, err := clientcmd.BuildConfigFromFlags("", l.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return client, nil
}

func certPool(file string) (*x509.CertPool, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read a certificate authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return pool, nil
}

func get(ctx context.Context, config *tls.Config, url string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("probe %s: %w", url, err)
	}
	// No proxy: the address is this machine's loopback.
	client := http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // read only
	if response.StatusCode == http.StatusOK {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	return fmt.Errorf("%s answers %s: %s", url, response.Status, strings.TrimSpace(string(body)))
}
