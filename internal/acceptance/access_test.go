// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cli"
)

// command runs the command line and returns what it says.
func command(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, problems bytes.Buffer
	code = cli.Run(ctx, cli.Env{
		Name: "backfill", Args: args, Stdout: &out, Stderr: &problems, Stdin: strings.NewReader(""),
		Getenv: func(string) string { return "" }, Environ: func() []string { return nil },
	})
	return code, out.String(), problems.String()
}

// documents reads a stream of YAML.
func documents(text string) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	for reader := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096); ; {
		o := &unstructured.Unstructured{}
		if err := reader.Decode(&o.Object); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		if o.Object != nil {
			out = append(out, o)
		}
	}
}

// grant does in a namespace what an administrator does with what the command
// rbac prints, and returns a kubeconfig of the provider's account. That of the
// reader's account is beside it.
func (c *localCluster) grant(ctx context.Context, namespace string) (kubeconfig string, err error) {
	code, text, problems := command(ctx, "rbac", "-n", namespace, "--reader", "backfill-reader")
	if code != 0 {
		return "", fmt.Errorf("rbac ended with %d: %s", code, problems)
	}
	objects, err := documents(text)
	if err != nil {
		return "", err
	}
	for _, o := range objects {
		resource := map[string]schema.GroupVersionResource{
			"ServiceAccount": {Version: "v1", Resource: "serviceaccounts"},
			"Role":           {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"},
			"RoleBinding":    {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"},
		}[o.GetKind()]
		client := c.dynamic.Resource(resource).Namespace(namespace)
		if _, err = client.Create(ctx, o, metav1.CreateOptions{}); apierrors.IsAlreadyExists(err) {
			_, err = client.Update(ctx, o, metav1.UpdateOptions{})
		}
		if err != nil {
			return "", err
		}
	}
	directory, err := os.MkdirTemp(c.state, "accounts-")
	if err != nil {
		return "", err
	}
	for _, account := range []string{"backfill-provider", "backfill-reader"} {
		if err := c.login(ctx, namespace, account, filepath.Join(directory, account)); err != nil {
			return "", err
		}
	}
	return filepath.Join(directory, "backfill-provider"), nil
}

// login writes a kubeconfig with a token of a service account.
func (c *localCluster) login(ctx context.Context, namespace, account, path string) error {
	hours := int64(6 * 3600)
	token, err := c.core.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, account,
		&authenticationv1.TokenRequest{
			Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &hours},
		}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	admin, err := clientcmd.LoadFromFile(c.kubeconfig)
	if err != nil {
		return err
	}
	current := admin.Contexts[admin.CurrentContext]
	config := clientcmdapi.NewConfig()
	config.Clusters["local"] = admin.Clusters[current.Cluster]
	config.AuthInfos[account] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	config.Contexts["local"] = &clientcmdapi.Context{Cluster: "local", AuthInfo: account}
	config.CurrentContext = "local"
	return clientcmd.WriteToFile(*config, path)
}

// The local cluster's accounts for jobs have the Roles that the command prints.
func TestRolesOfTheLocalCluster(t *testing.T) {
	data, err := os.ReadFile("../devcluster/bootstrap/manifests/jobs.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, printed, _ := command(t.Context(), "rbac", "--provider=")
	rules := func(text string) map[string][]string {
		objects, err := documents(text)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string][]string{}
		for _, o := range objects {
			all, _, _ := unstructured.NestedSlice(o.Object, "rules")
			for _, rule := range all {
				out[o.GetName()] = append(out[o.GetName()], fmt.Sprint(rule))
			}
			slices.Sort(out[o.GetName()])
		}
		return out
	}
	if have, want := rules(string(data)), rules(printed); !reflect.DeepEqual(have, want) {
		t.Errorf("the local cluster has %v, want %v", have, want)
	}
}

// accessConfig is a job of two shards, whose first runner does not end.
const accessConfig = `
resource "backfill_job" "least" {
  name       = "least"
  namespace  = %q
  partition  = { range = { start = 0, end = 4, size = 1 } }
  shard_size = 2
  runner = {
    image           = "busybox"
    command         = ["sh", "-euc", %q]
    resources       = { cpu = "10m" }
    service_account = "backfill-runner"
  }
  orchestrator = { service_account = "backfill-orchestrator" }
}
`

// A whole life of a job with the Roles that the command rbac prints and no
// other right: create, update with stop and merge, await, destroy. Whoever may
// only read sees it all.
func TestLeastPrivilege(t *testing.T) {
	c := cluster(t)
	const own = "least-privilege"
	spaces := c.core.CoreV1().Namespaces()
	if _, err := spaces.Create(
		t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: own}},
		metav1.CreateOptions{},
	); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = spaces.Delete(context.Background(), own, metav1.DeleteOptions{}) })
	kubeconfig, err := c.grant(t.Context(), own)
	if err != nil {
		t.Fatal(err)
	}
	reader := filepath.Join(filepath.Dir(kubeconfig), "backfill-reader")
	quick := fmt.Sprintf(accessConfig, own, "true")
	const wait = `
resource "backfill_await" "least" {
  job       = backfill_job.least.name
  namespace = backfill_job.least.namespace
  run       = backfill_job.least.run
}
data "backfill_job" "least" {
  name       = backfill_job.least.name
  namespace  = backfill_job.least.namespace
  depends_on = [backfill_await.least]
}
`
	applyAs(t, fmt.Sprintf("config_path = %q", kubeconfig),
		resource.TestStep{Config: fmt.Sprintf(accessConfig, own, "sleep 600")},
		resource.TestStep{
			PreConfig: func() { c.begun(t, own, "least-r1-s0") },
			Config:    quick,
			Check:     resource.TestCheckResourceAttr("backfill_job.least", "run", "least-r2"),
		},
		resource.TestStep{
			PreConfig: func() {
				c.endedIn(t, own, "least-r2", 2*time.Minute)
				code, out, problems := command(t.Context(), "status", "least", "-n", own, "--kubeconfig", reader)
				if code != 0 || !strings.Contains(out, "Complete") || !strings.Contains(problems, "BF4011") {
					t.Errorf("status by the reader ended with %d: %s%s", code, out, problems)
				}
				if code, _, problems := command(
					t.Context(),
					"stop",
					"least",
					"-n",
					"default",
					"--kubeconfig",
					kubeconfig,
				); code != 1 ||
					!strings.Contains(problems, "Not Permitted by the Cluster") {
					t.Errorf("in another namespace: %d, %s", code, problems)
				}
			},
			Config: quick + wait,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_await.least", "phase", "Complete"),
				resource.TestCheckResourceAttr("data.backfill_job.least", "progress", "4/4"),
			),
		},
	)
	for _, kind := range []string{"workflows", "workflowtemplates"} {
		of := schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: kind}
		left, err := c.dynamic.Resource(of).
			Namespace(own).
			List(t.Context(), metav1.ListOptions{})
		if err != nil || len(left.Items) > 0 {
			t.Errorf("%d %s are left, %v", len(left.Items), kind, err)
		}
	}
}

// begun waits until a pod of a Workflow runs.
func (c *localCluster) begun(t *testing.T, namespace, workflow string) {
	t.Helper()
	for range 480 {
		pods, err := c.core.CoreV1().
			Pods(namespace).
			List(t.Context(), metav1.ListOptions{LabelSelector: "workflows.argoproj.io/workflow=" + workflow})
		if err != nil {
			t.Fatal(err)
		}
		for _, pod := range pods.Items {
			if pod.Status.Phase == corev1.PodRunning {
				return
			}
		}
		time.Sleep(250 * time.Millisecond)
	}
	t.Fatalf("no pod of %s runs\n%s", workflow, c.describe(workflow))
}
