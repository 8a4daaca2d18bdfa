// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/decide"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// The limits of the provider and the job's own hold, the tighter one tells, and
// each can be lifted by its name.
func TestLimitsAtPlan(t *testing.T) {
	own := orders().with("limits", map[string]any{"max_partitions": 11, "require_reason": true}).value(t)
	plan := func(p state.Policy) hcl.Diagnostics {
		_, diags := decide.Declare(own).PlanWith(p, nil)
		return diags
	}
	for name, c := range map[string]struct {
		policy state.Policy
		want   []string
	}{
		"own": {state.Policy{}, []string{"BF2241 the job's own limits allow at most 11", "BF2241 the job's own " +
			"limits require one"}},
		"the provider's": {state.Policy{Limits: job.Limits{Partitions: 5, Shards: 1}}, []string{"BF2241 the limits of the " +
			"provider allow at most 5", "BF2241 the job's own limits require one"}},
		"looser": {state.Policy{Limits: job.Limits{Partitions: 12}}, []string{"BF2241 the job's own limits allow " +
			"at most 11", "BF2241 the job's own limits require one"}},
		"one lifted": {state.Policy{OverrideLimits: []string{"require_reason"}}, []string{"BF2241 the job's own " +
			"limits allow at most 11", "BF2243 override_limits names \"require_reason\""}},
		"all lifted": {state.Policy{OverrideLimits: []string{"require_reason", "max_partitions"}, Limits: job.Limits{Partitions: 5}}, []string{
			"BF2243 the limits of the provider allow at most 5", "BF2243 override_limits names \"require_reason\"",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			diags := plan(c.policy)
			if len(diags) != len(c.want) {
				t.Fatalf("got %v", diags)
			}
			for i, want := range c.want {
				code, text, _ := strings.Cut(want, " ")
				if d := diags[i]; diag.CodeOf(d) != code || !strings.Contains(d.Detail, text) ||
					(d.Severity == hcl.DiagWarning) != (code == diag.CodeLimitLifted) {
					t.Errorf("got %s %v, want %s", diag.CodeOf(d), d, want)
				}
			}
		})
	}
}

// A job at rest is never refused, whatever limits have become; the next change
// of it is. An apply checks what the plan has checked.
func TestLimitsHoldWhereThereIsSomethingToApply(t *testing.T) {
	w := newWorld(t)
	w.must(w.apply(orders()))
	w.complete("orders-r1")
	tight := state.Policy{Limits: job.Limits{Parallel: 5}}
	if _, diags := decide.Declare(orders().value(t)).PlanWith(tight, w.kept.known); len(diags) > 0 {
		t.Errorf("at rest: %v", diags)
	}
	grown := orders().between(0, 70, 5)
	if _, diags := decide.Declare(grown.value(t)).PlanWith(tight, w.kept.known); codeOf(diags) != diag.CodeLimit {
		t.Errorf("grown: %v", diags)
	}
	before := len(w.names())
	_, diags := w.engine.Update(t.Context(), engine.Submission{Value: grown.value(t), Owner: w.kept.owner, Policy: tight})
	if codeOf(diags) != diag.CodeLimit || len(w.names()) != before {
		t.Errorf("update: %v, objects %q", diags, w.names())
	}
	other := orders().with("name", "other")
	if _, diags := w.engine.Create(
		t.Context(),
		engine.Submission{Value: other.value(t), Policy: tight},
	); codeOf(diags) != diag.CodeLimit ||
		len(w.names()) != before {
		t.Errorf("create: %v, objects %q", diags, w.names())
	}
	tight.OverrideLimits = []string{"max_parallel"}
	if _, diags := w.engine.Create(
		t.Context(),
		engine.Submission{Value: other.value(t), Policy: tight},
	); diags.HasErrors() {
		t.Errorf("create with the limit lifted: %v", diags)
	}
}

// At a forbidden time nothing is submitted and nothing is stopped, but edits
// that submit nothing go through, and so does what is lifted, also when the
// command line approves.
func TestForbiddenWindows(t *testing.T) {
	w := newWorld(t)
	now := start.Add(10 * time.Hour) // a Friday
	w.process = func() *engine.Engine {
		o := w.options()
		o.Now = func() time.Time { return now }
		return engine.New(w.cluster, o)
	}
	w.engine = w.process()
	friday := map[string]any{"days": []string{"fri"}, "from": "09:00", "to": "17:00"}
	closed := orders().with("limits", map[string]any{"forbidden_windows": []any{friday}}).
		with("canary", map[string]any{"approve": "manual"})
	refused := func(err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "Fri 2026-01-02 17:00") ||
			!strings.Contains(err.Error(), "the job's own limits forbid that on fri from 09:00 to 17:00 UTC") {
			t.Errorf("got %v", err)
		}
	}
	refused(w.apply(closed))
	if left := w.names(); len(left) > 0 {
		t.Fatalf("objects %q", left)
	}
	now = now.Add(7 * time.Hour)
	w.must(w.apply(closed))
	now = now.Add(-7 * time.Hour)
	w.must(w.apply(closed.with("reason", "noted"))) // submits nothing
	refused(w.apply(closed.image("example.com/orders:2")))
	if o := w.observe("orders"); !o.Phase.Active() {
		t.Errorf("the run was stopped for a run that was refused: phase %s", o.Phase)
	}
	w.argo.finish()
	_, err := w.refresh("orders")
	w.must(err)
	_, diags := w.engine.Approve(t.Context(), "data", "orders")
	refused(errorOf(diags))
	w.policy.OverrideLimits = []string{"forbidden_windows"}
	w.must(w.apply(closed))
	if _, diags = w.engine.Approve(t.Context(), "data", "orders"); diags.HasErrors() {
		t.Fatal(diags)
	}
	w.complete("orders-r2")
	w.exactly(0, 60, 1)
}

// What an answer of a query may yield is held to the limits before anybody
// asks, and what it has yielded for ever after.
func TestLimitsOfAQuery(t *testing.T) {
	query := func(size, most int) declared { // shards of 4
		return queried().with("partition", map[string]any{"query": map[string]any{
			"image": "example.com/sql:1", "command": []string{"bounds"}, "size": size, "max_partitions": most,
		}})
	}
	own := func(d declared) declared { return d.with("limits", map[string]any{"max_partitions": 50}) }
	w := newWorld(t)
	for name, c := range map[string]struct {
		d      declared
		policy state.Policy
		want   []string
	}{
		"as many as allowed": {query(5, 50), state.Policy{Limits: job.Limits{Partitions: 50, Shards: 13}}, nil},
		"own": {own(query(5, 51)), state.Policy{}, []string{"may result in 51 partitions; the job's own " +
			"limits allow at most 50"}},
		"both": {own(query(5, 53)), state.Policy{Limits: job.Limits{Partitions: 52, Shards: 13}}, []string{
			"may result in 53 partitions; the limits of the provider allow at most 52", "53 partitions in 14 shards; the " +
				"limits of the provider allow at most 13 shards",
		}},
		"behind a canary": {query(5, 52).with("canary", map[string]any{"partitions": 1}), state.Policy{Limits: job.Limits{Shards: 12}}, []string{"52 partitions in 13 shards"}},
		"lifted":          {own(query(5, 51)), state.Policy{OverrideLimits: []string{"max_partitions"}}, []string{"It is permitted"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := decide.Declare(c.d.value(t)).PlanWith(c.policy, nil)
			if len(diags) != len(c.want) {
				t.Fatalf("got %v", diags)
			}
			for i, want := range c.want {
				if path := diag.FormatPath(
					diag.PathOf(diags[i]),
				); !strings.Contains(diags[i].Detail, want) ||
					path != "partition.query.max_partitions" {
					t.Errorf("got %v at %s, want %q", diags[i], path, want)
				}
			}
			if _, created := w.engine.Create(
				t.Context(),
				engine.Submission{Value: c.d.with("name", strings.ReplaceAll(name, " ", "-")).value(t), Policy: c.policy},
			); created.HasErrors() != diags.HasErrors() {
				t.Errorf("the plan says %v, and the apply %v", diags, created)
			}
		})
	}
	w.policy.Limits = job.Limits{Partitions: 20}
	w.argo.answer = answer(0, 100)
	w.must(w.apply(query(5, 20)))
	w.argo.finish()
	if o := w.seen(); o.Total() != 20 {
		t.Fatalf("%+v", o)
	}
	finer := query(4, 20).value(t)
	_, planned := decide.Declare(finer).PlanWith(w.policy, w.kept.known)
	_, updated := w.engine.Update(t.Context(), engine.Submission{Value: finer, Owner: w.kept.owner, Policy: w.policy})
	for _, diags := range []hcl.Diagnostics{planned, updated} {
		if codeOf(diags) != diag.CodeLimit || !strings.Contains(diags.Error(), "The job has 25 partitions") {
			t.Errorf("cut finer: %v", diags)
		}
	}
}
