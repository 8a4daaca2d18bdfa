// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// envScale is the number of partitions of TestScale.
const envScale = "BACKFILL_SCALE"

// scaleCluster are the settings of TestScale's cluster. Argo compresses the status
// of a shard early, because it decodes what is not compressed at each event of a
// pod. The job does not declare it: what it is proved for is more than these pods need.
var scaleCluster = []string{
	"--tuned",
	"--requeue=10s",
	"--argo-qps=1000",
	"--argo-burst=2000",
	"--max-workflow-size=131072",
	"--no-write-back",
}

// bench is a job under measurement on a cluster of its own.
type bench struct {
	*testing.T
	c         *localCluster
	job       scaleConfig
	behaviour string
	pods      *podLog
	meter     *meter
	before    spent
	began     time.Time
}

// spent is what a cluster has spent so far.
type spent struct {
	requests int
	seconds  float64 // of Argo's controller
	held     heldBytes
}

func newBench(t *testing.T, job scaleConfig, behaviour string, flags ...string) *bench {
	t.Helper()
	c := simulatedCluster(t, behaviour, flags...)
	b := &bench{T: t, c: c, job: job, behaviour: behaviour, pods: c.followPods(t, job.leaves()), meter: newMeter(t, c)}
	b.start()
	return b
}

func (b *bench) start() {
	b.Helper()
	b.before, b.began = b.now(), time.Now()
}

func (b *bench) now() spent {
	b.Helper()
	return spent{b.meter.requests(), b.meter.seconds("argo-controller"), b.meter.holds()}
}

// ended waits for the end of a run and says now and then how far it is.
func (b *bench) ended(run string, limit time.Duration) *unstructured.Unstructured {
	b.Helper()
	for began := time.Now(); ; time.Sleep(2 * time.Second) {
		// Only names: the statuses of large runs are large.
		list, err := b.c.dynamic.Resource(workflows).Namespace(namespace).List(b.Context(), metav1.ListOptions{
			LabelSelector: "workflows.argoproj.io/completed=true", FieldSelector: "metadata.name=" + run,
		})
		if err == nil && len(list.Items) > 0 {
			return &list.Items[0]
		}
		passed := time.Since(began)
		if passed > limit {
			b.Fatalf("%s has not ended after %s", run, limit)
		}
		if int(passed.Seconds())%20 < 2 {
			done := len(b.pods.of(run))
			b.Logf(
				"%s: %d pods have ended after %.0f s, %.1f a second",
				run,
				done,
				passed.Seconds(),
				float64(done)/passed.Seconds(),
			)
		}
	}
}

// span is how long a Workflow took.
func span(w *unstructured.Unstructured) time.Duration {
	text := func(field string) time.Time {
		s, _, _ := unstructured.NestedString(w.Object, "status", field)
		at, _ := time.Parse(time.RFC3339, s)
		return at
	}
	return text("finishedAt").Sub(text("startedAt"))
}

// TestScale runs as many partitions as the environment says, of which some fail
// for good, then those again, repaired.
func TestScale(t *testing.T) {
	long(t)
	partitions := 2000
	if text := os.Getenv(envScale); text != "" {
		var err error
		if partitions, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	const seed, share = 11, 0.005
	job := scaleConfig{name: "scale", partitions: partitions, shardSize: 500, maxParallel: 600}
	bad, _ := doomedCells(seed, share, partitions)
	b := newBench(
		t,
		job,
		fmt.Sprintf("seed=%d,median=5s,spread=1.5,quiet=true,always-exit=%v", seed, share),
		scaleCluster...)
	limit := 5*time.Minute + time.Duration(partitions)*time.Second/4
	var (
		first, second []lifetime
		run           *unstructured.Unstructured
		end, merged   spent
	)
	apply(t, b.c,
		resource.TestStep{Config: job.String()},
		resource.TestStep{
			PreConfig: func() {
				run = b.ended("scale-r1", limit)
				first, end = b.pods.of("scale-r1"), b.now()
			},
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttrWith("backfill_job.scale", "failed", func(text string) error {
					got, err := cellsIn(text)
					if err == nil && !slices.Equal(got, bad) {
						err = fmt.Errorf("failed are %v, want %v", got, bad)
					}
					return err
				}),
				resource.TestCheckResourceAttr("backfill_job.scale", "done_count", strconv.Itoa(partitions-len(bad))),
				func(*terraform.State) error { return b.checkRun(first, len(bad)) },
			),
		},
		resource.TestStep{
			PreConfig: func() { b.c.behave(t, "seed=11,median=5s,quiet=true") },
			Config:    job.String(),
		},
		resource.TestStep{
			PreConfig: func() {
				b.ended("scale-r2", limit)
				second = b.pods.of("scale-r2")
				if err := b.c.checkSecondRun(t, second, "scale-r2", bad); err != nil {
					t.Error(err)
				}
			},
			RefreshState: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_job.scale", "phase", "Complete"),
				func(*terraform.State) error { merged = b.now(); return nil }, // before the job is destroyed
			),
		},
	)
	if t.Failed() {
		return
	}
	b.writeShards("scale", first, end.held)
	wall := span(run)
	measured(
		t,
		"scale",
		fig(
			"partitions",
			"%d",
			partitions,
		),
		fig("shards", "%d", (partitions+499)/500),
		fig("`max_parallel`", "%d", job.maxParallel),
		fig(
			"pods run",
			"%d",
			len(first),
		),
		fig("failed for good, exactly as drawn", "%d", len(bad)),
		fig("pods of the second apply", "%d", len(second)),
		fig(
			"wall time of the run",
			"%.0f s",
			wall.Seconds(),
		),
		fig("leaf pods a second", "%.1f", float64(len(first))/wall.Seconds()),
		fig(
			"most pods at once",
			"%d",
			atOnce(first),
		),
		fig("use of `max_parallel`", "%.0f %%", 100*utilisation(first, job.maxParallel)),
		fig(
			"largest Workflow in etcd",
			"%d bytes",
			end.held.largest["Workflow"],
		),
		fig("API requests", "%d", end.requests-b.before.requests),
		fig(
			"Argo controller, processor time",
			"%.0f s",
			end.seconds-b.before.seconds,
		),
		fig("Argo controller, peak memory", "%d MB", b.meter.megabytes("argo-controller")),
		fig("etcd, of this job at the end of the run", "%d bytes", end.held.all-b.before.held.all),
		fig("etcd, when both runs are merged", "%d bytes", merged.held.all-b.before.held.all),
		fig(
			"of these, what stays when Argo has removed the merged Workflows",
			"%d bytes, %.2f for each partition",
			merged.held.staying(),
			float64(merged.held.staying())/float64(partitions),
		),
		fig(
			"pods",
			"`%s`",
			b.behaviour,
		),
		fig("cluster", "`%s`", strings.Join(scaleCluster, " ")),
		fig("command", "`make scale PARTITIONS=%d`", partitions),
	)
}

// writeShards writes what each Workflow of a run did into a file of its own.
func (b *bench) writeShards(name string, pods []lifetime, held heldBytes) {
	b.Helper()
	if os.Getenv(envMeasure) == "" {
		return
	}
	byWorkflow := map[string][]lifetime{}
	for _, p := range pods {
		byWorkflow[p.workflow] = append(byWorkflow[p.workflow], p)
	}
	rows := [][]string{{"workflow", "pods", "succeeded", "first start, s", "last end, s", "bytes in etcd"}}
	for _, workflow := range slices.Sorted(maps.Keys(byWorkflow)) {
		of := byWorkflow[workflow]
		last := slices.MaxFunc(of, func(x, y lifetime) int { return x.end.Compare(y.end) })
		rows = append(rows, []string{
			workflow,
			strconv.Itoa(len(of)),
			strconv.Itoa(len(successes(of))),
			fmt.Sprintf("%.0f", of[0].start.Sub(pods[0].start).Seconds()),
			fmt.Sprintf("%.0f", last.end.Sub(pods[0].start).Seconds()),
			strconv.Itoa(held.workflows[workflow]),
		})
	}
	writeCSV(b.T, filepath.Join(measuredDir, name+"-shards.csv"), rows)
}

// checkRun demands that every partition was processed, none succeeded twice, and
// never too many ran at once.
func (b *bench) checkRun(pods []lifetime, failed int) error {
	done := successes(pods)
	for node, n := range done {
		if n != 1 {
			return fmt.Errorf("%s succeeded %d times", node, n)
		}
	}
	if n := atOnce(pods); n > b.job.maxParallel {
		return fmt.Errorf("%d pods at once, at most %d may", n, b.job.maxParallel)
	}
	return equal("partitions that succeeded", strconv.Itoa(b.job.partitions-failed), strconv.Itoa(len(done)))
}
