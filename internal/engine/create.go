// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/apply"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/decide"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// Create makes the record, the template and the first run, and returns at once. A
// creation of the same job and plan that was cut off is continued; any other record
// of the name is refused. The observation is not nil if and only if the run is
// submitted and the job is this creation's.
func (e *Engine) Create(ctx context.Context, s Submission) (*state.Observation, hcl.Diagnostics) {
	a := e.applying(s)
	e.created.Store(a.Owner, true)
	o := a.create(ctx)
	if o == nil {
		e.created.Delete(a.Owner) // it may be tried again, by the same process
	}
	return o, a.diags
}

func (a *applying) create(ctx context.Context) *state.Observation {
	d, diags := a.declared.Decide(a.Policy, nil, false)
	if !a.check(diags...) || d == nil || !a.check(d.Strange(a.Template)) {
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
	if !a.check(append(diags, problem)...) || !a.check(a.HasPlace(ctx, c)) {
		return nil, false
	}
	a.claim(s, c, claim, false)
	s.Creating = true
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
	if !a.finishCreation(ctx) {
		return nil
	}
	return a.submitted(workflow, a.first)
}

// finishCreation notes on the record that the creation is over, so that no other one
// continues it; it is false where another one has done so already. Where the cluster
// fails, the next update notes it.
// See internal/decisions/0037-a-creation-ends-on-the-record.md.
func (a *applying) finishCreation(ctx context.Context) bool {
	s, diags := a.Swap(ctx, a.snap.State, func(rec *state.State) (bool, *hcl.Diagnostic) {
		if rec.Owner != a.Owner {
			return false, takenOver(rec)
		}
		changed := rec.Creating
		rec.Creating = false
		return changed, nil
	})
	if s != nil {
		a.snap.State = s
		return true
	}
	if !apply.Caused(diags, func(err error) bool { return cluster.ReasonOf(err) != "" }) {
		return a.check(diags...)
	}
	for _, d := range diags {
		d.Severity = hcl.DiagWarning
	}
	return a.check(diags...)
}

// continueCreation goes on with a creation that was cut off: the record declares the
// same job, and its only run is the one that we would submit.
func (a *applying) continueCreation(ctx context.Context, ours *state.State) (o *state.Observation, submits bool) {
	rec, diags := a.read.Load(ctx, ours.Namespace, ours.Name)
	if !a.check(diags...) {
		return nil, false
	}
	if rec == nil {
		a.check(observe.Gone(ours.Namespace, ours.Name))
		return nil, false
	}
	if !a.check(a.mayContinue(rec, ours)) {
		return nil, false
	}
	own := rec.Owner == ours.Owner
	rec, diags = a.Swap(ctx, rec, func(r *state.State) (bool, *hcl.Diagnostic) {
		if problem := a.mayContinue(r, ours); problem != nil {
			return false, problem
		}
		changed := r.Owner != ours.Owner
		r.Owner = ours.Owner
		return changed, nil
	})
	if !a.check(diags...) {
		return nil, false
	}
	if !own {
		a.check(observe.Warning(diag.CodeAdopted, "The creation of job \"%s/%s\" was cut off before its end, and this one "+
			"went on with it. If another Terraform state was creating the job at the same time, that creation fails; "+
			"manage the job in one of the two.", rec.Namespace, rec.Name))
	}
	snap, diags := a.read.SnapshotOf(ctx, rec)
	if !a.check(diags...) {
		return nil, false
	}
	a.snap = snap
	if snap.Missing() {
		return nil, a.settled(ctx)
	}
	if !a.finishCreation(ctx) {
		return nil, false
	}
	return a.observation(), false
}

// mayContinue refuses a record that is not what our own creation would have left,
// had it been cut off, or that somebody else is known to own.
func (a *applying) mayContinue(rec, ours *state.State) *hcl.Diagnostic {
	_, here := a.created.Load(rec.Owner)
	same := rec.Declaration.Text() == ours.Declaration.Text()
	switch {
	case here && rec.Owner != a.Owner:
		return twice(rec)
	case !same:
		return existsAlready(rec, "its declaration is another one")
	case !rec.Unfinished():
		return existsAlready(rec, "its creation is over")
	case !a.takesOver && rec.Owner != "" && rec.Owner != a.Owner:
		return existsAlready(rec, "its owner is another one")
	}
	claimed, run := rec.Runs[0], ours.Runs[0]
	if claimed.Template != run.Template || claimed.Intervals != run.Intervals || claimed.Partitions != run.Partitions {
		return existsAlready(rec, "its first run is another one")
	}
	return nil
}

// twice is the error of a job that the process that creates it has created already.
func twice(rec *state.State) *hcl.Diagnostic {
	return atName("Two resources of this configuration declare the job \"%s/%s\". The other one has created it, and "+
		"nothing was changed for this one. Give one of the two another name or namespace, or remove it.",
		rec.Namespace, rec.Name)
}

// takenOver is the error of a creation that another one took for one that was cut off.
func takenOver(rec *state.State) *hcl.Diagnostic {
	return atName("Job \"%s/%s\" was created twice at the same time, by two resources or by two Terraform states. The "+
		"other one owns it now, and its run goes on. Declare the job in one place.", rec.Namespace, rec.Name)
}

// existsAlready is the error of a job whose record is another's. Whose, only the user
// can tell: a provider is not told what else a state holds.
func existsAlready(rec *state.State, differs string) *hcl.Diagnostic {
	owned := "No Terraform state owns it."
	if rec.Owner != "" {
		owned = "A Terraform state owns it."
	}
	return atName("Job \"%[1]s/%[2]s\" exists already, and %[3]s: a creation does not take it over. Nothing was changed. "+
		"%[4]s The cause is one of these:\n\n"+
		"  - The plan replaces the job, and creates the new one before it destroys the old one. A job cannot be there "+
		"twice: remove create_before_destroy from this resource and from those that depend on it, which pass it on to "+
		"this one, or leave out the replacement.\n"+
		"  - Another resource of this state has the same name. Rename one of the two, or remove it.\n"+
		"  - Another state has the job. Leave it to that state, or remove it there (terraform state rm) and import it "+
		"here.\n"+
		"  - No state has it: its creation was cut off before Terraform wrote the state, or its resource was removed with "+
		"on_destroy = \"keep\". Import it:\n\n"+
		"  terraform import <address> %[1]s/%[2]s", rec.Namespace, rec.Name, differs, owned)
}

func atName(format string, args ...any) *hcl.Diagnostic {
	return diag.At(diag.CodeJobExists, cty.GetAttrPath("name"), fmt.Sprintf(format, args...))
}
