// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
)

// deafConfig is a job of four partitions, of which two run at once. A runner ignores
// SIGTERM. It leaves a mark while it runs, and goes on until the test lets it finish. When
// it is killed its mark stays.
const deafConfig = `
resource "backfill_job" "deaf" {
  name         = "deaf"
  partition    = { range = { start = 0, end = 4, size = 1 } }
  max_parallel = 2
  shard_size   = %d
  runner = {
    image   = "busybox"
    command = ["sh", "-euc"]
    args = [<<-EOT
      trap '' TERM
      me=%s
      touch /out/running/$BACKFILL_PARTITION_START.$me.$BACKFILL_RUN
      i=0
      while [ ! -e /out/finish-$me ] && [ $i -lt 600 ]; do
        sleep 0.2; i=$((i+1))
      done
      rm /out/running/$BACKFILL_PARTITION_START.$me.$BACKFILL_RUN
      echo $BACKFILL_PARTITION_START >> /out/done
    EOT
    ]
    grace_period    = %q
    resources       = { cpu = "10m" }
    volumes         = [{ name = "out", mount_path = "/out", host_path = %q }]
    service_account = "backfill-runner"
  }
  orchestrator = { service_account = "backfill-orchestrator" }
}
`

// deaf looks at the marks of the runners.
type deaf struct {
	held
}

func newDeaf(t *testing.T) deaf {
	d := deaf{held{t, t.TempDir()}}
	if err := os.Mkdir(d.file("running"), 0o755); err != nil {
		t.Fatal(err)
	}
	return d
}

// of counts the runners of a version.
func (d deaf) of(version string) int {
	marks, _ := os.ReadDir(d.file("running"))
	n := 0
	for _, mark := range marks {
		if strings.Contains(mark.Name(), "."+version+".") {
			n++
		}
	}
	return n
}

func (d deaf) await(version string, n int) {
	d.Helper()
	for end := time.Now().Add(2 * time.Minute); d.of(version) != n; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			d.Fatalf("%d runners of %s run, and %d should", d.of(version), version, n)
		}
	}
}

func (d deaf) finish(version string) {
	if err := os.WriteFile(d.file("finish-"+version), nil, 0o600); err != nil {
		d.Error(err)
	}
}

// livingOf lists the pods of runs of a job that have not ended, by the label of the run.
func (c *localCluster) livingOf(t *testing.T, job string) map[string]int {
	t.Helper()
	ofJob := metav1.ListOptions{LabelSelector: "backfill.dev/job=" + job}
	pods, err := c.core.CoreV1().Pods(namespace).List(t.Context(), ofJob)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, pod := range pods.Items {
		if pod.Status.Phase != "Succeeded" && pod.Status.Phase != "Failed" {
			out[pod.Labels["backfill.dev/run"]]++
		}
	}
	return out
}

// neverBeside watches until the test ends that no two runs of a job have pods at once.
func (c *localCluster) neverBeside(t *testing.T, job string) {
	c.neverTogether(t, "backfill.dev/job="+job, "backfill.dev/run")
}

// neverTogether watches until the test ends that no two of some pods live at once that
// differ in the value of a label.
func (c *localCluster) neverTogether(t *testing.T, selector, label string) {
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	t.Cleanup(func() { stop(); <-done })
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			pods, err := c.core.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
			living := map[string]string{}
			if err == nil {
				for _, pod := range pods.Items {
					if pod.Status.Phase != "Succeeded" && pod.Status.Phase != "Failed" {
						living[pod.Labels[label]] = pod.Name
					}
				}
			}
			if len(living) > 1 {
				t.Errorf("these pods live at once: %v", living)
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
}

// Runners that ignore SIGTERM go on when Argo calls their Workflow ended. What they
// finish counts, and the next run starts when they have ended.
func TestPodsThatIgnoreSIGTERMFinishBesideNobody(t *testing.T) {
	for _, shardSize := range []int{4, 2} {
		t.Run(fmt.Sprintf("shards of %d", shardSize), func(t *testing.T) {
			c, d := cluster(t), newDeaf(t)
			c.neverBeside(t, "deaf")
			config := func(version string) string {
				return fmt.Sprintf(deafConfig, shardSize, version, "60s", d.out)
			}
			apply(t, c,
				resource.TestStep{Config: config("one")},
				resource.TestStep{
					PreConfig: func() {
						d.await("one", 2)
						go func() { // while the apply waits for them
							c.awaitShutdown(t, "deaf-r1")
							time.Sleep(2 * time.Second)
							d.finish("one")
						}()
					},
					Config: config("two"),
					Check:  resource.TestCheckResourceAttr("backfill_job.deaf", "run", "deaf-r2"),
				},
				resource.TestStep{
					PreConfig: func() {
						d.finish("two")
						c.ended(t, "deaf-r2", 2*time.Minute)
					},
					RefreshState: true,
					Check: resource.ComposeTestCheckFunc(
						resource.TestCheckResourceAttr("backfill_job.deaf", "phase", "Complete"),
						d.doneOnce(4),
					),
				},
			)
		})
	}
}

// Runners that ignore SIGTERM and never finish are killed when their grace period is
// over. Argo does not do it: it has forgotten them by then.
func TestPodsThatIgnoreSIGTERMEndAfterTheirGracePeriod(t *testing.T) {
	c, d := cluster(t), newDeaf(t)
	c.neverBeside(t, "deaf")
	config := func(version string) string { return fmt.Sprintf(deafConfig, 4, version, "3s", d.out) }
	apply(t, c,
		resource.TestStep{Config: config("one")},
		resource.TestStep{
			PreConfig: func() { d.await("one", 2) },
			Config:    config("two"),
			Check:     resource.TestCheckResourceAttr("backfill_job.deaf", "run", "deaf-r2"),
		},
		resource.TestStep{
			PreConfig: func() {
				d.finish("two")
				c.ended(t, "deaf-r2", 2*time.Minute)
			},
			RefreshState: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_job.deaf", "phase", "Complete"),
				d.doneOnce(4),
			),
		},
	)
}

// A destroy is over when the pods are, also those that ignore SIGTERM.
func TestDestroyLeavesNoPodThatIgnoresSIGTERM(t *testing.T) {
	c, d := cluster(t), newDeaf(t)
	apply(t, c,
		resource.TestStep{Config: fmt.Sprintf(deafConfig, 4, "one", "3s", d.out)},
		resource.TestStep{PreConfig: func() { d.await("one", 2) }, RefreshState: true},
	)
	if living := c.livingOf(t, "deaf"); len(living) > 0 {
		t.Errorf("after the destroy pods live: %v", living)
	}
}

// deafPool is a pool of one place and two jobs of one shard, of which the first has
// runners that ignore SIGTERM and never end by themselves.
const deafPool = `
resource "backfill_pool" "narrow" {
  name = "narrow"
  size = 1
}

resource "backfill_job" "first" {
  name         = "narrow-first"
  pool         = backfill_pool.narrow.name
  labels       = { narrow = "yes" }
  partition    = { range = { start = 0, end = 2, size = 1 } }
  paused       = %t
  runner = {
    image           = "busybox"
    command         = ["sh", "-euc"]
    args            = ["trap '' TERM; touch /out/running/0.one.x; for i in $(seq 900); do sleep 0.2; done"]
    grace_period    = "3s"
    resources       = { cpu = "10m" }
    volumes         = [{ name = "out", mount_path = "/out", host_path = %[2]q }]
    service_account = "backfill-runner"
  }
}

resource "backfill_job" "second" {
  count        = %[3]d
  depends_on   = [backfill_job.first]
  name         = "narrow-second"
  pool         = backfill_pool.narrow.name
  labels       = { narrow = "yes" }
  partition    = { range = { start = 0, end = 2, size = 1 } }
  runner = {
    image           = "busybox"
    command         = ["true"]
    resources       = { cpu = "10m" }
    service_account = "backfill-runner"
  }
}
`

// The place of a shard is given on when its pods have ended, and not when Argo calls
// its Workflow ended.
func TestPlaceOfAPoolIsKeptWhilePodsIgnoreSIGTERM(t *testing.T) {
	c, d := cluster(t), newDeaf(t)
	c.neverTogether(t, "narrow=yes", "backfill.dev/job")
	config := func(paused bool, second int) string { return fmt.Sprintf(deafPool, paused, d.out, second) }
	apply(t, c,
		resource.TestStep{Config: config(false, 0)},
		resource.TestStep{PreConfig: func() { d.await("one", 1) }, Config: config(false, 1)},
		resource.TestStep{Config: config(true, 1)},
		resource.TestStep{
			PreConfig:    func() { c.ended(t, "narrow-second-r1", 3*time.Minute) },
			RefreshState: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_job.first", "phase", "Paused"),
				resource.TestCheckResourceAttr("backfill_job.second.0", "phase", "Complete"),
			),
		},
	)
}

// doneOnce demands a line for each of the first n partitions.
func (d deaf) doneOnce(n int) resource.TestCheckFunc {
	return func(*terraform.State) error {
		text, err := os.ReadFile(d.file("done"))
		if err != nil {
			return err
		}
		lines := strings.Fields(string(text))
		slices.Sort(lines)
		want := make([]string, n)
		for i := range want {
			want[i] = strconv.Itoa(i)
		}
		if !slices.Equal(lines, want) {
			return fmt.Errorf("done is %v", lines)
		}
		return nil
	}
}

// awaitShutdown waits until a Workflow has been told to stop; it may be asked for
// outside of the test's own goroutine.
func (c *localCluster) awaitShutdown(t *testing.T, name string) {
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		o, err := c.dynamic.Resource(workflows).Namespace(namespace).Get(t.Context(), name, metav1.GetOptions{})
		if err == nil && argo.ShutDown(o) {
			return
		}
	}
	t.Errorf("Workflow %s was never told to stop", name)
}
