// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
)

const instanceConfig = `
resource "backfill_job" "ours" {
  name         = "ours"
  partition    = { range = { start = 0, end = 4, size = 1 } }
  runner       = { image = "busybox", command = ["true"], service_account = "backfill-runner" }
  shard_size   = 2
  orchestrator = { service_account = "backfill-orchestrator" }
}
`

// Regression: a controller with an instance id took up no run, and no attribute could
// say the id. Now the provider or the job says it, and runs and shards have it.
func TestAControllerWithAnInstanceID(t *testing.T) {
	c := anotherCluster(t)
	_, err := c.core.CoreV1().ConfigMaps("argo").Patch(t.Context(), "workflow-controller-configmap",
		types.MergePatchType, []byte(`{"data":{"instanceID":"team-a"}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// The controller reads its id when it starts.
	pid, err := strconv.Atoi((&meter{T: t, c: c}).pid("argo-controller"))
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGTERM)
	}
	if err != nil {
		t.Fatal(err)
	}
	foreign := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
		"metadata": map[string]any{
			"name": "foreign", "namespace": namespace, "labels": map[string]any{argo.LabelInstance: "team-b"},
		},
		"spec": map[string]any{
			"entrypoint": "wait", "templates": []any{map[string]any{"name": "wait", "suspend": map[string]any{}}},
		},
	}}
	if _, err := c.dynamic.Resource(workflows).Namespace(namespace).
		Create(t.Context(), foreign, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	applyAs(t, fmt.Sprintf("config_path = %q\ninstance_id = \"team-a\"", c.limited),
		resource.TestStep{Config: instanceConfig},
		resource.TestStep{
			PreConfig:    func() { c.ended(t, "ours-r1", 6*time.Minute) },
			RefreshState: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_job.ours", "phase", "Complete"),
				resource.TestCheckResourceAttr("backfill_job.ours", "progress", "4/4"),
			),
		},
	)
	seen, err := c.dynamic.Resource(workflows).Namespace(namespace).Get(t.Context(), "foreign", metav1.GetOptions{})
	if err != nil || seen.Object["status"] != nil {
		t.Errorf("a Workflow of another id: %v, %v", seen.Object["status"], err)
	}
}
