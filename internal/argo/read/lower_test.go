// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/lower"
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
	objects, err := lower.Run(j, template.GetName(), p, 3)
	if err != nil {
		t.Fatal(err)
	}
	return append([]manifest.Object{template}, objects...)
}

// observed takes what a controller left and what Wanted and NeedsData ask for.
func observed(t testing.TB, c *argotest.Controller, objects []manifest.Object, run *wfv1.Workflow, pack bool) Observed {
	t.Helper()
	o := Observed{Run: argotest.Observe(t, run)}
	names, err := Wanted(o.Run)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if child, ok := c.Workflows[name]; ok {
			o.Children = append(o.Children, argotest.Observe(t, child))
		}
	}
	if NeedsData(o.Run) {
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
