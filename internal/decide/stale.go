// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package decide

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

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
