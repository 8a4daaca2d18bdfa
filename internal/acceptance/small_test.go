// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
)

const smallConfig = `
resource "backfill_job" "small" {
  name      = "small"
  partition = { range = { start = 0, end = 6, size = 1 } }
  runner = {
    image           = "busybox"
    command         = ["sh", "-c", "exit 0"]
    service_account = "backfill-runner"
  }
  orchestrator = { service_account = "backfill-orchestrator" }
  max_parallel = 6
}
`

// TestSmallJobsStaySmall: a job of one shard costs no pod beyond the user's, and
// the first look that Argo takes at its run starts them all, so that they wait
// for nothing but the controller.
func TestSmallJobsStaySmall(t *testing.T) {
	c := cluster(t)
	versions, err := c.dynamic.Resource(workflows).
		Namespace(namespace).
		Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=small-r1"})
	if err != nil {
		t.Fatal(err)
	}
	defer versions.Stop()
	apply(t, c,
		resource.TestStep{Config: smallConfig},
		resource.TestStep{
			PreConfig: func() {
				checkPartitionPods(t, "the end of the run", podsOf(c.ended(t, "small-r1", 4*time.Minute)))
				checkPartitionPods(t, "the first look", podsOf(firstLook(t, versions.ResultChan())))
			},
			RefreshState: true,
			Check:        resource.TestCheckResourceAttr("backfill_job.small", "progress", "6/6"),
		},
	)
}

// firstLook is a Workflow as the controller wrote it first.
func firstLook(t *testing.T, versions <-chan watch.Event) *unstructured.Unstructured {
	t.Helper()
	for {
		select {
		case event := <-versions:
			workflow, ok := event.Object.(*unstructured.Unstructured)
			if !ok {
				t.Fatalf("the watch ended with %v", event.Object)
			}
			if phase, _, _ := unstructured.NestedString(workflow.Object, "status", "phase"); phase != "" {
				return workflow
			}
		case <-time.After(time.Minute):
			t.Fatal("no version of the Workflow has a status")
		}
	}
}

// checkPartitionPods demands one pod for each of the six partitions, and no other.
func checkPartitionPods(t *testing.T, when string, pods []pod) {
	t.Helper()
	for _, p := range pods {
		if p.template != "partition" || p.attempt != 0 {
			t.Errorf("at %s there is a pod %s of template %s", when, p, p.template)
		}
	}
	if len(pods) != 6 {
		t.Errorf("at %s there are %d pods: %v", when, len(pods), pods)
	}
}
