// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"bytes"
	"context"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

// defaultStopTimeout bounds the wait for a run that an update has stopped.
const defaultStopTimeout = 5 * time.Minute

// update is one update in progress.
type update struct {
	*Engine
	Submission
	// job has the bounds that its query has found, declared has not.
	job, declared *job.Job
	canonical     []byte
	template      string
	takesOver     bool
	seen          *sight
	stopped       bool // a run, for this update
	onlyAsks      bool // the run to submit, for the bounds of the query
	restored      bool // the record, by this update
	diags         hcl.Diagnostics
}

// Update records a changed declaration and submits what is left to do. Nothing
// that is done runs again. It errors before it submits anything; the
// observation is nil then.
func (e *Engine) Update(ctx context.Context, s Submission) (*Observation, hcl.Diagnostics) {
	e.dropShelves()
	c, diags := Compile(s.Value, ledger.Set{}, 1)
	if c == nil {
		return nil, diags
	}
	canonical, err := job.Canonical(s.Value)
	if err != nil {
		return nil, append(diags, internal("writing the declaration", err))
	}
	takesOver := s.Owner == ""
	if takesOver {
		if s.Owner, err = e.token(); err != nil {
			return nil, append(diags, internal("making an owner token", err))
		}
	}
	u := &update{Engine: e, Submission: s, job: c.Job, declared: c.Job, canonical: canonical, template: c.Template, takesOver: takesOver, diags: diags}
	return u.run(ctx), u.diags
}

// check collects problems and tells whether to go on.
func (u *update) check(diags ...*hcl.Diagnostic) bool {
	for _, d := range diags {
		if d != nil {
			u.diags = append(u.diags, d)
		}
	}
	return !u.diags.HasErrors()
}

func (u *update) run(ctx context.Context) *Observation {
	seen, diags := u.look(ctx, u.job.Namespace, u.job.Name)
	if !u.check(diags...) {
		return nil
	}
	if seen == nil {
		if seen = u.restore(ctx); seen == nil {
			return nil
		}
	}
	u.seen = seen
	if !u.check(u.owned(seen.rec)) {
		return nil
	}
	if u.restored { // a record that is refused must leave no trace
		if _, problem := u.decide(); !u.check(problem) || !u.unreserved(ctx) {
			return nil
		}
	}
	if !u.check(u.settle(ctx, seen)...) {
		return nil
	}
	d, problem := u.decide()
	if !u.check(problem) || !u.check(u.allowed(d)...) || !u.unreserved(ctx) {
		return nil
	}
	if d != nil && d.stops {
		if d = u.stop(ctx); u.diags.HasErrors() {
			return nil
		}
	}
	if !u.check(u.stale(u.seen.rec, u.job.Domain, d)) {
		return nil
	}
	if u.Pinned && u.Planned == nil {
		d, u.onlyAsks = nil, false
	}
	if !u.check(u.grow(ctx)...) {
		u.forsake(ctx)
		return nil
	}
	if d == nil {
		return u.note(ctx)
	}
	return u.start(ctx, d)
}

// owned refuses records of other states. The first update after an import has
// no token yet, and takes the job over.
func (u *update) owned(rec *record.Record) *hcl.Diagnostic {
	if u.takesOver || rec.Owner == "" || rec.Owner == u.Owner {
		return nil
	}
	return heldElsewhere(rec)
}

// allowed refuses what limits forbid, where there is something to apply.
func (u *update) allowed(d *decision) hcl.Diagnostics {
	if d == nil && bytes.Equal(u.seen.rec.Job, u.canonical) {
		return nil
	}
	diags := u.Policy.guard(u.job, u.template)
	if d == nil || u.Pinned && u.Planned == nil {
		return diags // nothing will be submitted
	}
	if problem := u.Policy.timely(u.job, u.now()); problem != nil {
		diags = append(diags, problem)
	}
	return diags
}

// decide looks at what the cluster shows as the plan looked at the state.
func (u *update) decide() (*decision, *hcl.Diagnostic) {
	rec := u.seen.rec.Clone()
	before, err := parseJob(rec.Job)
	if err != nil {
		return nil, damagedRecord(rec.Namespace, rec.Name, err)
	}
	if before, err = bound(before, rec.Bounds); err != nil {
		return nil, damagedRecord(rec.Namespace, rec.Name, err)
	}
	s := &situation{canary: rec.Canary, gate: rec.Gate, stopped: u.stopped, now: u.declared, before: before, policy: u.Policy, policyBefore: decodePolicy(rec.Policy)}
	if u.seen.run != nil && u.seen.run.workflow != nil {
		add(&rec, u.seen.run)
	}
	s.done, s.failed = rec.Done, rec.Failed
	if u.seen.active() {
		s.run, s.stopping = u.seen.run.workflow.GetName(), runPhase(u.seen.run) == Stopping
	}
	if latest := rec.Latest(); latest != nil {
		s.last, s.ending, s.setupError, s.message = argo.RunName(rec.Name, latest.Number), latest.Outcome, latest.SetupError, latest.Message
	}
	if err := s.name(u.template); err != nil {
		return nil, internal("comparing templates", err)
	}
	if problem := s.bind(rec.Bounds); problem != nil {
		return nil, problem
	}
	u.job = s.now
	d := s.next()
	u.onlyAsks = d != nil && d.only
	if prevented := s.prevented(d); prevented.HasErrors() {
		return nil, prevented[0]
	}
	return d, nil
}

// stop ends the active run, waits for it, merges what it did, and decides anew.
func (u *update) stop(ctx context.Context) *decision {
	rec := u.seen.rec
	number := u.seen.run.entry.Number
	if err := u.shutdown(ctx, rec, number); err != nil {
		u.check(failed(err))
		return nil
	}
	timeout := u.Policy.StopTimeout
	if timeout <= 0 {
		timeout = defaultStopTimeout
	}
	seen, diags := u.awaitEnd(ctx, rec.Namespace, rec.Name, timeout)
	if !u.check(diags...) {
		return nil
	}
	if seen == nil || seen.rec.UID != rec.UID {
		u.check(jobGone(rec.Namespace, rec.Name))
		return nil
	}
	u.seen = seen
	if !u.check(u.owned(seen.rec)) || !u.check(u.settle(ctx, seen)...) {
		return nil
	}
	u.stopped = true
	d, problem := u.decide()
	u.check(problem)
	return d
}

// note writes the declaration alone. An active run goes on.
func (u *update) note(ctx context.Context) *Observation {
	rec, diags := u.swap(ctx, u.seen.rec, func(rec *record.Record) (bool, *hcl.Diagnostic) {
		if problem := u.owned(rec); problem != nil {
			return false, problem
		}
		return u.declare(rec), nil
	})
	if !u.check(diags...) {
		return nil
	}
	u.seen.rec = rec
	if u.seen.active() {
		if !u.check(u.heal(ctx)...) || !u.lookAgain(ctx) {
			return nil
		}
	}
	o, diags := u.seen.observation()
	u.check(diags...)
	return o
}

func (u *update) lookAgain(ctx context.Context) bool {
	seen, diags := u.lookAt(ctx, u.seen.rec)
	if !u.check(diags...) {
		return false
	}
	u.seen = seen
	return true
}

// declare puts the new declaration into a record: the ledger keeps what lies
// in the new domain. It tells whether anything changed.
func (u *update) declare(rec *record.Record) bool {
	if rec.Reserved == nil && (!rec.Grown || u.onlyAsks) && bytes.Equal(rec.Job, u.canonical) && rec.Owner == u.Owner && bytes.Equal(rec.Policy, u.Policy.encode()) {
		return false
	}
	old := rec.Domain
	if latest := rec.Latest(); latest != nil && latest.Outcome == record.Active && latest.Domain == nil && !sameGrid(old, u.job.Domain) {
		latest.Domain = &old
	}
	if !old.SameSpace(u.job.Domain) || decodePolicy(rec.Policy).Revision != u.Policy.Revision {
		rec.Done, rec.Failed = ledger.Set{}, ledger.Set{}
	}
	if before := decodePolicy(rec.Policy); before.Revision != u.Policy.Revision {
		rec.Gate, rec.Canary = reset(before, u.Policy, rec.Gate.Held), ""
	}
	if u.Policy.Paused != nil {
		rec.Gate.Held = false // Terraform says by itself whether the job is paused
	}
	full := ledger.Full(u.job.Domain)
	rec.Done, rec.Failed = rec.Done.Intersect(full), rec.Failed.Intersect(full)
	rec.Domain, rec.Bounds, rec.Reserved = u.job.Domain, boundsOf(u.job), nil
	rec.Grown = rec.Grown && u.onlyAsks // else grow has looked
	rec.Failures = keepFailures(rec.Domain, rec.Failed, rec.Failures)
	rec.Job, rec.Owner, rec.Target, rec.Reason, rec.Policy = u.canonical, u.Owner, u.job.Target, u.job.Reason, u.Policy.encode()
	return true
}

// sameGrid tells whether two domains cut the same keys in the same way.
func sameGrid(a, b domain.Domain) bool {
	if !a.Bounded() || !b.Bounded() {
		return a.SameSpace(b) && a.Bounded() == b.Bounded()
	}
	return a.SameSpace(b) && a.Count() == b.Count() && ledger.Full(a).Text(a) == ledger.Full(b).Text(b) &&
		a.Key(a.At(0)) == b.Key(b.At(0)) && a.Key(a.At(a.Count()-1)) == b.Key(b.At(b.Count()-1))
}

// start claims the next run and submits it.
func (u *update) start(ctx context.Context, d *decision) *Observation {
	if !u.check(u.pooled(ctx, u.job), u.quiet(ctx)) {
		return nil
	}
	c, resumes, diags := u.prepare(d)
	if !u.check(diags...) {
		return nil
	}
	claim, err := u.token()
	if err != nil {
		u.check(internal("claiming a run", err))
		return nil
	}
	base := u.seen.rec.NextRun
	rec, diags := u.swap(ctx, u.seen.rec, func(rec *record.Record) (bool, *hcl.Diagnostic) {
		latest := rec.Latest()
		if latest != nil && latest.Claim == claim {
			return false, nil // written before, and the answer was lost
		}
		if problem := u.owned(rec); problem != nil {
			return false, problem
		}
		if rec.NextRun != base {
			return false, stalePlan(rec, planned(d.NextRun), "being run by "+argo.RunName(rec.Name, rec.NextRun-1))
		}
		u.declare(rec)
		if resumes {
			latest.Claim, latest.MaxParallel, latest.SpecHash = claim, c.Job.MaxParallel, c.specHash()
			return true, nil
		}
		if latest != nil && latest.Outcome == record.Active {
			latest.Outcome, latest.End, latest.Domain = record.Lost, u.now(), nil
		}
		rec.Claim(record.Run{Template: c.Template, Intervals: c.Plan.Covers.Text(rec.Domain), Partitions: c.Plan.Partitions, Start: u.now(), Claim: claim, Canary: c.Canary, Until: c.Plan.Until, MaxParallel: c.Job.MaxParallel, SpecHash: c.specHash(), Asks: c.Asks})
		return true, nil
	})
	if !u.check(diags...) {
		return nil
	}
	workflow, diags := u.submit(ctx, rec, c)
	u.check(diags...)
	if workflow == nil {
		return nil
	}
	u.prune(ctx, rec)
	o, diags := submitted(rec, workflow, c)
	u.check(diags...)
	return o
}

// prune removes templates that have left the history. What fails is tried again
// by the next update.
func (u *update) prune(ctx context.Context, rec *record.Record) {
	if rec.NextRun <= record.MaxRuns {
		return // nothing can have left it yet
	}
	used := map[string]bool{u.template: true}
	for _, run := range rec.Runs {
		used[run.Template] = true
	}
	all, err := u.backend.List(ctx, cluster.WorkflowTemplate, rec.Namespace, ofJob(rec.Name))
	if err != nil {
		return
	}
	for _, o := range all {
		if !used[o.GetName()] {
			_ = u.backend.Delete(ctx, cluster.WorkflowTemplate, rec.Namespace, o.GetName(), string(o.GetUID()))
		}
	}
}

// prepare compiles the next run. A run that was claimed and is not there is
// resumed under its own name when it is the same run: should its submission
// still be on the way, the two meet in one object.
func (u *update) prepare(d *decision) (c *Compiled, resumes bool, diags hcl.Diagnostics) {
	rec := u.seen.rec
	number := rec.NextRun
	if latest := rec.Latest(); latest != nil && latest.Outcome == record.Active && latest.Template == u.template && latest.Domain == nil &&
		latest.Intervals != "" && latest.Intervals == d.remaining.Text(u.job.Domain) && sameGrid(rec.Domain, u.job.Domain) {
		number, resumes = latest.Number, true
	} else if d.Asks && u.sameAsk() {
		number, resumes = latest.Number, true
	}
	if d.Asks {
		c, diags = compileAsk(u.job, d.only, number)
	} else {
		c, diags = compile(u.job, d.left, number, d.from)
	}
	if c != nil {
		c.inscribe(u.canonical)
		c.suspend(u.Policy)
	}
	return c, resumes, diags
}

// quiet makes sure that nothing of the job runs any more: neither a run that
// the record does not know, nor a child that outlived its run.
func (u *update) quiet(ctx context.Context) *hcl.Diagnostic {
	rec := u.seen.rec
	all, err := u.backend.List(ctx, cluster.Workflow, rec.Namespace, ofJob(rec.Name)+",workflows.argoproj.io/completed!=true")
	if err != nil {
		return failed(err)
	}
	for _, o := range all {
		if !workflowEnded(o) {
			return problem(diag.CodeRunActive, "Workflow \"%s/%s\" of the job is still active although it should not be: its run is over, or not in the record. Nothing was submitted. "+
				"Stop it, for example with \"argo stop %s\", wait for its end, and apply again.", rec.Namespace, o.GetName(), o.GetName())
		}
	}
	return nil
}
