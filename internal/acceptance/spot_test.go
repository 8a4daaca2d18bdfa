// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// spotConfig is a job of one partition that only its last attempt processes.
const spotConfig = `
resource "backfill_job" "spot" {
  name      = "spot"
  partition = { values = ["only"] }
  runner = {
    image           = "busybox"
    command         = ["sh", "-euc", "test $BACKFILL_ATTEMPT-$BACKFILL_GRACE_SECONDS = 2-15"]
    deadline        = "2m"
    resources       = { memory = "64Mi" }
    node_selector   = { "kubernetes.io/os" = "linux" }
    service_account = "backfill-runner"
  }
  orchestrator = { service_account = "backfill-orchestrator" }
  retry                        = { limit = 2, backoff = "1s", factor = 1 }
  spot                         = { provider = "gke", fallback = "on_demand" }
  anchor                       = { mode = "protect" }
  oom                          = { max_memory = "128Mi" }
  spread                       = "node"
}
`

// The local cluster's nodes carry GKE's labels and taints: attempts 0 and 1
// land on its spot nodes, and the last on the node that is none.
func TestSpotFirstThenOnDemand(t *testing.T) {
	c := cluster(t)
	apply(t, c,
		resource.TestStep{Config: spotConfig},
		resource.TestStep{
			PreConfig: func() {
				run := c.ended(t, "spot-r1", 4*time.Minute)
				checkNodes(t, run)
				c.checkAnchors(t, "spot-r1")
			},
			RefreshState: true,
			Check:        resource.TestCheckResourceAttr("backfill_job.spot", "phase", "Complete"),
		},
	)
}

func checkNodes(t *testing.T, run *unstructured.Unstructured) {
	t.Helper()
	nodes, _, _ := unstructured.NestedMap(run.Object, "status", "nodes")
	var got []string
	for _, n := range nodes {
		pod, _ := n.(map[string]any)
		if pod["type"] != "Pod" {
			continue
		}
		name, _ := pod["displayName"].(string)
		host, _ := pod["hostNodeName"].(string)
		spot := strings.HasPrefix(host, "spot-")
		got = append(got, fmt.Sprintf("%s spot=%t %s", name[strings.LastIndex(name, "("):], spot, pod["phase"]))
	}
	slices.Sort(got)
	want := []string{"(0) spot=true Failed", "(1) spot=true Failed", "(2) spot=false Succeeded"}
	if !slices.Equal(got, want) {
		t.Errorf("attempts ran as %q, want %q", got, want)
	}
}

// checkAnchors looks at the failed attempts, whose pods are kept: on spot
// nodes the annotations are there and say nothing.
func (c *localCluster) checkAnchors(t *testing.T, run string) {
	t.Helper()
	pods, err := c.core.CoreV1().
		Pods(namespace).
		List(t.Context(), metav1.ListOptions{LabelSelector: "workflows.argoproj.io/workflow=" + run})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, pod := range pods.Items {
		if pod.Status.Phase != "Failed" {
			continue
		}
		seen++
		for _, key := range []string{"cluster-autoscaler.kubernetes.io/safe-to-evict", "karpenter.sh/do-not-disrupt"} {
			if value, there := pod.Annotations[key]; !there || value != "" {
				t.Errorf("pod %s has %s=%q (there: %t), want it empty", pod.Name, key, value, there)
			}
		}
	}
	if seen == 0 {
		t.Error("no failed pod was kept")
	}
}
