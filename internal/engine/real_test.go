// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// realWorld is a world on the cluster that BACKFILL_TEST_KUBECONFIG names, with the
// real Argo controller. Its runners append "key attempt run" to a file of the
// host, from which "done twice" and "lost" are judged.
type realWorld struct {
	*world
	client *cluster.Client
	name   string
	dir    string
}

func newRealWorld(t *testing.T, name string) *realWorld {
	path := os.Getenv("BACKFILL_TEST_KUBECONFIG")
	if path == "" {
		t.Skip(
			cmp.Or(
				os.Getenv("BACKFILL_TEST_NO_CLUSTER"),
				"BACKFILL_TEST_KUBECONFIG is not set (make test sets it): no real cluster to run jobs on",
			),
		)
	}
	client, err := cluster.Connect(cluster.Config{ConfigPath: path}, "engine-test", cluster.DefaultRetry())
	if err != nil {
		t.Fatal(err)
	}
	w := &realWorld{world: &world{TB: t}, client: client, name: fmt.Sprintf("%s-%d", name, os.Getpid()), dir: t.TempDir()}
	if err := os.Chmod(w.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	w.engine = engine.New(client, engine.Options{Now: time.Now})
	t.Cleanup(func() { w.engine.Delete(context.Background(), "default", w.name, "") })
	return w
}

// job runs script, which finds its facts in the environment and /log to write
// to, for 12 partitions.
func (w *realWorld) job(script string) declared {
	return declared{
		"name": w.name, "namespace": "default",
		"partition": map[string]any{"range": map[string]any{"start": 0, "end": 60, "size": 5}},
		"runner": map[string]any{
			"image": "busybox", "command": []string{"/bin/sh", "-c", script}, "service_account": "backfill-runner",
			"volumes": []any{map[string]any{"name": "log", "mount_path": "/log", "host_path": w.dir}},
		},
		"orchestrator": map[string]any{"service_account": "backfill-orchestrator"},
		"retry":        map[string]any{"limit": 1, "backoff": "1s", "max_backoff": "1s"},
	}
}

const note = `echo "$BACKFILL_PARTITION_START $BACKFILL_ATTEMPT $BACKFILL_RUN" >> /log/done; `

func (w *realWorld) apply(d declared) {
	w.Helper()
	if w.kept != nil {
		w.look()
	}
	next, empty := w.plan(d)
	if empty {
		return
	}
	s := engine.Submission{Value: d.value(w), Planned: next, Pinned: true}
	var (
		o     *state.Observation
		diags hcl.Diagnostics
	)
	if w.kept == nil {
		o, diags = w.engine.Create(w.Context(), s)
	} else {
		s.Owner, s.Known = w.kept.owner, w.kept.known
		o, diags = w.engine.Update(w.Context(), s)
	}
	w.must(errorOf(diags))
	w.kept = &remembered{owner: o.Owner, known: ledgerOf(w.world, o)}
}

func (w *realWorld) look() *state.Observation {
	w.Helper()
	o, diags := w.engine.ObserveKnown(w.Context(), "default", w.name, w.kept.known)
	w.must(errorOf(diags))
	w.kept.known = ledgerOf(w.world, o)
	return o
}

// until looks again and again.
func (w *realWorld) until(what string, holds func(*state.Observation) bool) *state.Observation {
	w.Helper()
	var o *state.Observation
	for range 600 {
		if o = w.look(); holds(o) {
			return o
		}
		w.must(cluster.Pause(w.Context(), 200*time.Millisecond))
	}
	w.Fatalf("%s did not come: phase %s, done %s, failed %s", what, o.Phase, o.DoneText(), o.FailedText())
	return nil
}

func rested(o *state.Observation) bool { return !o.Phase.Active() }

// lines counts the lines of the log by the start of the partition.
func (w *realWorld) lines() map[string]int {
	text, err := os.ReadFile(filepath.Join(w.dir, "done"))
	if err != nil && !os.IsNotExist(err) {
		w.Fatal(err)
	}
	n := map[string]int{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if start, _, ok := strings.Cut(line, " "); ok {
			n[start]++
		}
	}
	return n
}

func (w *realWorld) eachOnce() {
	w.Helper()
	lines := w.lines()
	for k := 0; k < 60; k += 5 {
		if lines[fmt.Sprint(k)] != 1 {
			w.Errorf("partition %d was done %d times: %v", k, lines[fmt.Sprint(k)], lines)
		}
	}
}

func (w *realWorld) gone() {
	w.Helper()
	w.must(errorOf(w.engine.Delete(w.Context(), "default", w.name, w.kept.owner)))
	for _, kind := range []cluster.Kind{cluster.ConfigMap, cluster.Workflow, cluster.WorkflowTemplate} {
		left, err := w.client.List(w.Context(), kind, "default", "backfill.dev/job="+w.name)
		w.must(err)
		for _, o := range left {
			w.Errorf("left behind: %s %s", kind, o.GetName())
		}
	}
}

func TestRealFailuresAndShards(t *testing.T) {
	for _, size := range []int{500, 5} {
		w := newRealWorld(t, fmt.Sprintf("failing%d", size))
		fix := filepath.Join(w.dir, "fixed")
		d := w.job(`if [ $((BACKFILL_PARTITION_START % 20)) = 10 ] && [ ! -e /log/fixed ]; then exit 3; fi; `+note).
			with("shard_size", size)
		w.apply(d)
		o := w.until("the end", rested)
		if o.Phase != state.PhaseFailed || o.FailedText() != "[10,15) [30,35) [50,55)" ||
			o.FailedPartitions(state.MaxFailures)[0].Attempts != 2 ||
			!strings.Contains(o.FailedPartitions(state.MaxFailures)[0].Message, "exit code 3") ||
			len(o.Drift) != 0 {
			t.Errorf("phase %s, failed %s, %+v, drift %q",
				o.Phase, o.FailedText(), o.FailedPartitions(state.MaxFailures), o.Drift)
		}
		w.must(os.WriteFile(fix, nil, 0o600))
		w.apply(d)
		if o := w.until("the end", rested); o.Phase != state.PhaseComplete || o.RemainingCount() != 0 {
			t.Errorf("phase %s, remaining %s", o.Phase, o.RemainingText())
		}
		if _, empty := w.plan(d); !empty {
			t.Error("the plan is not empty")
		}
		w.eachOnce()
		w.gone()
	}
}

func TestRealRunnerEditStopsTheRun(t *testing.T) {
	for _, size := range []int{500, 4} {
		w := newRealWorld(t, fmt.Sprintf("edited%d", size))
		d := w.job(`if [ "$BACKFILL_PARTITION_INDEX" -ge 2 ]; then sleep 600; fi; `+note).
			with("shard_size", size).
			with("max_parallel", 4)
		w.apply(d)
		w.until(
			"something done and drawn",
			func(o *state.Observation) bool { return o.DoneCount() >= 2 && !o.Running.Empty() },
		)
		w.apply(w.job(note).with("shard_size", size).with("max_parallel", 4))
		if w.kept.known.LatestRun() != w.name+"-r2" {
			t.Errorf("run %s", w.kept.known.LatestRun())
		}
		if o := w.until("the end", rested); o.Phase != state.PhaseComplete {
			t.Errorf("phase %s, remaining %s", o.Phase, o.RemainingText())
		}
		w.eachOnce()
		w.gone()
	}
}

func TestRealLiveControl(t *testing.T) {
	w := newRealWorld(t, "live")
	d := w.job(`sleep 1; `+note).with("shard_size", 4).with("max_parallel", 1)
	w.apply(d)
	w.until("something done", func(o *state.Observation) bool { return o.DoneCount() >= 1 })
	if o, diags := w.engine.Pause(t.Context(), "default", w.name); diags.HasErrors() || o.Phase != state.PhasePaused {
		t.Fatalf("pause: %+v, %v", o, diags)
	}
	if o, diags := w.engine.Resume(t.Context(), "default", w.name); diags.HasErrors() || o.Phase != state.PhaseRunning {
		t.Fatalf("resume: %+v, %v", o, diags)
	}
	w.apply(d.with("max_parallel", 12))
	if w.kept.known.LatestRun() != w.name+"-r1" {
		t.Errorf("run %s", w.kept.known.LatestRun())
	}
	if o := w.until("the end", rested); o.Phase != state.PhaseComplete || len(o.Drift) != 0 {
		t.Errorf("phase %s, remaining %s, drift %q", o.Phase, o.RemainingText(), o.Drift)
	}
	w.eachOnce()
	w.gone()
}

func TestRealDestroyWhileRunning(t *testing.T) {
	w := newRealWorld(t, "destroyed")
	w.apply(w.job(`sleep 600`).with("shard_size", 4))
	w.until("pods", func(o *state.Observation) bool { return !o.Running.Empty() })
	w.gone()
}
