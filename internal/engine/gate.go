// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"bytes"
	"context"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/lower"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

// Gate is where a job stands between its waves.
type Gate = record.Gate

// stand is what a run is cut by besides the declaration.
type stand struct {
	tried    string // the canary that succeeded last, see canaryOf; it is not run again
	first    int    // number of the first wave; 0 for 1
	approved int    // number of the last wave that may start
}

func (s stand) plan(j *job.Job, template string, remaining ledger.Set) plan.Plan {
	in := s.input(j, template, remaining)
	p := plan.Make(in)
	if p.Until == 1 && p.Covers.Empty() && len(in.Canary.Keys) > 0 {
		// None of the canary's keys is left: there is nothing to approve.
		in.Approved = 1
		p = plan.Make(in)
	}
	return p
}

func (s stand) input(j *job.Job, template string, remaining ledger.Set) plan.Input {
	in := plan.Input{
		Domain: j.Domain, Remaining: remaining, Order: j.Order, ShardSize: lower.ShardSize(j),
		Canary: j.Canary, Waves: j.Waves, Budget: j.Budget,
		Gates: j.Gates, First: s.first, Approved: s.approved,
	}
	if canary := canaryOf(j, template); canary != "" && canary == s.tried {
		in.Canary = plan.Canary{}
	}
	return in
}

// spec is what a run of a plan is submitted to do.
func (s stand) spec(j *job.Job, template string, p plan.Plan, number int) plan.RunSpec {
	in := s.input(j, template, p.Covers)
	out := in.Spec()
	out.Number, out.Template, out.MaxParallel = number, template, j.MaxParallel
	out.Covers, out.Until = p.Covers, p.Until
	return out
}

// approved is the number of the last wave that may start: what the policy or the
// command line has opened. An approval given for an earlier revision is void.
func approved(p Policy, g Gate) int {
	n := g.Approved
	if p.ApprovedWave != nil && (g.Void == nil || *g.Void != *p.ApprovedWave) {
		n = max(n, *p.ApprovedWave+1)
	}
	return n
}

// reset is where a job stands after a change of its revision: before its canary,
// which runs again, with no approval but one that comes with the change.
func reset(before, now Policy, held bool) Gate {
	if before.ApprovedWave != nil && now.ApprovedWave != nil && *before.ApprovedWave == *now.ApprovedWave {
		return Gate{Void: now.ApprovedWave, Held: held}
	}
	return Gate{Held: held}
}

// held tells whether a job of a pool is paused, and so has no run. The policy
// goes before what the command line has said.
func held(j *job.Job, p Policy, g Gate) bool {
	if j.Pool == "" {
		return false
	}
	if p.Paused != nil {
		return *p.Paused
	}
	return g.Held
}

// pass is where a job stands after a run: at the gate at which the run ended. A
// run that went no further by itself, or was stopped, leaves it where it was.
func pass(g Gate, run record.Run, outcome string) Gate {
	switch outcome {
	case record.Succeeded, record.Failed:
		g.Next = run.Until
	}
	return g
}

// awaits tells whether a job waits for approval.
func awaits(rec *record.Record) bool {
	return rec.Gate.Next > approved(decodePolicy(rec.Policy), rec.Gate)
}

// Approve opens the gate at which a job waits, and submits the run behind it.
func (e *Engine) Approve(ctx context.Context, namespace, name string) (*Observation, hcl.Diagnostics) {
	s, diags := e.look(ctx, namespace, name)
	if diags.HasErrors() {
		return nil, diags
	}
	if s == nil {
		return nil, append(diags, jobGone(namespace, name))
	}
	if diags = append(diags, e.settle(ctx, s)...); diags.HasErrors() {
		return nil, diags
	}
	if problem := e.untimely(s.rec); problem != nil {
		return nil, append(diags, problem) // before the gate is open
	}
	rec, more := e.swap(ctx, s.rec, func(rec *record.Record) (bool, *hcl.Diagnostic) {
		if s.active() || !awaits(rec) {
			return false, problem(diag.CodeNotWaiting, "Job \"%s/%s\" does not wait for approval, so that nothing was approved. See \"status %s\" for what it does.", namespace, name, name)
		}
		rec.Gate.Approved = rec.Gate.Next
		return true, nil
	})
	if diags = append(diags, more...); diags.HasErrors() {
		return nil, diags
	}
	o, more := e.goOn(ctx, rec)
	return o, append(diags, more...)
}

// goOn submits what a job is to run next, as its record declares it.
func (e *Engine) goOn(ctx context.Context, rec *record.Record) (*Observation, hcl.Diagnostics) {
	declared, err := job.ParseCanonical(bytes.Clone(rec.Job))
	if err != nil {
		return nil, hcl.Diagnostics{damagedRecord(rec.Namespace, rec.Name, err)}
	}
	return e.Update(ctx, Submission{Value: declared, Owner: rec.Owner, Policy: decodePolicy(rec.Policy)})
}
