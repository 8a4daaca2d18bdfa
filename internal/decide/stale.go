// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package decide

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// Strange refuses to apply another template than the plan showed, be there a run to
// submit or not; "" is a template that the plan did not know.
func (d *Decision) Strange(template string) *hcl.Diagnostic {
	if template == "" || template == d.Template {
		return nil
	}
	return problem(diag.CodeStalePlan, "The plan of job \"%s/%s\" showed the template %s, and what is to be applied "+
		"leads to %s: the plan was made by another version of the provider, or changed afterwards. Nothing was changed. "+
		"Plan again.", d.Job.Namespace, d.Job.Name, template, d.Template)
}

// Stale tells why a decision is not what the plan showed, or nil. Where a run was
// under way at plan time (shrinks), what it has done since makes the decision
// smaller.
func (d *Decision) Stale(planned *NextRun, shrinks bool) *hcl.Diagnostic {
	switch {
	case planned == nil:
		return nil
	case d.Next == nil:
		if shrinks {
			return nil
		}
		return StalePlan(d.Job.Namespace, d.Job.Name, planned.Summary(), "nothing")
	case planned.FindsBounds || d.Next.FindsBounds:
		if planned.FindsBounds == d.Next.FindsBounds || planned.FindsBounds && shrinks {
			return nil // what an active run has found meanwhile is known now
		}
		return StalePlan(d.Job.Namespace, d.Job.Name, planned.Summary(), d.Next.Summary())
	}
	same := d.Next.Partitions == planned.Partitions && d.Next.Intervals == planned.Intervals
	if shrinks && !same {
		set, err := ledger.Parse(d.Job.Domain, planned.Intervals)
		same = d.Next.Partitions <= planned.Partitions &&
			(planned.Intervals == "" || err == nil && set.Contains(d.Next.Spec.Covers))
	}
	if same {
		return nil
	}
	return StalePlan(d.Job.Namespace, d.Job.Name, planned.Summary(), d.Next.Summary())
}

// StaleNumber tells why the run would not be the one that the plan named, or nil:
// what depends on the job has its name by now.
func (d *Decision) StaleNumber(planned *NextRun, number int) *hcl.Diagnostic {
	if planned == nil || planned.Number == 0 || planned.Number == number {
		return nil
	}
	return StalePlan(d.Job.Namespace, d.Job.Name, planned.called(d.Job.Name),
		"run "+argo.RunName(d.Job.Name, number)+", because somebody else has started a run since")
}

// NotNeeded warns of a run that was planned and is not submitted, because of what
// the run before it has done since, or because somebody else has started one.
func (d *Decision) NotNeeded(planned *NextRun, seen *state.Observation) *hcl.Diagnostic {
	if planned == nil || d.Next != nil {
		return nil
	}
	left := "had done everything by its end"
	if seen.UnderWay() {
		left = "is under way"
	}
	w := problem(diag.CodeRunNotNeeded, "The plan of job \"%s/%s\" was to submit %s, which is not needed: run %s %s. "+
		"Nothing was submitted; the next refresh shows the job as it is.",
		d.Job.Namespace, d.Job.Name, planned.called(d.Job.Name), seen.LatestRun(), left)
	w.Severity = hcl.DiagWarning
	return w
}

// called is the name of a run where it is told.
func (n NextRun) called(job string) string {
	if n.Number == 0 {
		return "another run"
	}
	return "run " + argo.RunName(job, n.Number)
}

// Summary says in a few words what a run does.
func (n NextRun) Summary() string {
	if n.FindsBounds {
		return "a run that finds the bounds"
	}
	return Partitions(n.Partitions, n.Intervals)
}

// StalePlan is the error of an apply that would do something else than its plan.
func StalePlan(namespace, name, planned, left string) *hcl.Diagnostic {
	return problem(diag.CodeStalePlan, "Job \"%s/%s\" has changed since the plan was made: planned was %s, and left to "+
		"run is %s. "+
		"Nothing was submitted. Plan again.", namespace, name, planned, left)
}
