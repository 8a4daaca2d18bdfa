// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

// ObserveKnown is Observe for those who read many jobs at once and remember them: a
// few lists serve all jobs of a namespace, up to five seconds old. When the
// record of a job was deleted by hand, or its runs were applied without one,
// the observation is what is known and what they show, its Drift says so, and
// the next update writes the record.
func (e *Engine) ObserveKnown(ctx context.Context, namespace, name string, known *Known) (*Observation, hcl.Diagnostics) {
	o, diags := e.observe(ctx, e.cached, namespace, name)
	if o != nil || diags.HasErrors() || known == nil {
		return o, diags
	}
	missing := "is gone. It is restored from the Terraform state; nothing that the state knows as done runs again."
	if len(known.Job) == 0 {
		missing = "does not exist yet: its runs were applied without Terraform. It is written from what they show; nothing that they have done runs again."
		var problem *hcl.Diagnostic
		if known, problem = e.unrecorded(ctx, namespace, name); problem != nil {
			return nil, append(diags, problem)
		}
		if known == nil {
			return nil, diags
		}
	}
	s, problem := e.remembered(ctx, namespace, name, "", known)
	if problem != nil {
		return nil, append(diags, problem)
	}
	o, more := s.observation()
	o.Drift = append(o.Drift, "The record of the job, ConfigMap "+namespace+"/"+record.Name(name)+", "+missing)
	return o, append(diags, more...)
}

// remembered is a job whose record is gone, as a state remembers it and as its
// Workflows show it.
func (e *Engine) remembered(ctx context.Context, namespace, name, owner string, known *Known) (*sight, *hcl.Diagnostic) {
	j, err := parseJob(known.Job)
	if err != nil {
		return nil, damagedState(err)
	}
	if j, err = bound(j, known.Bounds); err != nil {
		return nil, damagedState(err)
	}
	rec := &record.Record{
		Bounds:    known.Bounds,
		Namespace: namespace, Name: name, Job: known.Job, Domain: j.Domain, Owner: owner,
		NextRun: runNumber(name, known.Run) + 1, Target: j.Target, Reason: j.Reason, Policy: known.Policy.encode(), Canary: known.Canary, Gate: known.Gate,
	}
	if rec.Done, err = ledger.Parse(j.Domain, known.Done); err != nil {
		return nil, damagedState(err)
	}
	if rec.Failed, err = ledger.Parse(j.Domain, known.Failed); err != nil {
		return nil, damagedState(err)
	}
	runs, err := e.runsOf(ctx, namespace, name)
	if err != nil {
		return nil, failed(err)
	}
	if len(runs) > 0 {
		enter(rec, j, runs[len(runs)-1])
	}
	s, diags := e.lookAt(ctx, rec)
	if diags.HasErrors() {
		return nil, diags[len(diags)-1]
	}
	return s, nil
}

// runsOf lists the Workflows of a job's runs, by number.
func (e *Engine) runsOf(ctx context.Context, namespace, name string) ([]manifest.Object, error) {
	all, err := e.backend.List(ctx, cluster.Workflow, namespace, ofJob(name)+",!"+argo.LabelShard)
	if err != nil {
		return nil, err
	}
	number := func(o manifest.Object) int { return runNumber(name, o.GetName()) }
	all = slices.DeleteFunc(all, func(o manifest.Object) bool { return number(o) == 0 })
	slices.SortFunc(all, func(a, b manifest.Object) int { return number(a) - number(b) })
	return all, nil
}

// runNumber reads the number from the name of a run; 0 when it is none.
func runNumber(job, run string) int {
	text, ok := strings.CutPrefix(run, job+"-r")
	n, err := strconv.Atoi(text)
	if !ok || err != nil || n < 1 {
		return 0
	}
	return n
}

// enter puts a Workflow that the record does not know into its history, by its
// annotations. It counts as not merged: merging an outcome twice does no harm.
func enter(rec *record.Record, j *job.Job, workflow manifest.Object) {
	n := runNumber(rec.Name, workflow.GetName())
	rec.NextRun = max(rec.NextRun, n+1)
	entry := record.Run{
		Number: n, Template: workflow.GetLabels()[argo.LabelTemplate], Start: workflow.GetCreationTimestamp().Time,
		Intervals: workflow.GetAnnotations()[argo.AnnotationIntervals],
	}
	entry.Asks = argo.ArgumentsOf(workflow).FindsBounds()
	if covered, err := ledger.Parse(j.Domain, entry.Intervals); err == nil {
		entry.Partitions = covered.Count(j.Domain)
	}
	rec.Runs = append(rec.Runs, entry)
}

// restore makes the record again that was deleted by hand, from what the state
// remembers and what the job's Workflows show. The Workflows themselves are
// not touched.
func (u *update) restore(ctx context.Context) *sight {
	namespace, name := u.job.Namespace, u.job.Name
	if u.Known == nil || len(u.Known.Job) == 0 {
		u.check(jobGone(namespace, name))
		return nil
	}
	s, problem := u.remembered(ctx, namespace, name, u.Owner, u.Known)
	if !u.check(problem) {
		return nil
	}
	stored, exists, diags := u.createRecord(ctx, *s.rec)
	if !u.check(diags...) {
		return nil
	}
	if exists {
		u.check(stalePlan(s.rec, "a job without a record", "a job whose record is there again"))
		return nil
	}
	s.rec = stored
	u.restored = true
	return s
}

// forsake removes a record that this update has restored, when another job has
// taken the keys meanwhile: kept, it would hold them too.
func (u *update) forsake(ctx context.Context) {
	if u.restored {
		_ = u.backend.Delete(context.WithoutCancel(ctx), cluster.ConfigMap, u.seen.rec.Namespace, record.Name(u.seen.rec.Name), u.seen.rec.UID)
	}
}
