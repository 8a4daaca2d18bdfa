// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// largeRun is a run of shards of 500 partitions, all of which have to be read,
// because in each the last partition failed. Node statuses are compressed.
func largeRun(tb testing.TB, shards int) (domain.Domain, Observed) {
	tb.Helper()
	d := axis(tb, domain.Range{Start: 0, End: int64(shards) * 500, Size: 1})
	j := sample(d)
	objects := compile(tb, j, planOf(j, ledger.Full(d)))
	run := objects[len(objects)-1].DeepCopy()
	args := run.Object["spec"].(map[string]any)["arguments"].(map[string]any)["parameters"].([]any)
	lo := []any{param(argLo, "0"), param(argHi, fmt.Sprint(shards*500)), param(argFirst, "0"), param(argStep, "1"), param(argData, "")}
	launched := map[string]any{}
	o := Observed{Run: run}
	nodes := observe(tb, &wfv1.Workflow{Status: wfv1.WorkflowStatus{Nodes: done(500)}}).Object["status"].(map[string]any)["nodes"]
	for k := range shards {
		inputs := node{"parameters": list{param(inK, fmt.Sprint(k)), param(inG, "0"), param(inFrom, fmt.Sprint(500*k)), param(inCount, "500")}}
		launched[fmt.Sprint(k)] = node{"id": fmt.Sprint(k), "type": "Retry", "phase": "Succeeded", "templateName": tmplLauncher, "inputs": inputs}
		child := newObject(apiVersion, "Workflow", "data", childName("orders-r3", k), nil, nil)
		child.Object["spec"] = node{"arguments": node{"parameters": append(append(list{}, args...), lo...)}}
		child.Object["status"] = node{"phase": "Failed", "nodes": nodes}
		o.Children = append(o.Children, compressed(tb, child))
	}
	run.Object["status"] = node{"phase": "Succeeded", "nodes": launched}
	return d, o
}

// done is a shard whose last partition failed once and for good.
func done(count int) wfv1.Nodes {
	nodes := worst(count, 1)
	for id, n := range nodes {
		var within, i int
		if _, err := fmt.Sscanf(n.DisplayName, "p(%d:%d)", &within, &i); err != nil {
			continue // of a group
		}
		i -= 99500
		n.Inputs = &wfv1.Inputs{Parameters: []wfv1.Parameter{{Name: inI, Value: wfv1.AnyStringPtr(fmt.Sprint(i))}}}
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
	out, err := Read(d, o)
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
	begin := processorTime(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(d, o); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((processorTime(b)-begin).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

// processorTime is what the process has used of processors, which other
// processes of the machine do not lengthen.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
