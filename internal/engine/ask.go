// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"bytes"
	"context"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/lower"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/read"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/check"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

// The bounds of a query are asked once, by a run, and then kept in the record:
// from then on the job is one of a range or of windows. Only another revision or
// another rerun_token asks again, and a run that found nothing.

// compileAsk lowers a run that asks for the bounds of a query.
func compileAsk(j *job.Job, only bool, run int) (*Compiled, hcl.Diagnostics) {
	template, err := lower.Template(j)
	if err != nil {
		return nil, hcl.Diagnostics{internal("lowering the template", err)}
	}
	objects, err := lower.Run(j, querySpec(j, template.GetName(), only, run))
	if err != nil {
		return nil, hcl.Diagnostics{internal("lowering the run", err)}
	}
	c := &Compiled{Job: j, Template: template.GetName(), Asks: true, Plan: plan.Plan{Domain: j.Domain}}
	c.Objects = append([]manifest.Object{template}, objects...)
	diags := check.Objects(c.Objects)
	if diags.HasErrors() {
		return nil, diags
	}
	return c, diags
}

// querySpec is what a run that finds the bounds of a query is submitted to do.
func querySpec(j *job.Job, template string, only bool, number int) plan.RunSpec {
	return plan.RunSpec{
		Number:      number,
		Template:    template,
		Domain:      j.Domain,
		Order:       j.Order,
		ShardSize:   lower.ShardSize(j),
		Waves:       j.Waves,
		Budget:      j.Budget,
		First:       1,
		MaxParallel: j.MaxParallel,
		Query:       &plan.QuerySpec{Only: only, MaxPartitions: lower.MostPartitions(j)},
	}
}

// bound is a job with the bounds that its query has found; without a query, or
// without bounds, it is the job itself.
func bound(j *job.Job, b *domain.Interval) (*job.Job, error) {
	if j == nil || j.Query == nil || b == nil {
		return j, nil
	}
	return j.Bound(*b)
}

// boundsOf is the other way round.
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

// freeze keeps what a run has found, and tells whether that is news. Keys that
// are outside of the bounds leave the ledger; whether another job holds those
// that are new is for the next update to see.
func freeze(rec *record.Record, found domain.Interval) (bool, error) {
	if rec.Bounds != nil && *rec.Bounds == found && rec.Domain.Bounded() {
		return false, nil
	}
	j, err := parseJob(rec.Job)
	if err != nil {
		return false, err
	}
	if j.Query == nil {
		return false, nil // the declaration has changed meanwhile
	}
	if j, err = j.Bound(found); err != nil {
		return false, err
	}
	full := ledger.Full(j.Domain)
	rec.Grown = rec.Grown || !holdsAll(rec.Domain, j.Domain)
	rec.Domain, rec.Bounds = j.Domain, &found
	rec.Done, rec.Failed = rec.Done.Intersect(full), rec.Failed.Intersect(full)
	rec.Failures = keepFailures(rec.Domain, rec.Failed, rec.Failures)
	return true, nil
}

// ask reads the answer of a run that asks, and gives the record, which nobody
// else has, the bounds.
func (r *runSight) ask(rec *record.Record) *hcl.Diagnostic {
	if !argo.ArgumentsOf(r.workflow).FindsBounds() {
		return nil
	}
	parsed, err := read.Parse(r.workflow)
	if err != nil {
		return unreadable(r.workflow, err)
	}
	r.asks, r.only = parsed.FindsBounds()
	r.answer = parsed.Query()
	if r.answer.Bounds == nil {
		return nil
	}
	if r.news, err = freeze(rec, *r.answer.Bounds); err != nil {
		// The declaration was changed such that the answer does not fit it.
		r.answer = read.Result{Problem: err.Error()}
		return nil //nolint:nilerr // the problem is the run's, and is told with it
	}
	if rec.Domain.Bounded() {
		r.domain = rec.Domain
	}
	return nil
}

// keep gives a record the bounds that a run has found.
func keep(rec *record.Record, r *runSight) bool {
	if r.answer.Bounds == nil {
		return false
	}
	news, err := freeze(rec, *r.answer.Bounds)
	return err == nil && news
}

// keepIfPossible writes the bounds that an active run has found into the record.
// A credential that may only read is no fault: the run will be read again.
func (e *Engine) keepIfPossible(ctx context.Context, s *sight) {
	if !s.active() || !s.run.news {
		return
	}
	first := true
	stored, diags := e.swap(ctx, s.rec, func(rec *record.Record) (bool, *hcl.Diagnostic) {
		changed := first || keep(rec, s.run) // the record of the sight has them already
		first = false
		return changed, nil
	})
	if !diags.HasErrors() {
		s.rec, s.run.news = stored, false
	}
}

// bind gives the job the bounds that its query has found, or has them asked.
func (s *situation) bind(found *domain.Interval) *hcl.Diagnostic {
	if s.now.Query == nil {
		return nil
	}
	switch {
	case s.before == nil:
		s.asks = found == nil
	case s.policy.Revision != s.policyBefore.Revision, !s.now.Domain.SameSpace(s.before.Domain):
		s.asks, found = true, nil
	case s.before.Query == nil:
		// What is done of declared bounds stays done.
		s.asks, found = true, hull(s.before.Domain)
	default:
		s.asks = found == nil || s.ending == record.NoBounds || s.policy.RerunToken != s.policyBefore.RerunToken && s.run == ""
	}
	if s.asks && s.done.Empty() && !lower.OnlyFindsBounds(s.now) {
		found = nil // whatever the answer is runs at once
	}
	now, err := bound(s.now, found)
	if err != nil {
		return problem(diag.CodeQuery, "%s.", sentence(err.Error()))
	}
	s.now = now
	return nil
}

// ask is the decision of a run that asks.
func (s *situation) ask() *decision {
	d := &decision{NextRun: NextRun{Template: s.template, Asks: true}, stops: s.run != ""}
	again := false
	switch {
	case s.before == nil:
		d.Because = "This is a new job, whose bounds are asked at run time"
	case s.policy.Revision != s.policyBefore.Revision:
		d.empties = true
		d.Because = fmt.Sprintf("The revision changed from %q to %q: the bounds are asked again, and nothing counts as done any more (%s so far)",
			s.policyBefore.Revision, s.policy.Revision, partitions(s.done.Count(s.before.Domain), ""))
	case !s.now.Domain.SameSpace(s.before.Domain):
		d.empties = true
		d.Because = fmt.Sprintf("The kind of the keys changed from %s to %s, and nothing that is done counts any more: the bounds are asked at run time", s.before.Domain, s.now.Domain)
	case s.run != "" && (s.template == s.beforeName || s.policy.OnChange == OnChangeFinish):
		return nil
	case s.policy.RerunToken != s.policyBefore.RerunToken:
		d.Because, again = "rerun_token changed: the bounds are asked again", true
	case s.policy.manual() && s.ending == record.NoBounds:
		return nil // as for what has failed
	case s.ending == record.NoBounds:
		d.Because = fmt.Sprintf("Run %s found no bounds (%s): they are asked again", s.last, s.message)
	default:
		d.Because = "The bounds are not known yet: they are asked at run time"
	}
	kept := !d.empties && !s.done.Empty()
	switch d.only = kept || lower.OnlyFindsBounds(s.now); {
	case kept && again:
		d.Because += ". What is new between them runs with the next apply."
	case d.only:
		d.Because += ". What lies between them runs with the next apply."
	default:
		d.Because += fmt.Sprintf(", and all that lies between them runs: at most %s.", partitions(lower.MostPartitions(s.now), ""))
	}
	return d
}

// sameAsk tells whether the run that was claimed last, and is not there, is the
// one that would be submitted now.
func (u *update) sameAsk() bool {
	rec := u.seen.rec
	latest := rec.Latest()
	return latest != nil && latest.Outcome == record.Active && latest.Asks && latest.Template == u.template && bytes.Equal(rec.Job, u.canonical) &&
		bytes.Equal(rec.Policy, u.Policy.encode())
}

func sentence(text string) string {
	if text == "" {
		return text
	}
	return string(bytes.ToUpper([]byte(text[:1]))) + text[1:]
}

// lowerAsk is lowerAgain for a run that asks.
func lowerAsk(j *job.Job, template string, number int, hash string) manifest.Object {
	if j.Query == nil {
		return nil
	}
	for _, only := range []bool{false, true} {
		objects, err := lower.Run(j, querySpec(j, template, only, number))
		if err == nil && objects[0].GetAnnotations()[argo.AnnotationSpecHash] == hash {
			return objects[0]
		}
	}
	return nil
}
