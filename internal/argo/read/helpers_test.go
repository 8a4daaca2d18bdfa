// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/lower"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// compile returns template, data and run.
func compile(t testing.TB, j *job.Job, p plan.Plan) []manifest.Object {
	t.Helper()
	template, err := lower.Template(j)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := lower.Run(j, argotest.SpecOf(j, p, template.GetName()))
	if err != nil {
		t.Fatal(err)
	}
	return append([]manifest.Object{template}, objects...)
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
func outcomeOf(d domain.Domain, o argotest.Observed) (Outcome, error) {
	run, err := Parse(o.Run)
	if err != nil {
		return Outcome{}, err
	}
	return run.Outcome(d, o.Children, o.Data)
}

// wantedOf names the children that a run needs to be read.
func wantedOf(o manifest.Object) ([]string, error) {
	run, err := Parse(o)
	if err != nil {
		return nil, err
	}
	return run.Wanted(), nil
}

// needsData tells whether a run needs its data to be read.
func needsData(o manifest.Object) bool {
	run, err := Parse(o)
	return err == nil && run.NeedsData()
}
