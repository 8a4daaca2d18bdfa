// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// argoVersion is what the local cluster pins.
const argoVersion = "v3.7.18"

// shardsConfig is a job of 12 partitions in three shards. Each attempt adds a
// line to the file out/attempts; the partition 60--70 never succeeds.
const shardsConfig = `
resource "backfill_job" "sharded" {
  name       = "sharded"
  partition  = { range = { start = 0, end = 115, size = 10 } }
  shard_size = 4

  runner = {
    image   = "busybox"
    command = ["sh", "-euc"]
    args = [<<-EOT
      echo "$BACKFILL_PARTITION_KEY $BACKFILL_PARTITION_INDEX $BACKFILL_ATTEMPT $BACKFILL_RUN" >> /out/attempts
      tr '\0' ' ' < /proc/1/cmdline > /out/wrapper
      /proc/1/exe version > /out/version
      test "$BACKFILL_PARTITION_START" != 60
    EOT
    ]
    resources       = { cpu = "50m", memory = "512Mi" }
    volumes         = [{ name = "out", mount_path = "/out", host_path = %q }]
    service_account = "backfill-runner"
  }

  orchestrator = { service_account = "backfill-orchestrator" }
  max_parallel                 = 8
  retry                        = { limit = 1, backoff = "1s" }
}
`

func TestThreeShardsThroughRealLaunchers(t *testing.T) {
	c := cluster(t)
	out := t.TempDir()
	config := fmt.Sprintf(shardsConfig, out)
	seen := c.watchRun(t, "sharded-r1")

	apply(t, c,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				run := c.ended(t, "sharded-r1", 4*time.Minute)
				if phase, _, _ := unstructured.NestedString(run.Object, "status", "phase"); phase != "Failed" {
					t.Errorf("a partition failed for good, but the phase of the run is %s", phase)
				}
			},
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_job.sharded", "progress", "11/12"),
				resource.TestCheckResourceAttr("backfill_job.sharded", "done", "[0,60) [70,115)"),
				resource.TestCheckResourceAttr("backfill_job.sharded", "failed", "[60,70)"),
				resource.TestCheckResourceAttr("backfill_job.sharded", "shard_count", "3"),
				func(*terraform.State) error { return checkAttempts(out) },
				func(*terraform.State) error { return seen.check(out) },
			),
		},
	)
}

// checkAttempts compares what the runners themselves wrote: every partition
// once, the failing one on both attempts.
func checkAttempts(out string) error {
	text, err := os.ReadFile(filepath.Join(out, "attempts"))
	if err != nil {
		return err
	}
	var want []string
	for i := range 12 {
		end := min(i*10+10, 115)
		want = append(want, fmt.Sprintf("%d--%d %d 0", i*10, end, i))
		if i == 6 {
			want = append(want, "60--70 6 1")
		}
	}
	var got []string
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		fields := strings.Fields(line)
		got = append(got, strings.Join(fields[:3], " "))
	}
	slices.Sort(want)
	slices.Sort(got)
	return equal("attempts (key, index, attempt)", strings.Join(want, "\n"), strings.Join(got, "\n"))
}

// sightings are things that exist only while a run is active.
type sightings struct {
	mu          sync.Mutex
	taskResults map[string]string     // name of a task result of a launcher → its progress output
	leaves      map[string]corev1.Pod // latest state of every pod of a child
}

// watchRun polls until the test ends.
func (c *localCluster) watchRun(t *testing.T, run string) *sightings {
	s := &sightings{taskResults: map[string]string{}, leaves: map[string]corev1.Pod{}}
	results := schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "workflowtaskresults"}
	ctx := t.Context()
	go func() {
		for ctx.Err() == nil {
			list, err := c.dynamic.Resource(results).
				Namespace(namespace).
				List(ctx, metav1.ListOptions{LabelSelector: "workflows.argoproj.io/workflow=" + run})
			pods, errPods := c.core.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
			s.mu.Lock()
			if err == nil {
				for _, item := range list.Items {
					s.taskResults[item.GetName()] = parameter(item, "progress")
				}
			}
			if errPods == nil {
				for _, pod := range pods.Items {
					if strings.HasPrefix(pod.Labels["workflows.argoproj.io/workflow"], run+"-s") {
						s.leaves[pod.Name] = pod
					}
				}
			}
			s.mu.Unlock()
			time.Sleep(100 * time.Millisecond)
		}
	}()
	return s
}

// parameter is the value of an output parameter of a task result.
func parameter(result unstructured.Unstructured, name string) string {
	list, _, _ := unstructured.NestedSlice(result.Object, "outputs", "parameters")
	for _, p := range list {
		if p, ok := p.(map[string]any); ok && p["name"] == name {
			return fmt.Sprint(p["value"])
		}
	}
	return ""
}

// check demands that the pinned argoexec was init, wait and wrapper of a leaf
// pod, and that it wrote the results of all three launchers.
func (s *sightings) check(out string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	progress := slices.Sorted(maps.Values(s.taskResults))
	if err := equal("progress that the launchers reported", "[3/5 4/4 4/4]", fmt.Sprint(progress)); err != nil {
		return err
	}
	wrapper, err := os.ReadFile(filepath.Join(out, "wrapper"))
	if err != nil {
		return err
	}
	if !strings.Contains(string(wrapper), "/var/run/argo/argoexec emissary") {
		return fmt.Errorf("process 1 of a leaf is not argoexec's emissary: %s", wrapper)
	}
	version, err := os.ReadFile(filepath.Join(out, "version"))
	if err != nil {
		return err
	}
	if !strings.Contains(string(version), argoVersion) {
		return fmt.Errorf("argoexec is not the pinned %s: %s", argoVersion, version)
	}
	for _, pod := range s.leaves {
		if ended(pod.Status.InitContainerStatuses, "init") && ended(pod.Status.ContainerStatuses, "wait") &&
			ended(pod.Status.ContainerStatuses, "main") {
			return nil
		}
	}
	return fmt.Errorf("of %d leaf pods none was seen with init, wait and main ended well", len(s.leaves))
}

func ended(statuses []corev1.ContainerStatus, name string) bool {
	for _, s := range statuses {
		if s.Name == name && s.State.Terminated != nil && s.State.Terminated.ExitCode == 0 {
			return true
		}
	}
	return false
}
