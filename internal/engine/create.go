// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/decide"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// Create makes the record, the template and the first run, and returns at once. A
// record of the same job and plan is continued (a creation that crashed). The
// observation is not nil if and only if the run is submitted.
func (e *Engine) Create(ctx context.Context, s Submission) (*state.Observation, hcl.Diagnostics) {
	a := e.applying(s)
	o := a.create(ctx)
	return o, a.diags
}

func (a *applying) create(ctx context.Context) *state.Observation {
	d, diags := a.declared.Decide(a.Policy, nil, false)
	if !a.check(diags...) || d == nil {
		return nil
	}
	if !a.check(decide.Guard(a.Policy, d.Job, d.Template)...) || !a.check(decide.Timely(a.Policy, d.Job, a.now())) {
		return nil
	}
	if !a.check(a.PoolExists(ctx, d.Job), d.Stale(a.Planned, false)) {
		return nil
	}
	o, _ := a.perform(ctx, d)
	return o
}

// createRecord writes the record of a new job with its first run claimed. It tells
// whether that run is still to be submitted.
func (a *applying) createRecord(ctx context.Context, d *decide.Decision) (o *state.Observation, submits bool) {
	s := &state.State{Namespace: d.Job.Namespace, Name: d.Job.Name, NextRun: 1}
	if _, problem := a.declare(s, d); !a.check(problem) {
		return nil, false
	}
	c, diags := d.Compile(1)
	claim, problem := a.Token()
	if !a.check(append(diags, problem)...) {
		return nil, false
	}
	a.claim(s, c, claim, false)
	a.first = c
	stored, exists, problem := a.CreateRecord(ctx, s)
	if !a.check(problem) {
		return nil, false
	}
	if exists {
		return a.continueCreation(ctx, s)
	}
	a.snap = &observe.Snapshot{State: stored}
	return nil, true
}

// submitFirst submits the run of a record that this apply has created, or reverts
// the creation.
func (a *applying) submitFirst(ctx context.Context) *state.Observation {
	workflow, diags := a.Submit(ctx, a.snap.State, a.first)
	if a.check(diags...); workflow == nil {
		a.RevertCreation(ctx, a.snap.State, a.first, a.diags)
		return nil
	}
	return a.submitted(workflow, a.first)
}

// continueCreation goes on with a creation that was interrupted: the record
// declares the same job, and its only run is the one that we would submit.
func (a *applying) continueCreation(ctx context.Context, ours *state.State) (o *state.Observation, submits bool) {
	rec, diags := a.read.Load(ctx, ours.Namespace, ours.Name)
	if !a.check(diags...) {
		return nil, false
	}
	if rec == nil {
		a.check(observe.Gone(ours.Namespace, ours.Name))
		return nil, false
	}
	if !sameCreation(rec, ours) || !a.takesOver && rec.Owner != "" && rec.Owner != a.Owner {
		a.check(existsAlready(rec, ours))
		return nil, false
	}
	own := rec.Owner == ours.Owner
	rec, diags = a.Swap(ctx, rec, func(r *state.State) (bool, *hcl.Diagnostic) {
		if !sameCreation(r, ours) {
			return false, existsAlready(r, ours)
		}
		changed := r.Owner != ours.Owner
		r.Owner = ours.Owner
		return changed, nil
	})
	if !a.check(diags...) {
		return nil, false
	}
	if !own {
		a.check(observe.Warning(diag.CodeAdopted, "Job \"%s/%s\" existed with the same declaration and one run, as an "+
			"interrupted creation "+
			"leaves it; this Terraform state manages it now. If another state made it, remove it there with \"terraform "+
			"state rm\".",
			rec.Namespace, rec.Name))
	}
	snap, diags := a.read.SnapshotOf(ctx, rec)
	if !a.check(diags...) {
		return nil, false
	}
	a.snap = snap
	if snap.Missing() {
		return nil, a.settled(ctx)
	}
	return a.observation(), false
}

// sameCreation tells whether a record is what our own creation would have left.
func sameCreation(rec, ours *state.State) bool {
	if rec.Declaration.Text() != ours.Declaration.Text() || len(rec.Runs) != 1 || rec.NextRun != ours.NextRun {
		return false
	}
	a, b := rec.Runs[0], ours.Runs[0]
	return a.Template == b.Template && a.Intervals == b.Intervals && a.Partitions == b.Partitions
}

func existsAlready(rec, ours *state.State) *hcl.Diagnostic {
	differs := "it has had runs since it was created"
	if rec.Declaration.Text() != ours.Declaration.Text() {
		differs = "its declaration is another one"
	}
	return observe.Problem(diag.CodeJobExists, "Job \"%s/%s\" exists in the cluster, and this Terraform state does not "+
		"know it: %s. Nothing "+
		"was changed. To manage it here, import it:\n\n  terraform import <address> %s/%s\n\nor give this job another name.",
		rec.Namespace, rec.Name, differs, rec.Namespace, rec.Name)
}
