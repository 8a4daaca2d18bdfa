// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const namespace = "default"

var workflows = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "workflows"}

// localCluster is a running local cluster with clients of the test's own.
type localCluster struct {
	binary, state, kubeconfig string
	// limited is a kubeconfig of an account that has the Role of the provider in
	// the namespace of the tests, and no other rights.
	limited string
	ours    bool // started here, so to be stopped here
	core    kubernetes.Interface
	dynamic dynamic.Interface
}

var (
	shared     *localCluster
	sharedOnce sync.Once
	errShared  error
)

// program is the local cluster's; without it, or where it cannot run, the test is
// skipped.
func program(t *testing.T) string {
	t.Helper()
	binary := os.Getenv(envCluster)
	if binary == "" {
		lacking(t, "%s does not name the local cluster's binary (make test sets it)", envCluster)
	}
	if reason := os.Getenv(envNoCluster); reason != "" {
		t.Skip(reason)
	}
	return binary
}

// cluster returns the local cluster that the tests of this package share.
func cluster(t *testing.T) *localCluster {
	t.Helper()
	binary := program(t)
	sharedOnce.Do(func() { shared, errShared = startCluster(binary) })
	if errShared != nil {
		t.Fatalf("the local cluster did not start: %v", errShared)
	}
	return shared
}

// startCluster uses the cluster that the environment names, or starts one.
func startCluster(binary string) (*localCluster, error) {
	c := &localCluster{binary: binary, kubeconfig: os.Getenv(envKubeconfig)}
	if c.kubeconfig == "" {
		state, err := os.MkdirTemp("", "backfill-acceptance-")
		if err != nil {
			return nil, err
		}
		c.ours, c.kubeconfig = true, filepath.Join(state, "kubeconfig")
	}
	c.state = filepath.Dir(c.kubeconfig)
	if out, err := c.command("up").CombinedOutput(); err != nil {
		return c, fmt.Errorf("%w\n%s", err, out)
	}
	return c, c.connect()
}

func (c *localCluster) connect() error {
	config, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 100, 200
	if c.core, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	if c.dynamic, err = dynamic.NewForConfig(config); err != nil {
		return err
	}
	c.limited, err = c.grant(context.Background(), namespace)
	return err
}

// command runs one of the local cluster's own commands on this cluster.
func (c *localCluster) command(args ...string) *exec.Cmd {
	return exec.Command(c.binary, append(args, "--state", c.state)...)
}

func (c *localCluster) stop() error {
	if !c.ours {
		return nil
	}
	if out, err := c.command("down", "--remove").CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return os.RemoveAll(c.state)
}

// secret makes a Secret and removes it when the test ends.
func (c *localCluster) secret(t *testing.T, name string, data map[string]string) {
	t.Helper()
	_, err := c.core.CoreV1().Secrets(namespace).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: data,
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.core.CoreV1().Secrets(namespace).Delete(context.Background(), name, metav1.DeleteOptions{})
	})
}

// ended waits until a Workflow has ended and returns it.
func (c *localCluster) ended(t *testing.T, name string, limit time.Duration) *unstructured.Unstructured {
	t.Helper()
	return c.endedIn(t, namespace, name, limit)
}

func (c *localCluster) endedIn(t *testing.T, namespace, name string, limit time.Duration) *unstructured.Unstructured {
	t.Helper()
	var phase string
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
		wf, err := c.dynamic.Resource(workflows).Namespace(namespace).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		phase, _, _ = unstructured.NestedString(wf.Object, "status", "phase")
		switch phase {
		case "Succeeded", "Failed", "Error":
			return wf
		}
	}
	t.Fatalf("Workflow %s is still %q after %s\n%s", name, phase, limit, c.describe(name))
	return nil
}

// describe tells what the API server shows of a run, for the failure message.
func (c *localCluster) describe(name string) string {
	var out bytes.Buffer
	for _, args := range [][]string{
		{"get", "workflows,pods", "-o", "wide"},
		{"get", "workflow", name, "-o", "yaml"},
		{"get", "events", "--sort-by=.lastTimestamp"},
	} {
		cmd := c.command("kubectl")
		cmd.Args = append([]string{c.binary, "--state", c.state, "kubectl"}, args...)
		cmd.Env = append(os.Environ(), "KUBECONFIG="+c.kubeconfig)
		text, _ := cmd.CombinedOutput()
		out.Write(text)
	}
	return out.String()
}
