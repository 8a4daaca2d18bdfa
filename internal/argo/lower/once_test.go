// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"fmt"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// bracketed is a job with setup and teardown, on 12 partitions with a canary and a
// budget, in shards of that size.
func bracketed(t *testing.T, shardSize int) *job.Job {
	t.Helper()
	j := argotest.Sample(argotest.Axis(t, domain.Range{Start: 0, End: 12, Size: 1}))
	j.ShardSize = shardSize
	j.Canary.Partitions, j.Waves, j.Budget = 1, plan.Doubling, &plan.Budget{MaxFailed: 0, MaxRatio: -1}
	container := func(name string) *job.Runner {
		return &job.Runner{
			Image:   "registry.example.com/ops:1",
			Command: []job.Text{argotest.Lit(name)},
			Args: []job.Text{
				{{Literal: "--run="}, {Ref: "run.name"}},
				argotest.Ref("attempt"),
				argotest.Ref("job.name"),
			},
			ServiceAccount: "ops",
			NodeSelector:   map[string]string{"pool": "ops"},
		}
	}
	j.Setup, j.Teardown = container("bin/setup"), container("bin/teardown")
	j.Spot = job.Spot{Mode: "require", Labels: map[string]string{"spot": "true"}, OnDemandFrom: 2}
	return j
}

// TestOnce takes runs through Argo's own template code: what runs, in which order,
// and what is read of it.
func TestOnce(t *testing.T) {
	for _, test := range []struct {
		name              string
		fails             func(pod argotest.Started) bool
		pods              int // of partitions
		setup, teardown   string
		canary            argo.Phase
		overBudget        bool
		failed            string
		setups, teardowns int
	}{
		{name: "all is well", pods: 12, canary: argo.PhaseSucceeded, setups: 1, teardowns: 1},
		{
			name: "setup is tried " +
				"again", fails: func(p argotest.Started) bool { return p.Command[0] == "bin/setup" && p.Attempt < 2 },
			pods: 12, canary: argo.PhaseSucceeded, setups: 3, teardowns: 1,
		},
		{
			name: "setup fails", fails: func(p argotest.Started) bool { return p.Command[0] == "bin/setup" },
			setup: "attempt 14", setups: 15, teardowns: 1,
		},
		{
			name: "canary fails", fails: func(p argotest.Started) bool { return p.Env[expr.FactVar("key")] == "0--1" },
			pods: 15, canary: argo.PhaseFailed, failed: "[0,1)", setups: 1, teardowns: 1,
		},
		{
			name: "over budget", fails: func(p argotest.Started) bool { return p.Env[expr.FactVar("key")] == "1--2" },
			canary: argo.PhaseSucceeded, overBudget: true, failed: "[1,2)", setups: 1, teardowns: 1,
		},
		{
			name: "teardown fails", fails: func(p argotest.Started) bool { return p.Command[0] == "bin/teardown" },
			pods: 12, canary: argo.PhaseSucceeded, teardown: "attempt 14", setups: 1, teardowns: 15,
		},
	} {
		for _, size := range []int{500, 2} {
			t.Run(fmt.Sprintf("%s/shards of %d", test.name, size), func(t *testing.T) {
				j := bracketed(t, size)
				objects := compile(t, j, argotest.PlanOf(j, ledger.Full(j.Domain)))
				c, run := argotest.NewController(t, objects...)
				c.Outcome = test.fails
				c.Run(run)
				out, err := outcomeOf(j.Domain, observed(t, c, objects, run, false))
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(out.Setup.Message, test.setup) || out.Setup.Failed() != (test.setup != "") {
					t.Errorf("setup %+v, want %q", out.Setup, test.setup)
				}
				if !strings.Contains(out.Teardown.Message, test.teardown) || out.Teardown.Failed() != (test.teardown != "") ||
					out.Teardown.Phase == "" {
					t.Errorf("teardown %+v, want %q", out.Teardown, test.teardown)
				}
				if out.Canary != test.canary || !out.Ended {
					t.Errorf("canary %q, want %q; ended %t", out.Canary, test.canary, out.Ended)
				}
				if size == 2 && out.OverBudget != test.overBudget {
					t.Errorf("over budget: %t", out.OverBudget)
				}
				if got := out.Failed.Text(j.Domain); got != test.failed {
					t.Errorf("failed %q, want %q", got, test.failed)
				}
				checkOrder(t, c.Pods, test.setups, test.teardowns)
				if got := len(c.Pods) - test.setups - test.teardowns; test.pods > 0 && got != test.pods {
					t.Errorf("%d pods of partitions, want %d", got, test.pods)
				}
				if test.setup != "" && len(c.Pods) != test.setups+test.teardowns {
					t.Error("partitions ran after the setup had failed")
				}
			})
		}
	}
}

// checkOrder demands that a run begins with its setup and ends with its teardown,
// and that these know of no partition.
func checkOrder(t *testing.T, pods []argotest.Started, setups, teardowns int) {
	t.Helper()
	for i, p := range pods {
		want := "bin/reindex"
		switch {
		case i < setups:
			want = "bin/setup"
		case i >= len(pods)-teardowns:
			want = "bin/teardown"
		}
		if p.Command[0] != want {
			t.Fatalf("pod %d of %d is %s, want %s", i, len(pods), p.Command[0], want)
		}
		if want == "bin/reindex" {
			continue
		}
		if p.Workflow != "orders-r3" || p.Args[0] != "--run=orders-r3" || p.Args[1] != fmt.Sprint(p.Attempt) ||
			p.Args[2] != "orders" {
			t.Errorf("%s in %s got %q in attempt %d", want, p.Workflow, p.Args, p.Attempt)
		}
		for name := range p.Env {
			if strings.HasPrefix(name, "BACKFILL_PARTITION_") {
				t.Errorf("%s has the variable %s", want, name)
			}
		}
		if p.Pod.Annotations[job.SafeToEvict] != "false" || p.Pod.Spec.NodeSelector["spot"] != "" ||
			p.Pod.Spec.NodeSelector["pool"] != "ops" {
			t.Errorf("%s is placed by %v, %v", want, p.Pod.Annotations, p.Pod.Spec.NodeSelector)
		}
	}
}

// A teardown runs after a stop, and fails by itself; a setup that the stop cut
// short has not failed.
func TestOnceWhenStopped(t *testing.T) {
	j := bracketed(t, 500)
	objects := compile(t, j, argotest.PlanOf(j, ledger.Full(j.Domain)))
	c, run := argotest.NewController(t, objects...)
	c.Outcome = func(p argotest.Started) bool { return p.Command[0] != "bin/reindex" }
	c.Run(run)
	argotest.Change(run, func(n wfv1.NodeStatus) bool { return n.Type == wfv1.NodeTypeRetry }, func(n *wfv1.NodeStatus) {
		n.Message = "Stopped with strategy 'Stop'"
	})
	out, err := outcomeOf(j.Domain, observed(t, c, objects, run, false))
	if err != nil {
		t.Fatal(err)
	}
	if out.Setup.Failed() || out.Setup.Phase != argo.PhaseFailed || !out.Teardown.Failed() {
		t.Errorf("setup %+v, teardown %+v", out.Setup, out.Teardown)
	}
}

// A job of one shard has no pods but its own.
func TestOnceAddsNothingWhereItIsNotAsked(t *testing.T) {
	j := argotest.Sample(argotest.Axis(t, domain.Range{Start: 0, End: 3, Size: 1}))
	c, run := argotest.NewController(t, compile(t, j, argotest.PlanOf(j, ledger.Full(j.Domain)))...)
	c.Run(run)
	if len(c.Pods) != 3 || run.Spec.OnExit != "" {
		t.Errorf("%d pods, exit handler %q", len(c.Pods), run.Spec.OnExit)
	}
}

// The projection counts what runs once, and names that meet are told apart by
// the salt, which the stand-in for the controller checks in every run.
func TestOnceIsProjected(t *testing.T) {
	j := bracketed(t, 500)
	with := Project(j, argotest.PlanOf(j, ledger.Full(j.Domain)), 1)[0].Bytes
	j.Setup, j.Teardown = nil, nil
	if without := Project(j, argotest.PlanOf(j, ledger.Full(j.Domain)), 1)[0].Bytes; with-without != 2*partitionBytes(
		typicalAttempts(j.Retry),
	) {
		t.Errorf("%d bytes with setup and teardown, %d without", with, without)
	}
}

// TestNamesOfRuns demands that the names that are told apart are those that Argo
// makes: every node of a run in which every attempt fails, or none.
func TestNamesOfRuns(t *testing.T) {
	for _, size := range []int{500, 2} {
		for _, fails := range []bool{false, true} {
			j := bracketed(t, size)
			p := argotest.PlanOf(j, ledger.Full(j.Domain))
			c, w := argotest.NewController(t, compile(t, j, p)...)
			c.Outcome = func(argotest.Started) bool { return fails }
			c.Run(w)
			r := run{
				job:      j,
				spec:     argotest.SpecOf(j, p, ""),
				plan:     p,
				name:     "orders-r3",
				attempts: attempts(j.Retry),
				formula:  expr.FormulaOf(j.Domain),
			}
			ids, does := newIDs(), path{count: 11}
			if r.launches() {
				how := r.byFormula(nil)
				does = path{launching: &how}
			}
			if r.walk(ids, "", does); ids.twice {
				t.Fatal("the names are not distinct, so that nothing can be said")
			}
			for _, n := range w.Status.Nodes {
				if _, known := ids.seen[fnv(fnvBasis, n.Name)]; n.Name != w.Name && !known {
					t.Errorf("shards of %d, fails %t: the name %q was not among those told apart", size, fails, n.Name)
				}
			}
		}
	}
}
