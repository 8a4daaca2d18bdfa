// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"fmt"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// largeRun is a run of shards of 500 partitions, all of which have to be read,
// because in each the last partition failed. Node statuses are compressed.
func largeRun(tb testing.TB, shards int) (domain.Domain, argotest.Observed) {
	tb.Helper()
	d := argotest.Axis(tb, domain.Range{Start: 0, End: int64(shards) * 500, Size: 1})
	j := argotest.Sample(d)
	objects := compile(tb, j, argotest.PlanOf(j, ledger.Full(d)))
	run := objects[len(objects)-1].DeepCopy()
	args := run.Object["spec"].(map[string]any)["arguments"].(map[string]any)["parameters"].([]any)
	lo := []any{
		argument(argo.ArgLo, "0"),
		argument(argo.ArgHi, fmt.Sprint(shards*500)),
		argument(argo.ArgFirst, "0"),
		argument(argo.ArgStep, "1"),
		argument(argo.ArgData, ""),
	}
	launched := map[string]any{}
	o := argotest.Observed{Run: run}
	shard := argotest.Observe(tb, &wfv1.Workflow{Status: wfv1.WorkflowStatus{Nodes: done(500)}})
	nodes := shard.Object["status"].(map[string]any)["nodes"]
	for k := range shards {
		inputs := node{
			"parameters": list{
				argument(argo.InK, fmt.Sprint(k)),
				argument(argo.InG, "0"),
				argument(argo.InFrom, fmt.Sprint(500*k)),
				argument(argo.InCount, "500"),
			},
		}
		launched[fmt.Sprint(k)] = node{
			"id":           fmt.Sprint(k),
			"type":         "Retry",
			"phase":        "Succeeded",
			"templateName": argo.TemplateLauncher,
			"inputs":       inputs,
		}
		child := newObject(argo.APIVersion, "Workflow", "data", argo.ChildName("orders-r3", k), nil, nil)
		child.Object["spec"] = node{"arguments": node{"parameters": append(append(list{}, args...), lo...)}}
		child.Object["status"] = node{"phase": "Failed", "nodes": nodes}
		o.Children = append(o.Children, argotest.Compressed(tb, child))
	}
	run.Object["status"] = node{"phase": "Succeeded", "nodes": launched}
	return d, o
}

// done is a shard whose last partition failed once and for good.
func done(count int) wfv1.Nodes {
	nodes := argotest.Worst(count, 1)
	for id, n := range nodes {
		var within, i int
		if _, err := fmt.Sscanf(n.DisplayName, "p(%d:%d)", &within, &i); err != nil {
			continue // of a group
		}
		i -= 99500
		n.Inputs = &wfv1.Inputs{Parameters: []wfv1.Parameter{{Name: argo.InI, Value: wfv1.AnyStringPtr(fmt.Sprint(i))}}}
		if i < count-1 {
			n.Phase, n.Message = wfv1.NodeSucceeded, ""
		}
		nodes[id] = n
	}
	return nodes
}

// TestReadLargeRun guards the benchmark: it reads what it is meant to.
func TestReadLargeRun(t *testing.T) {
	d, o := largeRun(t, 2)
	out, err := outcomeOf(d, o)
	if err != nil {
		t.Fatal(err)
	}
	// Every child of the benchmark holds the statuses of the first one.
	if got := out.Done.Text(d) + out.Failed.Text(d); got != "[0,499)[499,500)" || len(out.Failures) != 2 {
		t.Errorf("done and failed: %s, %d failures", got, len(out.Failures))
	}
}

// BenchmarkRead reads 100,000 outcomes.
func BenchmarkRead(b *testing.B) {
	d, o := largeRun(b, 200)
	begin := argotest.ProcessorTime(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := outcomeOf(d, o); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((argotest.ProcessorTime(b)-begin).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

func argument(name, value string) any { return map[string]any{"name": name, "value": value} }
