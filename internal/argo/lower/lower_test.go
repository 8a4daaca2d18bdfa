// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"slices"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/read"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// compile returns template, data and run.
func compile(t testing.TB, j *job.Job, p plan.Plan) []manifest.Object {
	t.Helper()
	template, err := Template(j)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := Run(j, argotest.SpecOf(j, p, template.GetName()))
	if err != nil {
		t.Fatal(err)
	}
	return append([]manifest.Object{template}, objects...)
}

// TestArgoAgrees runs the emitted objects through Argo's own template code and
// compares what every container gets with what package domain says.
func TestArgoAgrees(t *testing.T) {
	for _, s := range argotest.Scenarios(t) {
		t.Run(s.Name, func(t *testing.T) {
			j, p := s.Plan()
			j.Runner.Args = []job.Text{
				argotest.Ref("partition.key"),
				argotest.Ref("run.name"),
				argotest.Ref("attempt"),
				argotest.Ref("job.name"),
			}
			c, run := argotest.NewController(t, compile(t, j, p)...)
			c.Run(run)
			if int64(len(c.Pods)) != p.Partitions {
				t.Fatalf("%d pods ran for %d partitions", len(c.Pods), p.Partitions)
			}
			for i, pod := range c.Pods {
				partition := p.At(int64(i))
				for _, fact := range p.Domain.Facts(partition) {
					if got := pod.Env[expr.FactVar(fact.Name)]; got != fact.Text {
						t.Fatalf("pod %d: %s is %q, want %q", i, expr.FactVar(fact.Name), got, fact.Text)
					}
				}
				want := []string{p.Domain.Key(partition), "orders-r3", "0", "orders"}
				if !slices.Equal(pod.Args, want) {
					t.Fatalf("pod %d: args %q, want %q", i, pod.Args, want)
				}
			}
		})
	}
}

func anyString(s string) *wfv1.AnyString { return wfv1.AnyStringPtr(s) }

// TestArgoVersions: what an older Argo does not know is left out, because a
// full CRD would prune it in silence.
func TestArgoVersions(t *testing.T) {
	d := argotest.Axis(t, domain.Range{Start: 0, End: 10, Size: 1})
	for version, want := range map[string]bool{"": true, "3.5": false, "3.6": false, "3.7": true, "4.0": true} {
		j := argotest.Sample(d)
		j.ArgoVersion = version
		text, err := manifest.Encode(compile(t, j, argotest.PlanOf(j, ledger.Full(d))), "yaml")
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(text), "cap: 10m"); got != want {
			t.Errorf("argo_version %q: a bound for the backoff is emitted: %t, want %t", version, got, want)
		}
	}
}

// observed takes what a controller left and what Wanted and NeedsData ask for.
func observed(
	t testing.TB,
	c *argotest.Controller,
	objects []manifest.Object,
	run *wfv1.Workflow,
	pack bool,
) argotest.Observed {
	t.Helper()
	o := argotest.Observed{Run: argotest.Observe(t, run)}
	names, err := wantedOf(o.Run)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if child, ok := c.Workflows[name]; ok {
			o.Children = append(o.Children, argotest.Observe(t, child))
		}
	}
	if needsData(o.Run) {
		for _, object := range objects {
			if object.GetKind() == "ConfigMap" {
				o.Data = append(o.Data, object)
			}
		}
	}
	if pack {
		o.Run = argotest.Compressed(t, o.Run)
		for i, child := range o.Children {
			o.Children[i] = argotest.Compressed(t, child)
		}
	}
	return o
}

// outcomeOf reads the outcome of a run.
func outcomeOf(d domain.Domain, o argotest.Observed) (read.Outcome, error) {
	run, err := read.Parse(o.Run)
	if err != nil {
		return read.Outcome{}, err
	}
	return run.Outcome(d, o.Children, o.Data)
}

// wantedOf names the children that a run needs to be read.
func wantedOf(o manifest.Object) ([]string, error) {
	run, err := read.Parse(o)
	if err != nil {
		return nil, err
	}
	return run.Wanted(), nil
}

// needsData tells whether a run needs its data to be read.
func needsData(o manifest.Object) bool {
	run, err := read.Parse(o)
	return err == nil && run.NeedsData()
}

// resultOf is what the query of a run has found.
func resultOf(o manifest.Object) (read.Result, error) {
	run, err := read.Parse(o)
	if err != nil {
		return read.Result{}, err
	}
	return run.Query(), nil
}
