// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"fmt"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/decide"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// BenchmarkPlan plans a job of n partitions of which one in a hundred failed.
func BenchmarkPlan(b *testing.B) {
	for _, n := range []int64{12, 10_000, 1_000_000} {
		w := newWorld(b)
		d := orders().between(0, n*10, 10)
		v := d.value(b)
		w.must(w.apply(d))
		known := *w.kept.known
		known.Phase = state.PhaseFailed
		done, err := ledger.Parse(known.Domain(), fmt.Sprintf("[0,%d)", n*5))
		if err != nil {
			b.Fatal(err)
		}
		known.Done = done
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if _, diags := decide.Declare(v).Plan(&known); diags.HasErrors() {
					b.Fatal(diags)
				}
			}
		})
	}
}

// BenchmarkRefreshAndPlan does what a plan does for 1,000 finished jobs of one
// namespace, on a cluster in memory.
func BenchmarkRefreshAndPlan(b *testing.B) {
	const jobs = 1000
	w := newWorld(b)
	states := make([]*remembered, jobs)
	for i := range jobs {
		w.kept = nil
		w.must(w.apply(orders().with("name", fmt.Sprintf("orders-%d", i))))
		states[i] = w.kept
	}
	w.argo.finish()
	e := w.process()
	for i := range jobs {
		if _, diags := e.ObserveKnown(b.Context(), "data", fmt.Sprintf("orders-%d", i), states[i].known); diags.HasErrors() {
			b.Fatal(diags)
		}
	}
	begin := processorTime(b)
	b.ReportAllocs()
	for b.Loop() {
		e := w.process()
		w.cluster.ResetCalls()
		for i := range jobs {
			name := fmt.Sprintf("orders-%d", i)
			o, diags := e.ObserveKnown(b.Context(), "data", name, states[i].known)
			if diags.HasErrors() || o.Phase != state.PhaseComplete {
				b.Fatal(o, diags)
			}
			p, diags := decide.Declare(orders().with("name", name).value(b)).Plan(ledgerOf(w, o))
			if diags.HasErrors() || p.Next != nil {
				b.Fatal(p, diags)
			}
		}
		b.ReportMetric(float64(count(w.cluster.Calls(), "get", "list")), "requests/op")
	}
	b.ReportMetric(float64((processorTime(b)-begin).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}
