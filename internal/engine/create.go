// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"bytes"
	"context"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/read"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

// Create makes the record, the template and the first run, and returns at
// once. A record of the same job and plan is adopted (a create that crashed).
// The observation is not nil if and only if the run is submitted.
func (e *Engine) Create(ctx context.Context, s Submission) (*Observation, hcl.Diagnostics) {
	e.dropShelves()
	c, diags := compileValue(s.Value, ledger.Set{}, 1, stand{approved: approved(s.Policy, Gate{})})
	if c == nil {
		return nil, diags
	}
	if diags = append(diags, Guard(c, s.Policy)...); diags.HasErrors() {
		return nil, diags
	}
	if problem := s.Policy.timely(c.Job, e.now()); problem != nil {
		return nil, append(diags, problem)
	}
	c.suspend(s.Policy)
	if problem := e.pooled(ctx, c.Job); problem != nil {
		return nil, append(diags, problem)
	}
	rec, problem := e.newRecord(s, c)
	if problem != nil {
		return nil, append(diags, problem)
	}
	if problem := s.stale(rec, rec.Domain, &decision{remaining: c.Plan.Covers, NextRun: NextRun{Asks: c.Asks, Partitions: c.Plan.Partitions, Intervals: short(c.Plan.Covers, rec.Domain)}}); problem != nil {
		return nil, append(diags, problem)
	}
	stored, exists, more := e.createRecord(ctx, *rec)
	diags = append(diags, more...)
	if diags.HasErrors() {
		return nil, diags
	}
	if exists {
		o, more := e.adopt(ctx, s, rec, c)
		return o, append(diags, more...)
	}
	if diags = append(diags, e.reserve(ctx, stored, s.Policy)...); diags.HasErrors() {
		e.takeBack(ctx, stored, c, diags)
		return nil, diags
	}
	workflow, more := e.submit(ctx, stored, c)
	diags = append(diags, more...)
	if workflow == nil {
		e.takeBack(ctx, stored, c, diags)
		return nil, diags
	}
	o, more := submitted(stored, workflow, c)
	return o, append(diags, more...)
}

// newRecord is the record of a job whose first run is claimed.
func (e *Engine) newRecord(s Submission, c *Compiled) (*record.Record, *hcl.Diagnostic) {
	canonical, err := job.Canonical(s.Value)
	if err != nil {
		return nil, internal("writing the declaration", err)
	}
	owner := s.Owner
	if owner == "" {
		if owner, err = e.token(); err != nil {
			return nil, internal("making an owner token", err)
		}
	}
	rec := &record.Record{
		Namespace: c.Job.Namespace, Name: c.Job.Name, Job: canonical, Domain: c.Job.Domain,
		Owner: owner, NextRun: 1, Target: c.Job.Target, Reason: c.Job.Reason, Policy: s.Policy.encode(),
	}
	if problem := e.claim(rec, c); problem != nil {
		return nil, problem
	}
	return rec, nil
}

// claim adds the compiled run to a record.
func (e *Engine) claim(rec *record.Record, c *Compiled) *hcl.Diagnostic {
	token, err := e.token()
	if err != nil {
		return internal("claiming a run", err)
	}
	rec.Claim(record.Run{
		Template: c.Template, Intervals: c.Plan.Covers.Text(rec.Domain), Partitions: c.Plan.Partitions, Start: e.now(), Claim: token, Canary: c.Canary, Until: c.Plan.Until, MaxParallel: c.Job.MaxParallel, SpecHash: c.specHash(), Asks: c.Asks,
	})
	return nil
}

// adopt goes on with a creation that was interrupted: the record declares the
// same job, and its only run is the one that we would submit.
func (e *Engine) adopt(ctx context.Context, s Submission, ours *record.Record, c *Compiled) (*Observation, hcl.Diagnostics) {
	rec, diags := e.load(ctx, ours.Namespace, ours.Name)
	if diags.HasErrors() {
		return nil, diags
	}
	if rec == nil {
		return nil, hcl.Diagnostics{jobGone(ours.Namespace, ours.Name)}
	}
	if !sameCreation(rec, ours) || s.Owner != "" && rec.Owner != "" && rec.Owner != s.Owner {
		return nil, hcl.Diagnostics{existsAlready(rec, ours)}
	}
	own := rec.Owner == ours.Owner
	rec, diags = e.swap(ctx, rec, func(r *record.Record) (bool, *hcl.Diagnostic) {
		if !sameCreation(r, ours) {
			return false, existsAlready(r, ours)
		}
		changed := r.Owner != ours.Owner
		r.Owner = ours.Owner
		return changed, nil
	})
	if diags.HasErrors() {
		return nil, diags
	}
	if !own {
		diags = append(diags, warning(diag.CodeAdopted, "Job \"%s/%s\" existed with the same declaration and one run, as an interrupted creation leaves it; this Terraform state manages it now. "+
			"If another state made it, remove it there with \"terraform state rm\".", rec.Namespace, rec.Name))
	}
	seen, more := e.lookAt(ctx, rec)
	diags = append(diags, more...)
	if diags.HasErrors() {
		return nil, diags
	}
	if seen.run != nil && seen.run.workflow == nil {
		if diags = append(diags, e.reserve(ctx, rec, s.Policy)...); diags.HasErrors() {
			e.takeBack(ctx, rec, c, diags)
			return nil, diags
		}
		workflow, more := e.submit(ctx, rec, c)
		diags = append(diags, more...)
		if workflow == nil {
			return nil, diags
		}
		o, more := submitted(rec, workflow, c)
		return o, append(diags, more...)
	}
	o, more := seen.observation()
	return o, append(diags, more...)
}

// sameCreation tells whether a record is what our own creation would have left.
func sameCreation(rec, ours *record.Record) bool {
	if !bytes.Equal(rec.Job, ours.Job) || len(rec.Runs) != 1 || rec.NextRun != ours.NextRun {
		return false
	}
	a, b := rec.Runs[0], ours.Runs[0]
	return a.Template == b.Template && a.Intervals == b.Intervals && a.Partitions == b.Partitions
}

func existsAlready(rec, ours *record.Record) *hcl.Diagnostic {
	differs := "it has had runs since it was created"
	if !bytes.Equal(rec.Job, ours.Job) {
		differs = "its declaration is another one"
	}
	return problem(diag.CodeJobExists, "Job \"%s/%s\" exists in the cluster, and this Terraform state does not know it: %s. Nothing was changed. To manage it here, import it:\n\n  terraform import <address> %s/%s\n\n"+
		"or give this job another name.", rec.Namespace, rec.Name, differs, rec.Namespace, rec.Name)
}

// takeBack removes what a failed creation has made, so that the next one starts
// from nothing. It does so only when it is certain that no run was submitted;
// otherwise the next creation adopts.
func (e *Engine) takeBack(ctx context.Context, rec *record.Record, c *Compiled, diags hcl.Diagnostics) {
	if caused(diags, uncertain) {
		return
	}
	found, err := e.backend.Get(ctx, cluster.Workflow, rec.Namespace, c.run().GetName())
	noneThere := cluster.IsNotFound(err) || cluster.ReasonOf(err) == cluster.NoSuchKind
	if err != nil && !noneThere || err == nil && belongs(found, rec.Name, rec.Latest().Number) {
		return
	}
	for _, o := range append(c.data(), c.template()) {
		if uid := string(o.GetUID()); uid != "" { // made by us, just now
			if e.backend.Delete(ctx, cluster.Kind(o.GetKind()), o.GetNamespace(), o.GetName(), uid) != nil {
				return
			}
		}
	}
	_ = e.backend.Delete(ctx, cluster.ConfigMap, rec.Namespace, record.Name(rec.Name), rec.UID)
}

// uncertain tells that a failed call may have been carried out, or will be.
func uncertain(err error) bool {
	return cluster.IsTransient(err) || cluster.ReasonOf(err) == cluster.Canceled
}

// submitted is the observation of a run that was just created.
func submitted(rec *record.Record, workflow manifest.Object, c *Compiled) (*Observation, hcl.Diagnostics) {
	s := &sight{rec: rec, run: &runSight{
		entry: *rec.Latest(), domain: rec.Domain, workflow: workflow, outcome: read.Outcome{Covers: c.Plan.Covers},
	}}
	return s.observation()
}

// stale tells why a decision is not what the plan showed, or nil. While a run
// was active at plan time, what it has done since makes the decision smaller.
func (s Submission) stale(rec *record.Record, space domain.Domain, d *decision) *hcl.Diagnostic {
	if s.Planned == nil {
		return nil
	}
	shrinks := s.Known != nil && s.Known.Phase.Active()
	if d == nil {
		if shrinks {
			return nil
		}
		return stalePlan(rec, planned(*s.Planned), "nothing")
	}
	if s.Planned.Asks || d.Asks {
		if s.Planned.Asks == d.Asks || s.Planned.Asks && shrinks {
			return nil // what an active run has found meanwhile is no longer asked
		}
		return stalePlan(rec, planned(*s.Planned), planned(d.NextRun))
	}
	same := d.Partitions == s.Planned.Partitions && d.Intervals == s.Planned.Intervals
	if shrinks && !same {
		planned, err := ledger.Parse(space, s.Planned.Intervals)
		same = d.Partitions <= s.Planned.Partitions && (s.Planned.Intervals == "" || err == nil && planned.Contains(d.remaining))
	}
	if same {
		return nil
	}
	return stalePlan(rec, partitions(s.Planned.Partitions, s.Planned.Intervals), partitions(d.Partitions, d.Intervals))
}

// planned says in a few words what a run does.
func planned(n NextRun) string {
	if n.Asks {
		return "a run that asks for the bounds"
	}
	return partitions(n.Partitions, n.Intervals)
}

func partitions(n int64, intervals string) string {
	text := fmt.Sprintf("%d partitions", n)
	if n == 1 {
		text = "1 partition"
	}
	if intervals != "" && len(intervals) <= 200 {
		text += " (" + intervals + ")"
	}
	return text
}
