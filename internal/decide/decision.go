// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package decide

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// NextRun is what the next apply will submit, as users see it.
type NextRun struct {
	// Number is that of the run; 0 where it is not told.
	Number  int
	Because string
	// FindsBounds tells that the run finds the bounds of the job's query, so that
	// its partitions are not known.
	FindsBounds bool
	Partitions  int64
	Intervals   string // "" when longer than 16 kB
	Template    string
}

// Run is a next run with all that is needed to submit it.
type Run struct {
	NextRun
	// Spec is what the run is to do. Its number is given when it is claimed.
	Spec plan.RunSpec
	// Stops tells that the run under way is stopped for it.
	Stops bool
	// Empties tells that the ledger is emptied for it.
	Empties bool
}

// Decision is what is to happen to a job.
type Decision struct {
	// Job is the declared job, with the bounds that are known.
	Job         *job.Job
	Declaration state.Declaration
	Policy      state.Policy
	Template    string
	// Same tells that the declaration is the one that is recorded.
	Same bool
	// Next is the run that is called for; nil when there is nothing to run.
	Next *Run
	// Actions are the steps in order. StopRun is always the last one: what the run
	// has done by its end decides what follows.
	Actions []Action
}

// Action is one step of a decision. The types are those of this file.
type Action interface{ action() }

type (
	// CreateRecord writes the record of a new job, with its first run claimed.
	CreateRecord struct{}
	// RestoreRecord writes a record again that was deleted by hand, or writes the
	// first one of a job whose runs were applied without.
	RestoreRecord struct{}
	// ReserveKeys makes sure that no other job of the target holds the keys that
	// this one is about to declare.
	ReserveKeys struct {
		Domain domain.Domain
		Target string
	}
	// StopRun stops the run under way and waits for its end.
	StopRun struct{ Number int }
	// SubmitRun writes the declaration, claims the run, and creates its objects.
	SubmitRun struct{ Run *Run }
	// WriteDeclaration writes the declaration and the policy alone.
	WriteDeclaration struct{}
	// SetPaused pauses or resumes the run under way.
	SetPaused struct{ Paused bool }
	// Rescale gives the run under way another number of pods.
	Rescale struct{ MaxParallel int }
	// Repair puts back what was changed by hand of the run under way.
	Repair struct{}
)

func (CreateRecord) action()     {}
func (RestoreRecord) action()    {}
func (ReserveKeys) action()      {}
func (StopRun) action()          {}
func (SubmitRun) action()        {}
func (WriteDeclaration) action() {}
func (SetPaused) action()        {}
func (Rescale) action()          {}
func (Repair) action()           {}

// decide makes the decision; the template is that of the declared job.
// See internal/decisions/0005-one-decision.md.
func (s *situation) decide(template string) (*Decision, *hcl.Diagnostic) {
	s.template = template
	if err := s.compareTemplates(); err != nil {
		return nil, problem(diag.CodeInternal, "Failure while comparing templates: %v.", err)
	}
	d := &Decision{
		Job:         s.job,
		Declaration: s.declared,
		Policy:      s.policy,
		Template:    template,
		Same:        s.seen != nil && s.seen.Declaration.Text() == s.declared.Text(),
		Next:        s.next(),
	}
	d.Actions = s.actions(d)
	return d, nil
}

// Without is the decision to submit nothing, where the plan showed no run.
func (d *Decision) Without(seen *state.Observation) *Decision {
	out := *d
	out.Next = nil
	s := &situation{seen: seen, policy: d.Policy, job: d.Job, declared: d.Declaration, template: d.Template}
	out.Actions = s.actions(&out)
	return &out
}

func (s *situation) actions(d *Decision) []Action {
	if s.seen == nil {
		out := []Action{CreateRecord{}}
		out = append(out, s.reserve(d)...)
		if d.Next != nil {
			out = append(out, SubmitRun{d.Next})
		}
		return out
	}
	var out []Action
	if s.seen.Unrecorded {
		out = append(out, RestoreRecord{})
	}
	if d.Next != nil && d.Next.Stops {
		return append(out, StopRun{s.seen.Latest().Number})
	}
	out = append(out, s.reserve(d)...)
	if d.Next != nil {
		return append(out, SubmitRun{d.Next})
	}
	if d.changes(&s.seen.State, s.seen.Owner) {
		out = append(out, WriteDeclaration{})
	}
	if s.seen.UnderWay() {
		out = append(out, s.adjustments(d)...)
	}
	return out
}

// adjustments bring a run that goes on in line with the declaration.
func (s *situation) adjustments(d *Decision) []Action {
	var out []Action
	stopping := s.seen.Phase == state.PhaseStopping
	if p := s.policy.Paused; p != nil && !stopping && *p != (s.seen.Phase == state.PhasePaused) {
		out = append(out, SetPaused{*p})
	}
	if d.Job.MaxParallel != s.seen.Job().MaxParallel || len(s.seen.Drift) > 0 {
		out = append(out, Rescale{d.Job.MaxParallel})
	}
	if len(s.seen.Drift) > 0 {
		out = append(out, Repair{})
	}
	return out
}

// reserve is called for where the job asks for keys of a target that it does not
// hold yet. What a query has found when it ran again is reserved by the update
// that would process it, and not by one that runs the query once more.
func (s *situation) reserve(d *Decision) []Action {
	j := d.Job
	if j.Target == "" || s.policy.AllowOverlap {
		return nil
	}
	if s.seen != nil && !s.seen.Unrecorded && s.seen.Target() == j.Target && state.HoldsAll(s.seen.Domain(), j.Domain) &&
		(!s.seen.Grown || d.onlyFindsBounds()) {
		return nil
	}
	return []Action{ReserveKeys{j.Domain, j.Target}}
}

// Reserves tells whether the decision asks for keys that the job does not hold.
func (d *Decision) Reserves(seen *state.Observation) bool {
	s := &situation{seen: seen, policy: d.Policy, job: d.Job}
	return len(s.reserve(d)) > 0
}

func (d *Decision) onlyFindsBounds() bool {
	return d.Next != nil && d.Next.Spec.Query != nil && d.Next.Spec.Query.Only
}

// changes tells whether writing the decision would change a state.
func (d *Decision) changes(s *state.State, owner string) bool {
	return !s.Declaration.Exists() || s.Reserved != nil || s.Creating || s.Grown && !d.onlyFindsBounds() ||
		s.Declaration.Text() != d.Declaration.Text() ||
		s.Owner != owner || !s.Policy.SameRecord(d.Policy)
}

// WriteTo puts the declaration into a state: the ledger keeps what lies in the
// new domain. It tells whether anything changed.
func (d *Decision) WriteTo(s *state.State, owner string) (bool, error) {
	if !d.changes(s, owner) {
		return false, nil
	}
	before, old := s.Policy, s.Domain()
	if active := s.Active(); active != nil && active.Declaration == nil && s.Declaration.Text() != d.Declaration.Text() {
		declared := s.Declaration
		active.Declaration = &declared
	}
	if err := s.Declare(d.Declaration, boundsOf(d.Job)); err != nil {
		return false, err
	}
	if !old.SameSpace(s.Domain()) || before.Revision != d.Policy.Revision {
		s.Done, s.Failed = ledger.Set{}, ledger.Set{}
	}
	if before.Revision != d.Policy.Revision {
		s.Gate, s.Canary = s.Gate.AfterRevision(before, d.Policy), ""
	}
	if d.Policy.Paused != nil {
		s.Gate.Paused = false // Terraform says by itself whether the job is paused
	}
	s.Reserved, s.Creating, s.Grown = nil, false, s.Grown && d.onlyFindsBounds()
	s.Owner, s.Policy = owner, d.Policy
	s.Clip()
	return true, nil
}

// boundsOf are the bounds that a job with a query has by now.
func boundsOf(j *job.Job) *domain.Interval {
	if j.Query == nil {
		return nil
	}
	return hull(j.Domain)
}

// hull reaches from the first position of a domain to its last; nil where there
// are none.
func hull(d domain.Domain) *domain.Interval {
	var out *domain.Interval
	for iv := range ledger.Full(d).Intervals() {
		if out == nil {
			out = &domain.Interval{Start: iv.Start}
		}
		out.End = iv.End
	}
	return out
}

// Resumes tells whether the run that was claimed last, and is not there, is the
// one that would be submitted now. It is then submitted under its own name:
// should its first submission still be on the way, the two meet in one object.
func (d *Decision) Resumes(s *state.State) bool {
	active := s.Active()
	if active == nil || d.Next == nil || active.Declaration != nil || !active.SameWork(d.Next.Spec) {
		return false
	}
	return active.Query == nil || s.Declaration.Text() == d.Declaration.Text() && s.Policy.SameRecord(d.Policy)
}

// Compile makes the objects of the next run under a number.
func (d *Decision) Compile(number int) (*compile.Compiled, hcl.Diagnostics) {
	spec := d.Next.Spec
	spec.Number = number
	c, diags := compile.Run(d.Job, spec)
	if c != nil && c.Run != nil {
		argo.Declare(c.Run, []byte(d.Declaration.Text()))
		if d.Policy.IsPaused() {
			argo.SetSuspended(c.Run)
		}
	}
	return c, diags
}

// Stops tells whether the run under way is stopped, and a decision made again
// from what it has done by its end.
func (d *Decision) Stops() bool { return d.Next != nil && d.Next.Stops }
