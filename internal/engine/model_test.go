// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"errors"
	"flag"
	"fmt"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// sequences is how many random sequences of actions are tried.
const sequences = 500

// model is what must hold of keys, as plain maps: how often each was processed
// is in the simulator, and base is how often it had been when it last became
// due. Since then it may be processed once.
type model struct {
	*world
	d      declared
	lo, hi int64 // the domain of d
	// base counts the processings that do not matter any more.
	base map[int64]int
	// forgotten are the keys that were outside of a declared domain.
	forgotten map[int64]bool
	trace     []string
}

func TestRandomSequences(t *testing.T) {
	checks := flag.Lookup("rapid.checks")
	before := checks.Value.String()
	if err := flag.Set("rapid.checks", fmt.Sprint(sequences)); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = flag.Set("rapid.checks", before) }()
	rapid.Check(t, func(r *rapid.T) {
		m := &model{
			world:     newWorld(t),
			d:         orders().between(0, 40, 4),
			hi:        40,
			base:      map[int64]int{},
			forgotten: map[int64]bool{},
		}
		defer func() {
			if r.Failed() {
				for _, line := range m.trace {
					r.Log(line)
				}
			}
		}()
		m.act("apply", r, m.applyAction)
		for range rapid.IntRange(1, 10).Draw(r, "actions") {
			actions := []struct {
				name string
				do   func(*rapid.T)
			}{
				{
					"apply",
					m.applyAction,
				},
				{"apply", m.applyAction},
				{"edit", m.editAction},
				{"edit", m.editAction},
				{"tick", m.tickAction},
				{"finish", m.finishAction},
				{
					"fail",
					m.failAction,
				},
				{"look", m.lookAction},
				{"kill", m.killAction},
				{"delete run", m.deleteRunAction},
				{"delete template", m.deleteTemplateAction},
				{
					"edit by hand",
					m.handAction,
				},
				{"lose state", m.loseStateAction},
				{"lose record", m.loseRecordAction},
				{"destroy", m.destroyAction},
				{"stop", m.stopAction},
				{"pause", m.pauseAction},
				{"expire", m.expireAction},
			}
			a := actions[rapid.IntRange(0, len(actions)-1).Draw(r, "action")]
			m.act(a.name, r, a.do)
		}
		m.act("end", r, m.end)
	})
}

func (m *model) act(name string, r *rapid.T, do func(*rapid.T)) {
	m.trace = append(m.trace, name)
	do(r)
	for k, n := range m.argo.times {
		if !m.forgotten[k] && n > m.base[k]+1 {
			r.Fatalf("after %s: key %d was processed %d times, of which %d were due", name, k, n, m.base[k]+1)
		}
	}
}

// applied notes what an apply of the current declaration means for the keys.
func (m *model) applied(err error) {
	for k := int64(-20); k < 80; k++ {
		switch inside := m.lo <= k && k < m.hi; {
		case !inside:
			m.forgotten[k] = true
		case err == nil && m.forgotten[k]:
			delete(m.forgotten, k)
			m.base[k] = m.argo.times[k]
		}
	}
}

func (m *model) applyAction(r *rapid.T) {
	err := m.apply(m.d)
	if codeOfError(err) == diag.CodeJobExists {
		m.importJob()
		err = m.apply(m.d)
	}
	m.applied(err)
	if err != nil {
		r.Fatalf("apply: %v", err)
	}
}

func codeOfError(err error) string {
	var d *hcl.Diagnostic
	if errors.As(err, &d) {
		return diag.CodeOf(d)
	}
	return ""
}

func (m *model) importJob() {
	m.trace = append(m.trace, "import")
	m.kept = &remembered{known: &state.Observation{}}
	if _, err := m.refresh("orders"); err != nil {
		m.Fatal(err)
	}
}

func (m *model) editAction(r *rapid.T) {
	switch rapid.IntRange(0, 5).Draw(r, "edit") {
	case 0, 1:
		m.lo = rapid.Int64Range(-2, 2).Draw(r, "lo") * 5
		m.hi = m.lo + rapid.Int64Range(1, 6).Draw(r, "length")*10
		m.d = m.d.between(m.lo, m.hi, rapid.SampledFrom([]int64{3, 4, 10}).Draw(r, "size"))
	case 2:
		m.d = m.d.image(fmt.Sprintf("example.com/orders:%d", rapid.IntRange(1, 3).Draw(r, "image")))
	case 3:
		m.d = m.d.with("shard_size", rapid.SampledFrom([]int{2, 3, 500}).Draw(r, "shards"))
	case 4:
		m.d = m.d.with("max_parallel", rapid.IntRange(1, 9).Draw(r, "parallel"))
	case 5:
		m.d = m.d.with("reason", rapid.SampledFrom([]string{"a", "b"}).Draw(r, "reason"))
	}
	m.trace = append(m.trace, fmt.Sprint(m.d))
}

func (m *model) tickAction(r *rapid.T) { m.argo.tick(rapid.IntRange(0, 4).Draw(r, "leaves")) }
func (m *model) finishAction(*rapid.T) { m.finishUnlessPaused() }
func (m *model) lookAction(*rapid.T)   { m.observe("orders") }
func (m *model) failAction(r *rapid.T) { m.fail(rapid.Int64Range(0, 4).Draw(r, "of five")) }
func (m *model) fail(n int64)          { m.argo.fails = func(lo, _ int64) bool { return (lo%5+5)%5 < n } }
func (m *model) killAction(r *rapid.T) {
	h := history{command: m.d}
	point := rapid.IntRange(0, 24).Draw(r, "point")
	before := m.kept
	m.killedAnywhere(h, point)
	m.kept = before
	m.applied(errKilled)
}

var errKilled = fmt.Errorf("killed")

// killedAnywhere is killedAt for commands that may end by themselves, also
// with an error.
func (m *model) killedAnywhere(h history, point int) {
	calls, dead := 0, false
	kill := func(c cluster.Call, now bool) error {
		if dead = dead || now; dead {
			return cluster.NewError(cluster.Canceled, c, "", errKilled)
		}
		return nil
	}
	m.cluster.Before = func(c cluster.Call) error { calls++; return kill(c, calls == point/2+1 && point%2 == 0) }
	m.cluster.After = func(c cluster.Call) error { return kill(c, calls == point/2+1 && point%2 == 1) }
	_ = m.do(h)
	m.cluster.Before, m.cluster.After = nil, nil
}

// finishUnlessPaused runs everything to its end, but what is paused.
func (m *model) finishUnlessPaused() {
	for range 60 {
		if !m.argo.tick(1000) {
			return
		}
	}
}

// runs lists the Workflows of runs, newest last.
func (m *model) runs(settled bool) []string {
	var all []string
	for _, o := range m.cluster.Objects() {
		ttl, _, _ := unstructured.NestedInt64(o.Object, "spec", "ttlStrategy", "secondsAfterFailure")
		if o.GetKind() == "Workflow" && o.GetLabels()["backfill.dev/shard"] == "" && (ttl < 2147483647) == settled {
			all = append(all, o.GetName())
		}
	}
	return all
}

// deleteRunAction removes a run before its outcome is recorded: what it did
// counts as not done.
func (m *model) deleteRunAction(*rapid.T) {
	for _, name := range m.runs(false) {
		for k := range m.argo.by[name] {
			m.base[k] = m.argo.times[k]
		}
		m.must(m.cluster.Delete(m.Context(), cluster.Workflow, "data", name, ""))
	}
}

// expireAction removes what has a time to live: all of it is recorded.
func (m *model) expireAction(*rapid.T) {
	for _, name := range m.runs(true) {
		m.must(m.cluster.Delete(m.Context(), cluster.Workflow, "data", name, ""))
	}
}

func (m *model) deleteTemplateAction(*rapid.T) {
	for _, o := range m.cluster.Objects() {
		if o.GetKind() == "WorkflowTemplate" {
			m.must(m.cluster.Delete(m.Context(), cluster.WorkflowTemplate, "data", o.GetName(), ""))
		}
	}
}

func (m *model) handAction(*rapid.T) {
	for _, o := range m.cluster.Objects() {
		switch o.GetKind() {
		case "WorkflowTemplate":
			m.patch(cluster.WorkflowTemplate, o.GetName(), `{"spec":{"templates":[]}}`)
		case "Workflow":
			m.patch(cluster.Workflow, o.GetName(), `{"spec":{"parallelism":17}}`)
		}
	}
}

// loseStateAction loses the state, but not together with the record: then
// nobody knows anything.
func (m *model) loseStateAction(*rapid.T) {
	if _, err := m.cluster.Get(m.Context(), cluster.ConfigMap, "data", "orders-backfill"); err == nil {
		m.kept = nil
	}
}

// loseRecordAction deletes the record right after the state was saved.
func (m *model) loseRecordAction(r *rapid.T) {
	if _, err := m.refresh("orders"); err != nil {
		r.Fatalf("refresh: %v", err)
	}
	if m.kept == nil || !m.kept.known.Declaration.Exists() {
		return
	}
	if err := m.cluster.Delete(
		m.Context(),
		cluster.ConfigMap,
		"data",
		"orders-backfill",
		"",
	); err != nil &&
		!cluster.IsNotFound(err) {
		r.Fatal(err)
	}
}

func (m *model) destroyAction(r *rapid.T) {
	if m.kept == nil {
		return
	}
	if err := errorOf(m.engine.Delete(m.Context(), "data", "orders", m.kept.owner)); err != nil {
		r.Fatalf("destroy: %v", err)
	}
	m.kept = nil
	if left := m.names(); len(left) > 0 {
		r.Fatalf("left behind: %v", left)
	}
	for k := int64(-20); k < 80; k++ {
		m.forgotten[k] = true
	}
}

func (m *model) stopAction(r *rapid.T) {
	if _, diags := m.engine.Stop(
		m.Context(),
		"data",
		"orders",
	); diags.HasErrors() &&
		codeOf(diags) != diag.CodeJobNotFound {
		r.Fatalf("stop: %v", diags)
	}
}

func (m *model) pauseAction(r *rapid.T) {
	for _, do := range []func() error{
		func() error { _, diags := m.engine.Pause(m.Context(), "data", "orders"); return errorOf(diags) },
		func() error { m.argo.tick(2); return nil },
		func() error { _, diags := m.engine.Resume(m.Context(), "data", "orders"); return errorOf(diags) },
	} {
		if err := do(); err != nil && codeOfError(err) != diag.CodeJobNotFound {
			r.Fatalf("pause and resume: %v", err)
		}
	}
}

// end brings the job to rest without failures and checks the outcome.
func (m *model) end(r *rapid.T) {
	m.fail(0)
	for range 4 {
		m.act("apply", r, m.applyAction)
		m.finishUnlessPaused()
	}
	o, err := m.refresh("orders")
	if err != nil || o == nil || o.Phase != state.PhaseComplete {
		r.Fatalf("not complete in the end: %+v, %v", o, err)
	}
	if _, empty := m.plan(m.d); !empty {
		r.Fatal("the last plan is not empty")
	}
	for k := m.lo; k < m.hi; k++ {
		if m.argo.times[k] == 0 {
			r.Fatalf("key %d was never processed", k)
		}
	}
	m.act("destroy", r, m.destroyAction)
}
