// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// stoppedAt is when simulated Workflows end.
var stoppedAt = time.Date(2026, 1, 1, 1, 0, 0, 0, time.UTC)

// outliving is a world in which pods go on when their Workflow is stopped, and in
// which time passes for those who wait.
func outliving(t *testing.T, what func(*livingPod) string) *world {
	w := newWorld(t)
	w.argo.outlive = what
	now := stoppedAt
	w.process = func() *engine.Engine {
		o := w.options()
		o.Now = func() time.Time { return now }
		o.Pause = func(ctx context.Context, d time.Duration) error {
			now = now.Add(d)
			w.argo.tick(1)
			return ctx.Err()
		}
		return engine.New(w.cluster, o)
	}
	w.engine = w.process()
	return w
}

// unlisted has nobody list pods.
func (w *world) unlisted() {
	w.cluster.Before = func(c cluster.Call) error {
		if c.Kind == cluster.Pod {
			return cluster.NewError(cluster.Forbidden, c, "", errors.New("injected"))
		}
		return nil
	}
}

func after(ticks int, what string) func(*livingPod) string {
	return func(p *livingPod) string {
		if p.ticks < ticks {
			return goesOn
		}
		return what
	}
}

// stubborn pods end only some time after they were deleted.
func stubborn(p *livingPod) string {
	if p.dying < 3 {
		return goesOn
	}
	return podGone
}

// begun is a world in which a run is under way that has finished three partitions,
// or a few in each of its shards.
func begun(t *testing.T, what func(*livingPod) string, d declared) *world {
	w := outliving(t, what)
	w.must(w.apply(d))
	w.argo.tick(1)
	w.argo.tick(2)
	_, err := w.refresh("orders")
	w.must(err)
	return w
}

// A run that is stopped for another is over only when its pods are: until then a
// partition would be processed twice at once.
func TestNextRunWaitsForThePodsOfTheStopped(t *testing.T) {
	for name, what := range map[string]func(*livingPod) string{
		"that end late":        after(4, podStopped),
		"that ignore SIGTERM":  stubborn,
		"that finish all same": after(4, podDone),
	} {
		for _, size := range []int{500, 4} {
			t.Run(name, func(t *testing.T) {
				d := orders().with("shard_size", size)
				w := begun(t, what, d)
				w.must(w.apply(d.image("example.com/orders:2")))
				if len(w.argo.living) > 0 {
					t.Errorf("shards of %d: the next run was submitted beside %d pods", size, len(w.argo.living))
				}
				w.complete("orders-r2")
				w.exactly(0, 60, 1)
			})
		}
	}
}

// What a pod has finished after its Workflow was stopped counts: Argo itself looks at
// it no more. The exit code of the runner decides.
func TestWhatAStoppedPodFinishedCounts(t *testing.T) {
	for _, what := range []string{podDone, runnerDone} {
		for _, size := range []int{500, 4} {
			d := orders().with("shard_size", size)
			w := begun(t, after(3, what), d)
			before := w.observe("orders").DoneCount()
			w.must(w.apply(d.image("example.com/orders:2")))
			if o := w.observe("orders"); o.DoneCount() <= before {
				t.Errorf("shards of %d, %s: %d were done and %d are", size, what, before, o.DoneCount())
			}
			w.complete("orders-r2")
			w.exactly(0, 60, 1)
		}
	}
}

// Until the pods of a run have ended, whoever looks sees it being stopped, and nothing
// is recorded that could still change.
func TestStoppedRunIsNotRecordedBeforeItsPodsHaveEnded(t *testing.T) {
	end := goesOn
	w := begun(t, func(*livingPod) string { return end }, orders())
	_, diags := w.engine.Stop(t.Context(), "data", "orders")
	w.must(errorOf(diags))
	w.argo.finish()
	record := w.entry("runs.json")
	for range 2 {
		o, err := w.refresh("orders")
		w.must(err)
		if o.Phase != state.PhaseStopping || w.entry("runs.json") != record {
			t.Errorf("the job is %s, and its history %s", o.Phase, w.entry("runs.json"))
		}
		if len(o.Obstacles) != 1 || !strings.Contains(o.Obstacles[0].What, "for its pods to end: orders-r1-partition-p") {
			t.Errorf("told is %+v", o.Obstacles)
		}
	}
	if next, _ := w.plan(orders()); next != nil {
		t.Errorf("the plan is %+v", next)
	}
	end = podDone
	w.argo.finish()
	o, err := w.refresh("orders")
	w.must(err)
	if o.Phase != state.PhaseIncomplete || o.DoneCount() != 4 || o.Ending() != state.Stopped {
		t.Errorf("in the end the job is %s, %d partitions are done", o.Phase, o.DoneCount())
	}
	w.must(w.apply(orders()))
	w.complete("orders-r2")
	w.exactly(0, 60, 1)
}

// The pods of a run that was deleted by hand have their grace period.
func TestNextRunWaitsForThePodsOfADeletedWorkflow(t *testing.T) {
	w := begun(t, stubborn, orders())
	w.patch(cluster.Workflow, "orders-r1", `{"spec":{"shutdown":"Stop"}}`)
	w.argo.tick(1)
	w.must(w.cluster.Delete(t.Context(), cluster.Workflow, "data", "orders-r1", ""))
	if len(w.argo.living) != 1 {
		t.Fatalf("%d pods live", len(w.argo.living))
	}
	w.must(w.apply(orders()))
	if len(w.argo.living) > 0 {
		t.Errorf("the run was submitted again beside %d pods", len(w.argo.living))
	}
	w.complete("orders-r1") // again, under its own name
	w.exactly(20, 60, 1)
}

// A destroy ends when the pods have: another job of the target may run next.
func TestDestroyWaitsForPods(t *testing.T) {
	w := begun(t, stubborn, orders())
	w.must(errorOf(w.engine.Delete(t.Context(), "data", "orders", w.kept.owner)))
	if len(w.argo.living) > 0 || len(w.names()) > 0 {
		t.Errorf("%d pods live, and left is %v", len(w.argo.living), w.names())
	}
	w = begun(t, after(1000, podDone), orders())
	diags := w.engine.Delete(t.Context(), "data", "orders", w.kept.owner)
	if codeOf(diags) != diag.CodeLeftBehind || !strings.Contains(diags.Error(), "Pod orders-r1-partition-p") {
		t.Errorf("a pod that does not end: %v", diags)
	}
	if !slices.Contains(w.names(), "ConfigMap/"+recordName) {
		t.Error("the record is gone before the pods are")
	}
}

// Argo gives up a run, and its pods go on: what one of them finishes still counts, as
// long as anybody looks.
func TestPodsOfARunThatArgoGaveUpCount(t *testing.T) {
	w := begun(t, after(1, podDone), orders())
	done := w.observe("orders").DoneCount()
	w.patch(cluster.Workflow, "orders-r1", `{"spec":{"shutdown":"Stop"}}`)
	w.argo.tick(1)
	w.patch(cluster.Workflow, "orders-r1", `{"spec":{"shutdown":null},"status":{"phase":"Error"}}`)
	for id := range w.argo.living {
		w.patch(cluster.Workflow, "orders-r1", `{"status":{"nodes":{"`+id+`":{"phase":"Running"}}}}`)
	}
	w.argo.pods()
	if o := w.observe("orders"); o.DoneCount() != done+1 {
		t.Errorf("%d partitions were done, and now %d", done, o.DoneCount())
	}
}

// Pods are listed only where some may have been left: a job whose runs end by
// themselves asks for none.
func TestPodsAreListedOnlyAfterAStop(t *testing.T) {
	w := newWorld(t)
	w.failOnce(orders())
	w.argo.fails = func(int64, int64) bool { return false }
	w.must(w.apply(orders()))
	w.complete("orders-r2")
	w.must(errorOf(w.engine.Delete(t.Context(), "data", "orders", w.kept.owner)))
	for _, c := range w.cluster.Calls() {
		if c.Kind == cluster.Pod {
			t.Errorf("asked for: %v", c)
		}
	}
}

// Without the right to list pods a run starts after their grace period, and a warning
// says so; their Workflow is gone by then, so that none of them goes on for ever.
func TestGracePeriodIsWaitedOutWherePodsCannotBeListed(t *testing.T) {
	w := begun(t, stubborn, orders())
	w.unlisted()
	started, warned := time.Duration(0), 0
	process := w.process
	w.process = func() *engine.Engine {
		o := w.options()
		o.Now = func() time.Time { return stoppedAt }
		o.Pause = func(ctx context.Context, d time.Duration) error {
			started += d
			for range max(1, int(d/(5*time.Second))) {
				w.argo.tick(1)
			}
			return ctx.Err()
		}
		return engine.New(w.cluster, o)
	}
	_, diags := w.process().Update(t.Context(), w.submission(orders().image("example.com/orders:2")))
	w.must(errorOf(diags))
	for _, d := range diags {
		if diag.CodeOf(d) == diag.CodePodsUnlisted && d.Severity == hcl.DiagWarning {
			warned++
		}
	}
	if warned != 1 || started < 30*time.Second || started > time.Minute || len(w.argo.living) > 0 {
		t.Errorf("waited %s, warned %d times, %d pods live: %v", started, warned, len(w.argo.living), diags)
	}
	w.process = process
	w.cluster.Before = nil
	w.complete("orders-r2")
	w.exactly(0, 60, 1)
}

// What does not end in time is told, and the next apply goes on from there.
func TestPodsThatDoNotEndInTimeAreTold(t *testing.T) {
	end := goesOn
	w := begun(t, func(*livingPod) string { return end }, orders())
	d := orders().image("example.com/orders:2")
	w.policy.StopTimeout = 20 * time.Second
	err := w.apply(d)
	if codeOfError(err) != diag.CodePodsLive || !strings.Contains(err.Error(), "orders-r1-partition-p") {
		t.Errorf("got %v", err)
	}
	if slices.Contains(w.names(), "Workflow/orders-r2") {
		t.Error("a run was submitted")
	}
	end = podStopped
	w.must(w.apply(d))
	w.complete("orders-r2")
	w.exactly(0, 60, 1)
}

// A run of a pool that is stopped leaves its places when its pods have ended: until
// then a keeper has them, which is in line before the run is told to stop.
func TestPlacesAreKeptUntilThePodsHaveEnded(t *testing.T) {
	pooled := orders().with("pool", "shared")
	for name, stop := range map[string]func(w *world){
		"paused by Terraform": func(w *world) {
			w.policy.Paused = yes(true)
			w.must(w.apply(pooled))
		},
		"stopped by the command line": func(w *world) {
			_, diags := w.process().Stop(t.Context(), "data", "orders")
			w.must(errorOf(diags))
		},
		"replaced":  func(w *world) { w.must(w.apply(pooled.image("example.com/orders:2"))) },
		"destroyed": func(w *world) { w.must(errorOf(w.process().Delete(t.Context(), "data", "orders", w.kept.owner))) },
	} {
		t.Run(name, func(t *testing.T) {
			w := outliving(t, after(4, podStopped))
			w.pooled()
			w.must(w.apply(pooled))
			w.argo.tick(2)
			lived, kept, released := 0, 0, 0
			w.cluster.Before = func(c cluster.Call) error {
				switch {
				case c.Verb == "create" && c.Name == "orders-r1-keep":
					kept++
				case c.Verb == "patch" && c.Kind == cluster.Workflow && kept == 0:
					t.Error("the run is stopped before its places are kept")
				case c.Verb == "delete" && c.Name == "orders-r1-keep":
					released++
					lived += len(w.argo.living)
				}
				return nil
			}
			stop(w)
			w.cluster.Before = nil
			if kept == 0 || released == 0 || lived > 0 {
				t.Errorf("kept %d times, released %d times while %d pods lived", kept, released, lived)
			}
			if slices.Contains(w.names(), "Workflow/orders-r1-keep") {
				t.Error("the places are still kept")
			}
		})
	}
}
