// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	corev1 "k8s.io/api/core/v1"
	quantity "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// guardedConfig is a job with every kind of pod: of a query, a setup, launchers,
// partitions and a teardown.
const guardedConfig = `
locals {
  restricted = { run_as_user = 1000, run_as_non_root = true, drop_capabilities = ["ALL"] }
  small      = { cpu = "10m", memory = "64Mi", limits = { cpu = "1" } }
  once = {
    image            = "busybox"
    command          = ["true"]
    service_account  = "backfill-runner"
    security_context = local.restricted
    resources        = local.small
  }
}

resource "backfill_job" "guarded" {
  name      = "guarded"
  namespace = "guarded"
  partition = {
    query = merge(local.once, {
      command = ["sh", "-c", "echo '{\"start\": 0, \"end\": 4}' > $BACKFILL_OUT"]
      size    = 1
    })
  }
  setup        = local.once
  teardown     = local.once
  runner       = local.once
  shard_size   = 2
  orchestrator = { service_account = "backfill-orchestrator" }
  argoexec = {
    resources        = local.small
    security_context = merge(local.restricted, { run_as_user = 8737 })
  }
}
`

// Regression: where the namespace enforces the Pod Security Standard "restricted", and
// a quota demands limits of every container, no pod of ours could be created, and
// no attribute helped launchers.
func TestANamespaceThatIsRestrictedAndHasAQuota(t *testing.T) {
	c := cluster(t)
	const own = "guarded"
	spaces := c.core.CoreV1().Namespaces()
	if _, err := spaces.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: own, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = spaces.Delete(context.Background(), own, metav1.DeleteOptions{}) })
	hard := corev1.ResourceList{}
	for _, name := range []corev1.ResourceName{"limits.cpu", "limits.memory", "requests.cpu", "requests.memory"} {
		hard[name] = quantity.MustParse("100Gi")
	}
	if _, err := c.core.CoreV1().ResourceQuotas(own).Create(t.Context(), &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "compute"}, Spec: corev1.ResourceQuotaSpec{Hard: hard},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := c.grant(t.Context(), own)
	if err != nil {
		t.Fatal(err)
	}
	// The namespace does refuse what says nothing, by either rule.
	limits := corev1.ResourceRequirements{
		Limits: corev1.ResourceList{"cpu": hard["limits.cpu"], "memory": hard["limits.cpu"]},
	}
	for want, resources := range map[string]corev1.ResourceRequirements{"restricted": limits, "must specify": {}} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "plain"}, Spec: corev1.PodSpec{
			Containers: []corev1.Container{{Name: "main", Image: "busybox", Resources: resources}},
		}}
		if want != "restricted" {
			pod.Spec = secured(pod.Spec)
		}
		_, err := c.core.CoreV1().Pods(own).Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{"All"}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a pod was not refused as %q: %v", want, err)
		}
	}
	applyAs(t, fmt.Sprintf("config_path = %q", kubeconfig),
		resource.TestStep{Config: guardedConfig},
		resource.TestStep{
			PreConfig:    func() { c.endedIn(t, own, "guarded-r1", 6*time.Minute) },
			RefreshState: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_job.guarded", "progress", "4/4"),
				resource.TestCheckResourceAttr("backfill_job.guarded", "phase", "Complete"),
			),
		},
	)
}

// secured is a pod that the Pod Security Standard "restricted" allows.
func secured(of corev1.PodSpec) corev1.PodSpec {
	yes, no := true, false
	of.Containers[0].SecurityContext = &corev1.SecurityContext{
		RunAsNonRoot: &yes, AllowPrivilegeEscalation: &no,
		Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	return of
}
