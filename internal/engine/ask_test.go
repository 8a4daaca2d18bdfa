// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// ask plays a run that asks: its generator answers at the second tick, and the
// shards follow from the answer.
func (w *simulated) ask() {
	id := w.object.GetName() + "-ask"
	node, known := w.nodes[id].(map[string]any)
	if !known {
		w.nodes[id] = map[string]any{
			"id":           id,
			"displayName":  "ask",
			"type":         "Pod",
			"phase":        "Running",
			"templateName": "generator",
		}
		return
	}
	node["phase"] = "Succeeded"
	node["outputs"] = map[string]any{"parameters": []any{map[string]any{"name": "out", "value": w.answer}}}
	var bounds struct{ Start, End int64 }
	if json.Unmarshal([]byte(w.answer), &bounds) != nil || bounds.Start >= bounds.End {
		w.phase, w.message = "Failed", "refused"
		return
	}
	if w.args["shard"] == "" {
		w.phase = "Succeeded"
		return
	}
	size, shard := number(w.t, w.args["size"]), number(w.t, w.args["shard"])
	total := (bounds.End-bounds.Start-1)/size + 1
	w.args["origin"] = fmt.Sprint(bounds.Start)
	w.args["segments"] = fmt.Sprintf(`[["%d","%d","0","1"]]`, bounds.Start, bounds.End)
	for from := int64(0); from < total; from += shard {
		w.answered = append(
			w.answered,
			[]string{fmt.Sprint(from / shard), "0", fmt.Sprint(from), fmt.Sprint(min(shard, total-from))},
		)
	}
	if w.launch(nil) {
		w.phase = "Succeeded"
	}
}

// queried is a job whose bounds are asked for.
func queried() declared {
	return orders().with("partition", map[string]any{"query": map[string]any{
		"image": "example.com/sql:1", "command": []string{"bounds"}, "size": 5, "max_partitions": 100,
	}}).with("shard_size", 4)
}

func answer(lo, hi int64) string { return fmt.Sprintf(`{"start": %d, "end": %d}`, lo, hi) }

func (w *world) asks(run string) bool {
	w.Helper()
	for _, o := range w.cluster.Objects() {
		if o.GetKind() == "Workflow" && o.GetName() == run {
			return argumentsOf(o)["ask"] != ""
		}
	}
	w.Fatalf("no run %s", run)
	return false
}

// nothing demands an empty plan.
func (w *world) nothing(d declared) {
	w.Helper()
	if next, empty := w.plan(d); !empty {
		w.Fatalf("the plan is not empty: %+v", next)
	}
}

func (w *world) seen() *state.Observation {
	w.Helper()
	o, err := w.refresh("orders")
	w.must(err)
	return o
}

func TestQueryToTheEnd(t *testing.T) {
	w, d := newWorld(t), queried()
	w.argo.answer = answer(100, 152)
	next, _ := w.plan(d)
	if next == nil || !next.FindsBounds ||
		next.Because != "This is a new job, whose bounds are found at run time, and everything between them runs: at most "+
			"100 partitions." {
		t.Fatalf("%+v", next)
	}
	w.must(w.apply(d))
	if o := w.seen(); o.Domain().Bounded() || o.Progress() != "0/?" || o.Phase != state.PhasePending {
		t.Errorf("submitted: %s %s", o.Phase, o.Progress())
	}
	w.argo.tick(1)
	if o := w.seen(); o.Domain().Bounded() || o.Phase != state.PhaseRunning {
		t.Errorf("while the generator runs: %s %s", o.Phase, o.Progress())
	}
	w.nothing(d)
	w.argo.tick(1)
	w.argo.tick(1)
	if o := w.seen(); o.Bounds == nil || o.Total() != 11 || o.Phase != state.PhaseRunning || o.RemainingText() == "" {
		t.Errorf("answered: %s %s, remaining %q", o.Phase, o.Progress(), o.RemainingText())
	}
	w.nothing(d)
	w.argo.finish()
	if o := w.seen(); o.Phase != state.PhaseComplete || o.DoneText() != "[100,152)" || o.Progress() != "11/11" {
		t.Errorf("%s %s, done %s", o.Phase, o.Progress(), o.DoneText())
	}
	w.nothing(d)
	w.exactly(100, 152, 1)
	// What is declared of the container that asked is no reason to ask again.
	w.argo.answer = answer(0, 1000)
	other := d.with(
		"partition",
		map[string]any{"query": map[string]any{"image": "example.com/sql:2", "command": []string{"bounds"}, "size": 5}},
	)
	w.must(w.apply(other))
	w.nothing(other)
	w.argo.finish()
	if o := w.seen(); o.Phase != state.PhaseComplete || o.Total() != 11 {
		t.Errorf("%s %s", o.Phase, o.Progress())
	}
}

func TestQueryFailuresRunAgainAlone(t *testing.T) {
	w, d := newWorld(t), queried()
	w.argo.answer = answer(-3, 60)
	w.argo.fails = func(lo, _ int64) bool { return lo == 7 || lo == 42 }
	w.must(w.apply(d))
	w.argo.finish()
	if o := w.seen(); o.Phase != state.PhaseFailed || o.FailedText() != "[7,12) [42,47)" || o.RemainingCount() != 2 {
		t.Errorf("%s, failed %s, %d remain", o.Phase, o.FailedText(), o.RemainingCount())
	}
	w.argo.fails = func(int64, int64) bool { return false }
	next, _ := w.plan(d)
	if next == nil || next.FindsBounds || next.Intervals != "[7,12) [42,47)" || next.Partitions != 2 {
		t.Fatalf("%+v", next)
	}
	w.must(w.apply(d))
	if w.asks("orders-r2") {
		t.Error("the bounds are asked again")
	}
	w.argo.finish()
	w.exactly(-3, 60, 1)
	if o := w.seen(); o.Phase != state.PhaseComplete {
		t.Error(o.Phase)
	}
	w.nothing(d)
}

func TestQueryWithoutAnswer(t *testing.T) {
	w, d := newWorld(t), queried()
	w.argo.answer = "psql: error: connection refused"
	w.must(w.apply(d))
	w.argo.finish()
	o := w.seen()
	if o.Phase != state.PhaseFailed ||
		!strings.Contains(
			o.Message(),
			`the generator wrote "psql: error: connection refused" to /backfill/out, which is not a JSON object`,
		) {
		t.Errorf("%s: %s", o.Phase, o.Message())
	}
	next, _ := w.plan(d)
	if next == nil || !next.FindsBounds ||
		!strings.HasPrefix(next.Because, `Run orders-r1 found no bounds (the generator wrote "psql`) {
		t.Fatalf("%+v", next)
	}
	w.argo.answer = answer(0, 20)
	w.must(w.apply(d))
	w.argo.finish()
	if o := w.seen(); o.Phase != state.PhaseComplete || o.Message() != "" {
		t.Errorf("%s: %s", o.Phase, o.Message())
	}
	w.exactly(0, 20, 1)
}

func TestQueryIsAskedAgain(t *testing.T) {
	w, d := newWorld(t), queried()
	w.argo.answer = answer(0, 40)
	w.must(w.apply(d))
	w.argo.finish()
	w.seen()

	w.argo.answer = answer(0, 55)
	w.policy.RerunToken = "2"
	next, _ := w.plan(d)
	if next == nil || !next.FindsBounds ||
		next.Because != "rerun_token changed: the query runs again. New keys between them run with the next apply." {
		t.Fatalf("%+v", next)
	}
	w.must(w.apply(d))
	w.argo.finish()
	if o := w.seen(); o.Phase != state.PhaseIncomplete || o.RemainingText() != "[40,55)" || o.Ending() != "BoundsFound" {
		t.Errorf("%s, remaining %s, %s", o.Phase, o.RemainingText(), o.Ending())
	}
	next, _ = w.plan(d)
	if next == nil || next.FindsBounds || next.Intervals != "[40,55)" ||
		!strings.Contains(next.Because, "Run orders-r2 found the bounds [0,55)") {
		t.Fatalf("%+v", next)
	}
	w.must(w.apply(d))
	w.argo.finish()
	w.exactly(0, 55, 1)
	w.seen()
	w.nothing(d)

	w.argo.answer = "nothing"
	w.policy.RerunToken = "3"
	w.must(w.apply(d))
	w.argo.finish()
	if o := w.seen(); o.Phase != state.PhaseFailed || o.DoneText() != "[0,55)" {
		t.Errorf("%s, done %s", o.Phase, o.DoneText())
	}
	w.argo.answer = answer(10, 55)
	w.must(w.apply(d))
	w.argo.finish()
	if o := w.seen(); o.Phase != state.PhaseComplete || o.DoneText() != "[10,55)" {
		t.Errorf("%s, done %s", o.Phase, o.DoneText())
	}
	w.nothing(d)

	w.policy.Revision = "b"
	next, _ = w.plan(d)
	if next == nil || !next.FindsBounds || !strings.Contains(next.Because, "The revision changed") {
		t.Fatalf("%+v", next)
	}
	w.must(w.apply(d))
	w.argo.finish()
	w.exactly(10, 55, 2)
	w.seen()
	w.nothing(d)
}

// TestQueryManualRerun: with rerun = "manual" a token asks, and then what is left runs.
func TestQueryManualRerun(t *testing.T) {
	w, d := newWorld(t), queried()
	w.policy.Rerun = state.RerunManual
	w.argo.answer = answer(0, 40)
	w.argo.fails = func(lo, _ int64) bool { return lo == 10 }
	w.must(w.apply(d))
	w.argo.finish()
	w.seen()
	w.nothing(d)
	w.argo.fails = func(int64, int64) bool { return false }
	w.policy.RerunToken = "2"
	w.must(w.apply(d))
	w.argo.finish()
	w.seen()
	w.must(w.apply(d))
	w.argo.finish()
	w.exactly(0, 40, 1)
	w.seen()
	w.nothing(d)
}

// TestQueryOnlyAsksBeforeACanary: what a canary or a gate begins with depends on
// the answer.
func TestQueryOnlyAsksBeforeACanary(t *testing.T) {
	w := newWorld(t)
	d := queried().with("canary", map[string]any{"partitions": 2})
	w.argo.answer = answer(0, 40)
	next, _ := w.plan(d)
	if next == nil || !next.FindsBounds ||
		!strings.HasSuffix(next.Because, "The keys between them run with the next apply.") {
		t.Fatalf("%+v", next)
	}
	w.must(w.apply(d))
	w.argo.finish()
	if o := w.seen(); o.Phase != state.PhaseIncomplete || o.DoneCount() != 0 || o.Total() != 8 {
		t.Errorf("%s %s", o.Phase, o.Progress())
	}
	w.must(w.apply(d))
	w.argo.finish()
	w.exactly(0, 40, 1)
	w.seen()
	w.nothing(d)
}

func TestQueryLostRun(t *testing.T) {
	w, d := newWorld(t), queried()
	w.argo.answer = answer(0, 40)
	w.must(w.apply(d))
	w.argo.tick(1)
	w.must(w.cluster.Delete(w.Context(), cluster.Workflow, "data", "orders-r1", ""))
	if o := w.seen(); o.Phase != state.PhaseIncomplete {
		t.Error(o.Phase)
	}
	w.must(w.apply(d))
	w.argo.finish()
	w.exactly(0, 40, 1)
	w.seen()
	w.nothing(d)
}

func TestQueryRecordGone(t *testing.T) {
	w, d := newWorld(t), queried()
	w.argo.answer = answer(0, 40)
	w.must(w.apply(d))
	w.argo.finish()
	w.seen()
	w.must(w.cluster.Delete(w.Context(), cluster.ConfigMap, "data", "orders-backfill", ""))
	w.must(w.apply(d))
	w.argo.finish()
	if o := w.seen(); o.Phase != state.PhaseComplete || o.DoneText() != "[0,40)" {
		t.Errorf("%s, done %s", o.Phase, o.DoneText())
	}
	w.exactly(0, 40, 1)
}

// TestQueryRunnerEdits: a new runner stops a run that asks; what was found is
// kept, and what was not is asked again.
func TestQueryRunnerEdits(t *testing.T) {
	for ticks, asks := range map[int]bool{1: true, 4: false} {
		w, d := newWorld(t), queried()
		w.argo.answer = answer(0, 60)
		w.must(w.apply(d))
		for range ticks {
			w.argo.tick(1)
		}
		edited := d.image("example.com/orders:2")
		w.must(w.apply(edited))
		if got := w.asks("orders-r2"); got != asks {
			t.Errorf("after %d ticks: asks %t", ticks, got)
		}
		w.argo.finish()
		w.exactly(0, 60, 1)
		w.seen()
		w.nothing(edited)
	}
}

func TestQueryReplacesARange(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders().between(0, 40, 5)))
	w.argo.finish()
	w.seen()
	d := queried()
	w.argo.answer = answer(0, 60)
	w.must(w.apply(d))
	w.argo.finish()
	w.seen()
	w.must(w.apply(d))
	w.argo.finish()
	w.exactly(0, 60, 1)
	w.seen()
	w.nothing(d)
	// And back.
	w.must(w.apply(orders().between(0, 60, 5)))
	w.argo.finish()
	w.exactly(0, 60, 1)
}

func TestQuerySizeChanges(t *testing.T) {
	w, d := newWorld(t), queried()
	w.argo.answer = answer(0, 60)
	w.argo.fails = func(lo, _ int64) bool { return lo >= 30 }
	w.must(w.apply(d))
	w.argo.finish()
	w.seen()
	w.argo.fails = func(int64, int64) bool { return false }
	finer := d.with(
		"partition",
		map[string]any{"query": map[string]any{"image": "i", "command": []string{"b"}, "size": 3}},
	)
	next, _ := w.plan(finer)
	if next == nil || next.FindsBounds || next.Partitions != 10 || next.Intervals != "[30,60)" {
		t.Fatalf("%+v", next)
	}
	w.must(w.apply(finer))
	w.argo.finish()
	w.exactly(0, 60, 1)
}

func TestQueryHoldsItsTarget(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(queried().with("target", "t")))
	other := orders().with("target", "t").with("name", "other")
	_, diags := w.engine.Create(w.Context(), engine.Submission{Value: other.value(t)})
	if codeOf(diags) != diag.CodeOverlap || !strings.Contains(diags[0].Detail, "run time only") {
		t.Error(diags)
	}
}

// TestQueryInterruptedCreation: a creation that was cut off is continued.
func TestQueryInterruptedCreation(t *testing.T) {
	w, d := newWorld(t), queried()
	w.argo.answer = answer(0, 40)
	w.cutOff(d)
	w.kept = nil
	w.must(w.apply(d))
	w.argo.finish()
	w.exactly(0, 40, 1)
}
