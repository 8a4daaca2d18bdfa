// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"fmt"
	"slices"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"pgregory.net/rapid"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/read"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// waved is a job of 40 partitions in 20 shards.
func waved(t testing.TB) *job.Job {
	j := argotest.Sample(argotest.Axis(t, domain.Range{Start: 0, End: 40, Size: 1}))
	j.ShardSize, j.Retry.Limit = 2, 0
	return j
}

// outcome runs a job with some partitions failing, and reads what happened.
func outcome(
	t testing.TB,
	j *job.Job,
	p plan.Plan,
	failing func(index string) bool,
) (*argotest.Controller, *wfv1.Workflow, read.Outcome) {
	objects := compile(t, j, p)
	tt, ok := t.(*testing.T)
	if !ok {
		t.Fatal("needs a test")
	}
	c, run := argotest.NewController(tt, objects...)
	c.Outcome = func(pod argotest.Started) bool { return failing(pod.Env[expr.FactVar("index")]) }
	c.Run(run)
	out, err := outcomeOf(p.Domain, observed(t, c, objects, run, false))
	if err != nil {
		t.Fatal(err)
	}
	return c, run, out
}

// phaseFor is the phase in which a run ends that nobody stopped. It has to be
// Argo's too: alerts of people look at nothing else.
func phaseFor(out read.Outcome) wfv1.WorkflowPhase {
	if out.Failed.Empty() {
		return wfv1.WorkflowSucceeded
	}
	return wfv1.WorkflowFailed
}

// TestFailedPartitionsFailTheRun: launchers succeed however their shards ended, and
// the run fails all the same, after everything else was processed.
func TestFailedPartitionsFailTheRun(t *testing.T) {
	for name, waves := range map[string]plan.Waves{"at once": {}, "in waves": {Shards: 3, Growth: 2}} {
		for _, failing := range []string{"", "0", "39"} {
			j := waved(t)
			j.Waves = waves
			_, run, out := outcome(t, j, argotest.PlanOf(j, ledger.Full(j.Domain)),
				func(index string) bool { return index == failing })
			if want := out.Failed.Count(j.Domain) > 0; want != (failing != "") || run.Status.Phase != phaseFor(out) {
				t.Errorf("%s, %q fails: the run is %s", name, failing, run.Status.Phase)
			}
			if ran := out.Done.Union(out.Failed); !ran.Contains(out.Covers) {
				t.Errorf("%s, %q fails: only %s ran", name, failing, ran.Text(j.Domain))
			}
		}
	}
}

func TestFailedCanaryFailsTheRun(t *testing.T) {
	for _, shardSize := range []int{2, 500} {
		j := waved(t)
		j.ShardSize, j.Canary.Partitions = shardSize, 2
		p := argotest.PlanOf(j, ledger.Full(j.Domain))
		c, run, out := outcome(t, j, p, func(index string) bool { return index == "1" })
		if run.Status.Phase != wfv1.WorkflowFailed || out.Canary != argo.PhaseFailed || out.OverBudget || !out.Ended {
			t.Errorf("shards of %d: the run is %s, outcome %+v", shardSize, run.Status.Phase, out)
		}
		if got := out.Done.Text(
			j.Domain,
		) + " " + out.Failed.Text(
			j.Domain,
		) + " " + out.Covers.Text(
			j.Domain,
		); got != "[0,1) [1,2) [0,40)" {
			t.Errorf("shards of %d: done, failed and covered are %s", shardSize, got)
		}
		for _, pod := range c.Pods {
			if index := pod.Env[expr.FactVar("index")]; index != "0" && index != "1" {
				t.Errorf("shards of %d: partition %s ran after a canary that failed", shardSize, index)
			}
		}
	}
}

func TestBudgetHoldsWavesBack(t *testing.T) {
	for _, c := range []struct {
		name    string
		budget  plan.Budget
		failing []string
		ran     int // partitions, the canary's among them
		over    bool
	}{
		// The canary has one partition; the waves have 1, 2, 4, 8 and 5 shards of 2.
		{"none fails", plan.Budget{MaxFailed: 0, MaxRatio: -1}, nil, 40, false},
		{"one of the first wave", plan.Budget{MaxFailed: 0, MaxRatio: -1}, []string{"1"}, 3, true},
		{"as many as allowed", plan.Budget{MaxFailed: 2, MaxRatio: -1}, []string{"1", "5"}, 40, false},
		{"one more than allowed, over three " +
			"waves", plan.Budget{MaxFailed: 2, MaxRatio: -1}, []string{"1", "5", "14"}, 15, true},
		{"in the last wave", plan.Budget{MaxFailed: 0, MaxRatio: -1}, []string{"38", "39"}, 40, false},
		{"a third", plan.Budget{MaxFailed: -1, MaxRatio: 300_000}, []string{"1"}, 3, true},
		{"a seventh", plan.Budget{MaxFailed: -1, MaxRatio: 400_000}, []string{"1", "4"}, 40, false},
		{"the stricter one counts", plan.Budget{MaxFailed: 0, MaxRatio: 400_000}, []string{"1", "4"}, 3, true},
	} {
		for _, missing := range [][]int64{nil, {20}} {
			t.Run(fmt.Sprint(c.name, missing), func(t *testing.T) {
				j := waved(t)
				j.Canary.Partitions, j.Waves, j.Budget = 1, plan.Doubling, &c.budget
				// A hole in the middle makes the run use its table.
				p := argotest.PlanOf(j, argotest.Holes(j.Domain, missing...))
				_, run, out := outcome(t, j, p, func(index string) bool { return slices.Contains(c.failing, index) })
				if run.Status.Phase != phaseFor(out) || out.OverBudget != c.over || out.Canary != argo.PhaseSucceeded {
					t.Errorf("the run is %s, outcome %+v", run.Status.Phase, out)
				}
				want := c.ran
				if missing != nil {
					want = min(want, 39)
				}
				if got := out.Done.Union(out.Failed).Count(j.Domain); got != int64(want) {
					t.Errorf(
						"%d partitions ran (done %s, failed %s), want %d",
						got,
						out.Done.Text(j.Domain),
						out.Failed.Text(j.Domain),
						want,
					)
				}
			})
		}
	}
}

// TestBudgetsHoldForAnyFailures compares which waves ran with what the plan
// allows, for random waves, budgets and failures.
func TestBudgetsHoldForAnyFailures(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		j := waved(t)
		budget := plan.Budget{
			MaxFailed: rapid.Int64Range(0, 9).Draw(rt, "max failed"),
			MaxRatio:  rapid.Int64Range(-1, 500_000).Draw(rt, "max ratio"),
		}
		j.Canary.Partitions, j.Budget = rapid.IntRange(0, 2).Draw(rt, "canary"), &budget
		j.Waves = plan.Waves{Shards: rapid.IntRange(1, 3).Draw(rt, "shards"), Growth: rapid.IntRange(1, 3).Draw(rt, "growth")}
		p := argotest.PlanOf(j, ledger.Full(j.Domain))
		failing := map[string]bool{}
		for i := j.Canary.Partitions; i < 40; i++ {
			failing[fmt.Sprint(i)] = rapid.IntRange(0, 5).Draw(rt, "fails") == 0
		}
		_, run, out := outcome(t, j, p, func(index string) bool { return failing[index] })
		if run.Status.Phase != phaseFor(out) {
			rt.Fatalf("the run is %s, and failed %s", run.Status.Phase, out.Failed.Text(j.Domain))
		}
		ran, failed, over := int64(len(p.Canary)), int64(0), false
		for _, w := range p.Waves {
			if over = w.Allowed >= 0 && failed > w.Allowed; over {
				break
			}
			for range w.Partitions {
				if failing[fmt.Sprint(ran)] {
					failed++
				}
				ran++
			}
		}
		if got := out.Done.Union(out.Failed).
			Count(j.Domain); got != ran || out.Failed.Count(j.Domain) != failed ||
			out.OverBudget != over {
			rt.Fatalf(
				"%d ran, %d failed, over budget %t; want %d, %d, %t",
				got,
				out.Failed.Count(j.Domain),
				out.OverBudget,
				ran,
				failed,
				over,
			)
		}
	})
}

// TestPodsOfWaves demands that max_parallel is used in full by every wave, or
// grows into with ramp_up, and is never exceeded.
func TestPodsOfWaves(t *testing.T) {
	for _, c := range []struct {
		rampUp bool
		want   []int64 // of the children of each wave
	}{
		// 40 pods, at most 8 shards at once.
		{false, []int64{40, 20, 10, 5, 8}},
		{true, []int64{5, 5, 5, 5, 5}},
	} {
		j := waved(t)
		j.MaxParallel, j.Waves, j.RampUp = 40, plan.Doubling, c.rampUp
		p := argotest.PlanOf(j, ledger.Full(j.Domain))
		ctl, run, _ := outcome(t, j, p, func(string) bool { return false })
		for i, w := range p.Waves {
			for k := range w.Shards {
				child := ctl.Workflows[argo.ChildName(run.Name, w.First+k)]
				if got := *child.Spec.Parallelism; got != c.want[i] || got*min(int64(w.Shards), *run.Spec.Parallelism) > 40 {
					t.Errorf("ramp_up %t: shard %d of wave %d may have %d pods, want %d", c.rampUp, k, w.Number, got, c.want[i])
				}
			}
		}
	}
}
