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

// oomConfig needs three times its memory: tail keeps a line of 300 MB for a
// second. Its exit code is that of the script.
const oomConfig = `
resource "backfill_job" "it" {
  name      = %[1]q
  partition = { values = ["only"] }
  runner = {
    image           = "busybox"
    command         = ["sh", "-euc", <<-EOT
      [ $BACKFILL_ATTEMPT != "%[4]d" ] || kill -TERM $$
      { head -c 300M /dev/zero; sleep 1; } | tail -n 1 >/dev/null
    EOT
    ]
    deadline        = "5m"
    resources       = { cpu = "100m", memory = "100Mi" }
    service_account = "backfill-runner"
  }
  orchestrator = { service_account = "backfill-orchestrator" }
  retry                        = { limit = %[2]d, backoff = "1s", factor = 1 }
  oom                          = { factor = 2, max_memory = %[3]q }
}
`

// oomCase is a job that runs out of memory.
type oomCase struct {
	name, most, phase string
	limit             int
	// interrupted is the attempt that ends by SIGTERM instead; -1 for none.
	interrupted int
	granted     []string
	long        bool
}

var oomCases = []oomCase{
	{name: "oom", most: "1Gi", phase: "Complete", limit: 4, interrupted: -1, granted: []string{"100Mi", "200Mi", "400Mi"}},
	{
		name:        "oom-capped",
		most:        "250Mi",
		phase:       "Failed",
		limit:       2,
		interrupted: -1,
		granted:     []string{"100Mi", "200Mi", "250Mi"},
		long:        true,
	},
	// Argo knows of the last attempt alone: what comes after the interruption
	// has the runner's own memory again.
	{
		name:        "oom-interrupted",
		most:        "1Gi",
		phase:       "Complete",
		limit:       4,
		interrupted: 1,
		granted:     []string{"100Mi", "200Mi", "100Mi", "800Mi"},
		long:        true,
	},
}

// A runner that needs more than its limit is killed. Each attempt gets twice the
// memory of the one before, up to max_memory: the third has enough, and where
// max_memory is too low none has.
func TestOutOfMemory(t *testing.T) {
	c := cluster(t)
	for _, tt := range oomCases {
		t.Run(tt.name, func(t *testing.T) {
			if tt.long {
				needsLong(t)
			}
			t.Logf("memory limits are kept by %s", c.runsOutOfMemory(t, tt))
		})
	}
}

// The same on a machine where no memory cgroup can be written: the local cluster
// watches what its containers take, and ends those that take too much.
func TestOutOfMemoryWithoutCgroups(t *testing.T) {
	needsLong(t)
	c := ownCluster(t, "--memory-limits", "watch", "--spot", "0")
	for _, tt := range oomCases {
		t.Run(tt.name, func(t *testing.T) {
			if by := c.runsOutOfMemory(t, tt); by != byWatching {
				t.Errorf("memory limits are kept by %s", by)
			}
		})
	}
}

// Who ended a container that took too much memory, by what its status says.
const (
	byKernel   = "the kernel"
	byWatching = "the local cluster, which reports what the kernel would, because no memory cgroup can be written"
	byNobody   = "nobody"
)

// runsOutOfMemory returns who kept the limits.
func (c *localCluster) runsOutOfMemory(t *testing.T, tt oomCase) (by string) {
	t.Helper()
	by = byNobody
	seen := c.watchMemory(t, tt.name+"-r1")
	apply(t, c,
		resource.TestStep{Config: fmt.Sprintf(oomConfig, tt.name, tt.limit, tt.most, tt.interrupted)},
		resource.TestStep{
			PreConfig: func() {
				c.ended(t, tt.name+"-r1", 4*time.Minute)
				pods := c.attempts(t, "backfill.dev/job="+tt.name)
				for i, p := range pods {
					killed := strings.Contains(p.message, "OOMKilled (exit code 137)")
					fits := tt.phase == "Complete" && i == len(pods)-1
					if killed != (i != tt.interrupted && !fits) {
						t.Errorf("%s", p)
					}
					switch {
					case killed && strings.Contains(p.message, "no memory cgroup"):
						by = byWatching
					case killed:
						by = byKernel
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
	return by
}

// watchMemory notes the requests and limits of a Workflow's pods as they come.
func (c *localCluster) watchMemory(t *testing.T, run string) (granted func() []string) {
	t.Helper()
	w, err := c.core.CoreV1().
		Pods(namespace).
		Watch(t.Context(), metav1.ListOptions{LabelSelector: "workflows.argoproj.io/workflow=" + run})
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
