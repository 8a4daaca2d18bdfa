// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"fmt"
	hashfnv "hash/fnv"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

func TestFNV(t *testing.T) {
	for _, s := range []string{"", "a", "orders-r3(0)[0].partitions(0)[0].g(0:0)(0)[0].p(0:0)(0)", "🦊"} {
		h := hashfnv.New32a()
		_, _ = h.Write([]byte(s))
		if got := fnv(fnvBasis, s); got != h.Sum32() {
			t.Errorf("fnv(%q) = %d, want %d", s, got, h.Sum32())
		}
	}
}

// collides tells, the slow way, whether two names of a shard's Workflow share
// an id.
func collides(workflow, salt string, from int64, count, attempts int) bool {
	seen := map[uint32]bool{}
	twice := false
	add := func(name string) {
		h := hashfnv.New32a()
		_, _ = h.Write([]byte(name))
		twice = twice || seen[h.Sum32()]
		seen[h.Sum32()] = true
	}
	for _, name := range []string{
		"(0)", "(0)[0]", "(0)[0]." + salt, "(0)[0]." + salt + "(0)", "(0)[0]." + salt + "(0)[0]", ".onExit",
		".onExit(0)", ".onExit(0)[0]", ".onExit(0)[0].exit",
	} {
		add(workflow + name)
	}
	for i := range count {
		group := fmt.Sprintf("%s(0)[0].%s(0)[0].g(%d:%d)", workflow, salt, i/groupSize, i/groupSize)
		if i%groupSize == 0 {
			add(group)
			add(group + "(0)")
			add(group + "(0)[0]")
		}
		name := fmt.Sprintf("%s(0)[0].p(%d:%d)", group, i%groupSize, from+int64(i))
		add(name)
		for n := range attempts {
			add(fmt.Sprintf("%s(%d)", name, n))
		}
	}
	return twice
}

// TestShardSaltAvoidsCollisions looks for Workflows whose first name collides,
// of which there is one among a dozen of 100,000 nodes, and checks both
// that they get another name and that the others keep theirs.
func TestShardSaltAvoidsCollisions(t *testing.T) {
	ids := newIDs()
	moved := 0
	for n := range 12 {
		workflow := fmt.Sprintf("orders-r%d", n)
		salt, err := shardSalt(ids, workflow, 0, 1000, 100)
		if err != nil {
			t.Fatal(err)
		}
		if collides(workflow, salt, 0, 1000, 100) {
			t.Errorf("%s: salt %s collides", workflow, salt)
		}
		if salt == argo.StepPartitions {
			continue
		}
		moved++
		if !collides(workflow, argo.StepPartitions, 0, 1000, 100) {
			t.Errorf("%s: salt %s, but the first one has no collision", workflow, salt)
		}
	}
	if moved == 0 {
		t.Error("no Workflow had a collision, so nothing was tested")
	}
}

// TestSaltedShardsRun takes a run in which one shard needs another salt through
// Argo's template code; the stand-in controller fails on equal ids.
func TestSaltedShardsRun(t *testing.T) {
	d := argotest.Axis(t, domain.Range{Start: 0, End: 4, Size: 1})
	for _, missing := range [][]int64{nil, {2}} {
		j := argotest.Sample(d)
		j.ShardSize = 1
		remaining := argotest.Holes(d, missing...)
		r := run{job: j, plan: argotest.PlanOf(j, remaining), name: "orders-r3", formula: expr.Formula{Applies: true}}
		c, w := argotest.NewController(t, compile(t, j, r.plan)...)
		salts := map[int]string{1: "partitions-b", 2: "partitions-c"}
		step := &w.Spec.Templates[0].Steps[0].Steps[0]
		if missing == nil {
			for i := range step.Arguments.Parameters {
				if p := &step.Arguments.Parameters[i]; p.Name == argo.InSalt {
					*p.Value = *anyString(saltTag(salts))
				}
			}
		} else {
			rows, _ := r.table(salts)
			for i := range w.Spec.Arguments.Parameters {
				if p := &w.Spec.Arguments.Parameters[i]; p.Name == argo.ArgShards {
					*p.Value = *anyString(argo.JSON(rows))
				}
			}
		}
		c.Run(w)
		for k, want := range map[int]string{0: "partitions", 1: "partitions-b", 2: "partitions-c"} {
			child := c.Workflows[argo.ChildName("orders-r3", k)]
			if got := child.Spec.Templates[0].Steps[0].Steps[0].Name; got != want {
				t.Errorf("shard %d calls step %q, want %q", k, got, want)
			}
		}
		if got, want := int64(len(c.Pods)), remaining.Count(d); got != want {
			t.Errorf("%d pods, want %d", got, want)
		}
	}
}

func TestConcurrency(t *testing.T) {
	for _, test := range []struct {
		parallel, width, size, launchers int
		// pods of each child in a wave of that many shards, as many active
		shards, pods int64
	}{
		{10, 3, 500, 2, 3, 5}, {10, 3, 500, 2, 1, 10}, {3, 3, 500, 1, 3, 3}, {40, 3, 500, 3, 3, 13}, {400, 200, 500, 8, 200, 50}, {400, 200, 500, 8, 4, 100},
		{1, 9, 500, 1, 9, 1}, {40, 200, 500, 4, 200, 10}, {40, 200, 500, 4, 2, 20}, {40, 1, 500, 1, 1, 40}, {400, 200, 100, 25, 200, 16}, {90, 6, 100, 6, 6, 15},
		{5000, 200, 500, 25, 200, 200}, {1000, 1000, 1, 25, 1000, 40},
	} {
		launchers := argo.Concurrency(test.parallel, test.width, test.size)
		if launchers != test.launchers {
			t.Errorf("Concurrency(%d, %d, %d) = %d, want %d", test.parallel, test.width, test.size, launchers, test.launchers)
		}
		child := newObject(argo.APIVersion, "Workflow", "data", "child", nil, nil)
		child.Object["spec"] = node{"arguments": node{"parameters": list{param(argo.ArgWidth, decimal(test.shards))}}}
		scale := argo.Scale{Run: int64(launchers), Pods: int64(test.parallel)}
		if pods := scale.ForChild(child, 1); pods != test.pods {
			t.Errorf(
				"%d pods in each of %d launchers of %d: %d for a child, want %d",
				test.parallel,
				launchers,
				test.shards,
				pods,
				test.pods,
			)
		}
	}
}

// BenchmarkCollisions excludes collisions of the node ids of a run, which is what
// takes most of BenchmarkCompile of package engine where n is large.
func BenchmarkCollisions(b *testing.B) {
	for _, n := range []int64{10_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := argotest.Axis(b, domain.Range{Start: 0, End: n, Size: 1})
			j := argotest.Sample(d)
			p := argotest.PlanOf(j, ledger.Full(d))
			r := run{job: j, plan: p, name: "orders-r1", attempts: attempts(j.Retry), formula: expr.Formula{Applies: true}}
			names, begin := int64(p.ShardCount()*4)+n*int64(r.attempts+1), argotest.ProcessorTime(b)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.salts(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(names), "names")
			b.ReportMetric(float64((argotest.ProcessorTime(b)-begin).Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
}
