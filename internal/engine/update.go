// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/apply"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/read"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/decide"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// Submission asks for what a declaration calls for.
type Submission struct {
	Value cty.Value
	// Owner is the token of the state that manages the job; "" to have one made.
	Owner string
	// Planned is what the plan showed; when what is left differs at apply time,
	// nothing is submitted and the error is a stale plan.
	Planned *decide.NextRun
	// Pinned tells that Planned was shown to the user also when it is nil: then no
	// run is submitted. Otherwise nil means not to compare.
	Pinned bool
	// Template is the one that the plan showed for what is declared; "" for none.
	Template string
	// Known is the job that the plan was made from; nil for none. It also restores
	// a record that was deleted by hand.
	Known  *state.Observation
	Policy state.Policy
}

// shrinks tells whether what the plan showed may have become less since.
func (s Submission) shrinks() bool { return s.Known != nil && s.Known.Phase.Active() }

// applying is one apply in progress.
type applying struct {
	*Engine
	Submission
	declared  *decide.Declared
	takesOver bool // a job whose owner is not known
	// restores tells that there was no record, and restored that there is one by now.
	restores, restored bool
	stopped            bool              // a run, for this apply
	first              *compile.Compiled // the run of a record that this apply creates
	snap               *observe.Snapshot
	diags              hcl.Diagnostics
}

// check collects problems and tells whether to go on.
func (a *applying) check(diags ...*hcl.Diagnostic) bool {
	for _, d := range diags {
		if d != nil {
			a.diags = append(a.diags, d)
		}
	}
	return !a.diags.HasErrors()
}

func (e *Engine) applying(s Submission) *applying {
	e.read.Forget()
	a := &applying{Engine: e, Submission: s, declared: decide.Declare(s.Value), takesOver: s.Owner == ""}
	if a.takesOver {
		token, problem := e.Token()
		a.check(problem)
		a.Owner = token
	}
	return a
}

// owner is the one that a record must have; "" for any.
func (a *applying) owner() string {
	if a.takesOver {
		return ""
	}
	return a.Owner
}

// Update records a changed declaration and does what it calls for. Nothing that is
// done runs again. It errors before it submits anything; the observation is nil
// then.
func (e *Engine) Update(ctx context.Context, s Submission) (*state.Observation, hcl.Diagnostics) {
	a := e.applying(s)
	o := a.update(ctx)
	return o, a.diags
}

func (a *applying) update(ctx context.Context) *state.Observation {
	if a.diags.HasErrors() || !a.observe(ctx) {
		return nil
	}
	for {
		if !a.check(a.owned(a.snap.State)) {
			return nil
		}
		if (!a.restores || a.restored) && !a.check(a.RecordOutcome(ctx, a.snap)...) {
			return nil
		}
		d := a.decide(ctx)
		if d == nil {
			return nil
		}
		if o, again := a.perform(ctx, d); !again {
			return o
		}
	}
}

// observe reads the job, also one whose record has to be restored.
func (a *applying) observe(ctx context.Context) bool {
	j := a.declared.Job()
	if j == nil {
		_, diags := a.declared.Decide(a.Policy, nil, false)
		a.check(diags...)
		return false
	}
	snap, diags := a.read.Snapshot(ctx, j.Namespace, j.Name)
	if !a.check(diags...) {
		return false
	}
	if snap == nil {
		if a.Known == nil || !a.Known.Declaration.Exists() {
			return a.check(observe.Gone(j.Namespace, j.Name))
		}
		var problem *hcl.Diagnostic
		if snap, problem = a.read.Unrecorded(ctx, j.Namespace, j.Name, a.Known); !a.check(problem) {
			return false
		}
		a.restores, snap.State.Owner = true, a.Owner
	}
	a.snap = snap
	return true
}

func (a *applying) owned(s *state.State) *hcl.Diagnostic { return apply.Owned(s, a.owner()) }

// decide looks at what the cluster shows as the plan looked at the state. It
// refuses what limits forbid, where there is something to apply, and keys that
// another job holds.
func (a *applying) decide(ctx context.Context) *decide.Decision {
	seen, diags := a.read.Observe(ctx, a.snap)
	if seen == nil {
		a.check(diags...)
		return nil
	}
	seen.Unrecorded = a.restores
	d, diags := a.declared.Decide(a.Policy, seen, a.stopped)
	if !a.check(diags...) || d == nil || !a.check(d.Strange(a.Template)) {
		return nil
	}
	if (!d.Same || d.Next != nil) && !a.check(decide.Guard(a.Policy, d.Job, d.Template)...) {
		return nil
	}
	wanted := state.Reservation{Domain: d.Job.Domain, Target: d.Job.Target}
	if d.Reserves(seen) && !a.check(a.Free(ctx, &seen.State, wanted)...) {
		return nil
	}
	if a.Pinned && a.Planned == nil {
		return d.Without(seen)
	}
	if d.Next != nil && !a.check(decide.Timely(a.Policy, d.Job, a.now())) {
		return nil
	}
	if !d.Stops() && !a.check(d.Stale(a.Planned, a.shrinks())) {
		return nil
	}
	a.check(d.NotNeeded(a.Planned, seen))
	return d
}

// stop ends the run under way and waits for it; what it has done by then is
// observed next.
func (a *applying) stop(ctx context.Context) bool {
	before := a.snap.State
	if a.stopped {
		run := argo.RunName(before.Name, a.snap.Run.Entry.Number)
		return a.check(decide.StalePlan(before.Namespace, before.Name, "to stop one run", "stopping run "+run+
			", which was started meanwhile"))
	}
	snap, diags := a.StopAndWait(ctx, a.snap, a.Policy.StopTimeout)
	if !a.check(diags...) {
		return false
	}
	if snap == nil || snap.State.UID != before.UID {
		return a.check(observe.Gone(before.Namespace, before.Name))
	}
	a.snap, a.stopped = snap, true
	return true
}

// perform carries out the actions of a decision. Again tells that a run was
// stopped, and that what it has done by its end decides what follows.
func (a *applying) perform(ctx context.Context, d *decide.Decision) (o *state.Observation, again bool) {
	for _, action := range d.Actions {
		switch action.(type) {
		case decide.StopRun:
			return nil, a.stop(ctx)
		case decide.CreateRecord:
			if o, submits := a.createRecord(ctx, d); !submits {
				return o, false
			}
		case decide.SubmitRun:
			if a.first != nil {
				return a.submitFirst(ctx), false
			}
			return a.submit(ctx, d), false
		default:
			if !a.step(ctx, d, action) {
				return nil, false
			}
		}
	}
	return a.observation(), false
}

// step carries out one of the actions that others follow.
func (a *applying) step(ctx context.Context, d *decide.Decision, action decide.Action) bool {
	switch action := action.(type) {
	case decide.RestoreRecord:
		return a.restore(ctx)
	case decide.ReserveKeys:
		return a.reserve(ctx, state.Reservation(action))
	case decide.WriteDeclaration:
		return a.write(ctx, d)
	}
	return a.adjust(ctx, d, action)
}

// adjust changes a run that goes on, and reads it again. A run that has ended
// meanwhile needs no change.
func (a *applying) adjust(ctx context.Context, d *decide.Decision, action decide.Action) bool {
	if !a.snap.Active() {
		return true
	}
	var diags hcl.Diagnostics
	switch action := action.(type) {
	case decide.SetPaused:
		err := a.Applier.SetPaused(ctx, a.snap.State, d.Job, a.snap.Run.Entry.Number, action.Paused)
		if err != nil {
			diags = hcl.Diagnostics{observe.Failed(err)}
		}
	case decide.Rescale:
		diags = a.Applier.Rescale(ctx, a.snap, action.MaxParallel)
	case decide.Repair:
		diags = a.Applier.Repair(ctx, a.snap)
	}
	if !a.check(diags...) {
		return false
	}
	snap, diags := a.read.SnapshotOf(ctx, a.snap.State)
	if !a.check(diags...) {
		return false
	}
	if snap, diags = a.leavePool(ctx, snap); !a.check(diags...) {
		return false
	}
	a.snap = snap
	return true
}

func (a *applying) observation() *state.Observation {
	o, diags := a.snap.Observation(a.now())
	a.check(diags...)
	return o
}

// restore writes the record again from what the state remembers and what the
// job's Workflows show. The Workflows themselves are not touched.
func (a *applying) restore(ctx context.Context) bool {
	if !a.restores || a.restored {
		return true
	}
	stored, exists, problem := a.CreateRecord(ctx, a.snap.State)
	if !a.check(problem) {
		return false
	}
	if exists {
		s := a.snap.State
		return a.check(decide.StalePlan(s.Namespace, s.Name, "a job without a record", "a job whose record is there again"))
	}
	a.snap.State, a.restored = stored, true
	return a.check(a.RecordOutcome(ctx, a.snap)...)
}

// reserve asks for the keys that this apply adds; a new record asks by being there.
// A record that was created or restored for it is removed again when another job
// has them: it would hold them too.
func (a *applying) reserve(ctx context.Context, r state.Reservation) bool {
	if a.first != nil {
		if a.check(a.Contend(ctx, a.snap.State, r, true)...) {
			return true
		}
		a.RevertCreation(ctx, a.snap.State, a.first, a.diags)
		return false
	}
	s, diags := a.Reserve(ctx, a.snap.State, a.owner(), &r)
	if !a.check(diags...) {
		return false
	}
	a.snap.State = s
	if a.check(a.Contend(ctx, s, r, false)...) {
		return true
	}
	late := context.WithoutCancel(ctx)
	if a.restores {
		_ = a.DeleteRecord(late, s)
		return false
	}
	_, diags = a.Reserve(late, s, a.owner(), nil)
	return a.check(diags...)
}

// write records the declaration alone.
func (a *applying) write(ctx context.Context, d *decide.Decision) bool {
	s, diags := a.Swap(ctx, a.snap.State, func(rec *state.State) (bool, *hcl.Diagnostic) {
		if problem := a.owned(rec); problem != nil {
			return false, problem
		}
		return a.declare(rec, d)
	})
	if !a.check(diags...) {
		return false
	}
	a.snap.State = s
	return true
}

func (a *applying) declare(rec *state.State, d *decide.Decision) (bool, *hcl.Diagnostic) {
	changed, err := d.WriteTo(rec, a.Owner)
	if err != nil {
		return false, observe.Problem(diag.CodeInternal, "Failure while writing the declaration: %v.", err)
	}
	return changed, nil
}

// submit claims the next run and creates its objects.
func (a *applying) submit(ctx context.Context, d *decide.Decision) *state.Observation {
	base := a.snap.State
	if !a.check(a.PoolExists(ctx, d.Job), a.Quiet(ctx, base)) || !a.settled(ctx) {
		return nil
	}
	number, resumes := d.Number(base)
	if !a.check(d.StaleNumber(a.Planned, number)) {
		return nil
	}
	c, diags := d.Compile(number)
	claim, problem := a.Token()
	if !a.check(append(diags, problem)...) || !a.check(a.HasPlace(ctx, c)) {
		return nil
	}
	s, diags := a.Swap(ctx, base, func(rec *state.State) (bool, *hcl.Diagnostic) {
		if latest := rec.Latest(); latest != nil && latest.Claim == claim {
			return false, nil // written before, and the answer was lost
		}
		if problem := a.owned(rec); problem != nil {
			return false, problem
		}
		if rec.NextRun != base.NextRun {
			return false, decide.StalePlan(rec.Namespace, rec.Name, d.Next.Summary(),
				"being run by "+argo.RunName(rec.Name, rec.NextRun-1))
		}
		if _, problem := a.declare(rec, d); problem != nil {
			return false, problem
		}
		a.claim(rec, c, claim, resumes)
		return true, nil
	})
	if !a.check(diags...) {
		return nil
	}
	a.snap.State = s
	workflow, diags := a.Submit(ctx, s, c)
	if a.check(diags...); workflow == nil {
		return nil
	}
	a.Prune(ctx, s, d.Template)
	return a.submitted(workflow, c)
}

// settled waits for pods of the run before, where some may live that its Workflow
// has left behind.
func (a *applying) settled(ctx context.Context) bool {
	if !a.snap.Missing() && !a.snap.State.Lingers() {
		return true
	}
	return a.check(a.AwaitPods(ctx, a.snap.State, a.Policy.StopTimeout)...)
}

// claim enters a run into a state that it is about to be submitted for.
func (a *applying) claim(rec *state.State, c *compile.Compiled, claim string, resumes bool) {
	run := state.Submitted(c.Spec, c.Plan, a.now())
	run.Claim, run.Tries, run.SpecHash = claim, c.Tries, c.SpecHash()
	for i := range rec.Runs {
		rec.Runs[i].Lingers = false // settled has waited for them
	}
	if resumes {
		*rec.Latest() = run
		return
	}
	if lost := rec.Active(); lost != nil {
		lost.End = a.now()
		lost.Recorded(state.Lost)
	}
	rec.Claim(run)
}

// submitted is the observation of a run that was just created.
func (a *applying) submitted(workflow manifest.Object, c *compile.Compiled) *state.Observation {
	a.snap.Run = &observe.Run{
		Entry:    *a.snap.State.Latest(),
		Domain:   a.snap.State.Domain(),
		Workflow: workflow,
		Outcome:  read.Outcome{Covers: c.Plan.Covers},
	}
	return a.observation()
}
