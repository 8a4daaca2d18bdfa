// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package decide says what is to happen to a job: which run is called for, over
// which keys and why, and which actions lead there.
//
// It is pure. A decision follows from three things: an Observation of the job,
// what is declared, and the policy. A plan makes it from what Terraform
// remembers and prints it; an apply makes it from what the cluster shows and
// carries out its actions. Both are this one function, so that the plan tells
// what the apply does.
//
// What an edit leads to follows from the class that the table of the job
// language gives each attribute (jobschema.EditClass):
//
//   - live: the run under way is patched.
//   - next: the run under way is stopped, and what it has not done runs with the
//     new template (unless on_change is "finish").
//   - grid: what is left is cut anew by the next run; new keys are missing keys.
//   - note: only the record changes.
//   - reprocess: the ledger is emptied.
//   - replace: another job takes the place of this one.
package decide

import (
	"slices"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// Declared is a declaration that has been read. It can be planned more than
// once, and is compiled once for all plans.
type Declared struct {
	value cty.Value
	job   *job.Job // nil where something that it needs is unknown
	// outline is the job without what is unknown, where that decides nothing; else nil.
	outline *job.Job
	diags   hcl.Diagnostics
	whole   func() (*compile.Compiled, hcl.Diagnostics)
}

// Declare reads a value of the table's type. What is wrong with it, each plan
// tells.
func Declare(v cty.Value) *Declared {
	d := &Declared{value: v}
	d.job, d.diags = compile.Decode(v)
	if d.job == nil && !d.diags.HasErrors() {
		d.outline = job.Outline(v)
	}
	d.whole = sync.OnceValues(func() (*compile.Compiled, hcl.Diagnostics) { return compile.Whole(d.job) })
	return d
}

// Job is the declared job; nil where something that it needs is unknown.
func (d *Declared) Job() *job.Job { return d.job }

// Preview is everything about a job that is known without a cluster.
type Preview struct {
	// Outlined tells that parts of the job are unknown, and so its template; Worded
	// that the reason of Next is certain all the same.
	Outlined, Worded bool
	// Open tells that the bounds, and with them the following, are not known yet.
	Open                          bool
	PartitionCount, ShardCount    int64
	FirstPartition, LastPartition string // keys, ascending
	Template                      string
	// Next is the run that the apply will submit; nil when there is nothing to run.
	Next *NextRun
	// Repairs repeats what was changed by hand and will be put back; the plan is
	// not empty then.
	Repairs []string
	// Actions are what the apply will do, in order.
	Actions []Action
	// After is the job as the apply will leave it; nil where that cannot be told,
	// because what is known of the job is its name alone.
	After *state.Observation
}

// Plan says what applying the declaration on top of what is seen would do, with
// the policy that is seen. The preview is nil when there are errors, or when
// something that it needs is unknown.
func (d *Declared) Plan(seen *state.Observation) (*Preview, hcl.Diagnostics) {
	var p state.Policy
	if seen != nil {
		p = seen.Policy
	}
	preview, _, diags := d.plan(p, seen)
	return preview, diags
}

// PlanWith is Plan with a policy, which may differ from the one that is seen.
// Limits are checked when there is something to apply: a job at rest is never
// refused.
func (d *Declared) PlanWith(policy state.Policy, seen *state.Observation) (*Preview, hcl.Diagnostics) {
	p, decision, diags := d.plan(policy, seen)
	if p == nil {
		return nil, diags
	}
	if p.Outlined {
		return p, diags // what it is to be compared with is not known
	}
	if p.Next != nil || seen == nil || !decision.Same {
		diags = append(diags, Guard(policy, decision.Job, p.Template)...)
	}
	return p, diags
}

// Cut is the preview of a job whose query has found bounds, without a decision.
func (d *Declared) Cut(bounds *domain.Interval) (*Preview, hcl.Diagnostics) {
	s, diags := d.situation(state.Policy{}, nil)
	if s == nil || s.outlined {
		return nil, diags
	}
	bound, err := state.Bound(d.job, bounds)
	if err != nil {
		return nil, append(diags, queryProblem(err))
	}
	p, more := d.preview(bound)
	return p, append(diags, more...)
}

func (d *Declared) plan(policy state.Policy, seen *state.Observation) (*Preview, *Decision, hcl.Diagnostics) {
	s, diags := d.situation(policy, seen)
	if s == nil || s.outlined && !s.certain() {
		return nil, nil, diags
	}
	p, more := d.preview(s.job)
	if diags = append(diags, more...); p == nil {
		return nil, nil, diags
	}
	decision, failed := s.decide(p.Template)
	if failed != nil {
		return nil, nil, append(diags, failed)
	}
	if seen != nil {
		p.Repairs = seen.Drift
	}
	p.Actions = decision.Actions
	p.Worded = !s.outlined || s.seen == nil
	if decision.Next != nil {
		p.Next = &decision.Next.NextRun
	}
	if s.seen == seen {
		after, err := decision.Forecast(seen)
		if err != nil {
			return nil, nil, append(diags, problem(diag.CodeInternal, "Failure while planning the results: %v.", err))
		}
		p.After = after
	}
	return p, decision, append(diags, s.prevented(decision.Next)...)
}

// Decide is the decision for an apply. Stopped tells that a run was stopped for
// it already.
func (d *Declared) Decide(policy state.Policy, seen *state.Observation, stopped bool) (*Decision, hcl.Diagnostics) {
	s, diags := d.situation(policy, seen)
	if s == nil || s.outlined {
		return nil, diags
	}
	s.stopped = stopped
	whole, more := d.compiled(s.job)
	if diags = append(diags, more...); whole == nil || diags.HasErrors() {
		return nil, diags
	}
	decision, problem := s.decide(whole.Spec.Template)
	if problem != nil {
		return nil, append(diags, problem)
	}
	return decision, append(diags, s.prevented(decision.Next)...)
}

// compiled is the whole of a job that this declaration led to.
func (d *Declared) compiled(j *job.Job) (*compile.Compiled, hcl.Diagnostics) {
	if j == d.job {
		return d.whole()
	}
	return compile.Whole(j) // its query has found bounds
}

func (d *Declared) preview(j *job.Job) (*Preview, hcl.Diagnostics) {
	p, diags := &Preview{Open: !j.Domain.Bounded(), Outlined: d.job == nil}, hcl.Diagnostics(nil)
	if !p.Outlined {
		var whole *compile.Compiled
		if whole, diags = d.compiled(j); whole == nil || diags.HasErrors() {
			return nil, diags
		}
		p.Template = whole.Spec.Template
	}
	if !p.Open {
		n := j.Domain.Count()
		p.PartitionCount, p.ShardCount = n, shardsOf(j, j.Domain, p.Template)
		p.FirstPartition, p.LastPartition = j.Domain.Key(j.Domain.At(0)), j.Domain.Key(j.Domain.At(n-1))
	}
	return p, diags
}

// situation collects what a decision is made from; nil when there are errors, or
// when something is unknown.
func (d *Declared) situation(policy state.Policy, seen *state.Observation) (*situation, hcl.Diagnostics) {
	diags := slices.Clone(d.diags)
	s := &situation{seen: seen, policy: policy, job: d.job, outlined: d.job == nil}
	if s.outlined {
		s.job = d.outline
	}
	if s.job == nil || diags.HasErrors() {
		return nil, diags
	}
	s.declared = state.Outlined(s.job)
	if !s.outlined {
		var err error
		if s.declared, err = state.NewDeclaration(d.value, d.job); err != nil {
			return nil, append(diags, problem(diag.CodeInternal, "Failure while writing the declaration: %v.", err))
		}
	}
	if seen != nil && !seen.Declaration.Exists() {
		s.seen = nil // what Terraform knows of a job that it has just imported
	}
	if problem := s.bind(); problem != nil {
		return nil, append(diags, problem)
	}
	return s, diags
}
