// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// oomConfig needs three times its memory: tail keeps a line of 300 MB. Its exit
// code is that of the script.
const oomConfig = `
resource "backfill_job" "it" {
  name      = %[1]q
  partition = { values = ["only"] }
  runner = {
    image           = "busybox"
    command         = ["sh", "-euc", <<-EOT
      echo "$BACKFILL_ATTEMPT" >> /out/attempts
      head -c 300M /dev/zero | tail -n 1 >/dev/null
    EOT
    ]
    deadline        = "5m"
    resources       = { cpu = "100m", memory = "100Mi" }
    volumes         = [{ name = "out", mount_path = "/out", host_path = %[2]q }]
    service_account = "backfill-runner"
  }
  orchestrator_service_account = "backfill-orchestrator"
  retry                        = { limit = %[3]d, backoff = "1s", factor = 1 }
  oom                          = { factor = 2, max_memory = %[4]q }
}
`

// The kernel kills a runner that needs more than its limit. Each attempt gets
// twice the memory of the one before, up to max_memory: the third has enough,
// and where max_memory is too low none has.
func TestOutOfMemory(t *testing.T) {
	c := cluster(t)
	for _, tt := range []struct {
		name, most, phase string
		limit             int
		granted           []string
	}{
		{"oom", "1Gi", "Complete", 4, []string{"100Mi", "200Mi", "400Mi"}},
		{"oom-capped", "250Mi", "Failed", 2, []string{"100Mi", "200Mi", "250Mi"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.phase == "Failed" {
				needsLong(t)
			}
			out := t.TempDir()
			seen := c.watchMemory(t, tt.name+"-r1")
			apply(t, c,
				resource.TestStep{Config: fmt.Sprintf(oomConfig, tt.name, out, tt.limit, tt.most)},
				resource.TestStep{
					PreConfig: func() {
						c.ended(t, tt.name+"-r1", 4*time.Minute)
						pods := c.attempts(t, "backfill.dev/job="+tt.name)
						if len(pods) != len(tt.granted) {
							t.Errorf("%d attempts: %v", len(pods), pods)
						}
						for i, p := range pods {
							killed := strings.Contains(p.message, "OOMKilled (exit code 137)")
							if killed == (tt.phase == "Complete" && i == len(pods)-1) {
								t.Errorf("%s", p)
							}
						}
						if got := seen(); !slices.Equal(got, tt.granted) {
							t.Errorf("memory granted: %q, want %q", got, tt.granted)
						}
					},
					RefreshState:       true,
					ExpectNonEmptyPlan: tt.phase == "Failed",
					Check:              resource.TestCheckResourceAttr("backfill_job.it", "phase", tt.phase),
				},
			)
		})
	}
}

// watchMemory notes the requests and limits of a Workflow's pods as they come.
func (c *localCluster) watchMemory(t *testing.T, run string) (granted func() []string) {
	t.Helper()
	w, err := c.core.CoreV1().Pods(namespace).Watch(t.Context(), metav1.ListOptions{LabelSelector: "workflows.argoproj.io/workflow=" + run})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	var mu sync.Mutex
	var order []string
	amounts := map[string]string{}
	go func() {
		for event := range w.ResultChan() {
			pod, ok := event.Object.(*corev1.Pod)
			if !ok {
				continue
			}
			mu.Lock()
			if _, known := amounts[pod.Name]; !known {
				order = append(order, pod.Name)
				amounts[pod.Name] = memoryOf(pod)
			}
			mu.Unlock()
		}
	}()
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		var list []string
		for _, name := range order {
			list = append(list, amounts[name])
		}
		return list
	}
}

// memoryOf is what a pod's runner requests, which is its limit too.
func memoryOf(pod *corev1.Pod) string {
	for _, container := range pod.Spec.Containers {
		if container.Name != "main" {
			continue
		}
		requested, limit := container.Resources.Requests.Memory().String(), container.Resources.Limits.Memory().String()
		if requested != limit {
			return requested + ", limit " + limit
		}
		return requested
	}
	return "no main container"
}
