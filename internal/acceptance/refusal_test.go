// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// refusedConfig is a job that nothing ever runs.
const refusedConfig = `
resource "backfill_job" "refused" {
  name      = "refused"
  partition = { values = ["a"] }
  runner    = { image = "busybox", command = ["true"] }
}
`

// said matches a message whatever way it is wrapped in Terraform's output.
func said(words string) *regexp.Regexp {
	return regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(words), " ", `[\s│]+`))
}

// left tells which objects there are that the job would make.
func (c *localCluster) left(t *testing.T) []string {
	t.Helper()
	list, err := c.core.CoreV1().ConfigMaps(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range list.Items {
		if strings.HasPrefix(o.Name, "refused-") {
			names = append(names, o.Name)
		}
	}
	return names
}

func TestCredentialsThatMayNot(t *testing.T) {
	c := cluster(t)
	config, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.core.CoreV1().
		ServiceAccounts(namespace).
		CreateToken(t.Context(), "backfill-runner", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	settings := func(token string) string {
		return fmt.Sprintf("host = %q\ncluster_ca_certificate = %q\ntoken = %q", config.Host, config.CAData, token)
	}
	for name, test := range map[string]struct{ token, want string }{
		"may not": {token.Status.Token, `Could not create ConfigMap "default/refused-backfill": the credentials do not have the permission. ` +
			`Ask an administrator for a Role in namespace "default" with the verb "create" on "configmaps". The command rbac prints the Roles that jobs need.`},
		"unknown": {"nobody's", "rejected the configured credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			applyAs(t, settings(test.token), resource.TestStep{Config: refusedConfig, ExpectError: said(test.want)})
			if left := c.left(t); len(left) > 0 {
				t.Errorf("left are %q", left)
			}
		})
	}
}

func TestNameOfTheRecordIsTaken(t *testing.T) {
	c := cluster(t)
	maps := c.core.CoreV1().ConfigMaps(namespace)
	theirs, err := maps.Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "refused-backfill"}, Data: map[string]string{"a": "b"},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = maps.Delete(context.Background(), theirs.Name, metav1.DeleteOptions{}) })
	apply(t, c, resource.TestStep{
		Config: refusedConfig,
		ExpectError: said(
			`ConfigMap "default/refused-backfill" exists and was not made for this job; it is never overwritten.`,
		),
	})
	now, err := maps.Get(t.Context(), theirs.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if now.ResourceVersion != theirs.ResourceVersion {
		t.Errorf("it was changed: %v", now)
	}
}

func TestClusterWithoutArgo(t *testing.T) {
	c := ownCluster(t, "--on-demand=0", "--spot=0")
	cmd := c.command()
	cmd.Args = []string{
		c.binary,
		"--state",
		c.state,
		"kubectl",
		"delete",
		"customresourcedefinitions",
		"workflows.argoproj.io",
		"workflowtemplates.argoproj.io",
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	apply(t, c, resource.TestStep{
		Config:      refusedConfig,
		ExpectError: said(`Install Argo Workflows 3.7 or later in this cluster, or configure a cluster that has it.`),
	})
	if left := c.left(t); len(left) > 0 {
		t.Errorf("left are %q", left)
	}
}
