// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/read"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

// Observe reads a job; ended runs are merged into the record on the way. It
// returns nil without errors when there is no such job.
func (e *Engine) Observe(ctx context.Context, namespace, name string) (*Observation, hcl.Diagnostics) {
	return e.observe(ctx, e.backend.Get, namespace, name)
}

func (e *Engine) observe(ctx context.Context, get reader, namespace, name string) (*Observation, hcl.Diagnostics) {
	s, diags := e.lookBy(ctx, get, namespace, name)
	if s == nil {
		return nil, diags
	}
	diags = append(diags, e.settleIfPossible(ctx, s)...)
	if diags.HasErrors() {
		return nil, diags
	}
	e.keepIfPossible(ctx, s)
	changed, err := e.drift(ctx, s)
	if err != nil {
		return nil, append(diags, failed(err))
	}
	o, d := s.observation()
	o.Drift, o.Obstacles = changed, e.obstacles(s)
	return o, append(append(diags, d...), s.imposed()...)
}

// imposed warns of what the controller's defaults have made of the run under way.
func (s *sight) imposed() hcl.Diagnostics {
	if !s.active() {
		return nil
	}
	var what []string
	for _, i := range argo.Impositions(s.run.workflow) {
		what = append(what, fmt.Sprintf("%q (%s)", i.Field, i.Effect))
	}
	if len(what) == 0 {
		return nil
	}
	return hcl.Diagnostics{warning(diag.CodeImposed, "The Argo controller's workflowDefaults have given Workflow \"%s/%s\" what this program cannot keep out: %s. "+
		"Take that out of the workflowDefaults; the warning goes with the next run.", s.rec.Namespace, s.run.workflow.GetName(), strings.Join(what, ", "))}
}

// observation is the record plus what its unmerged run shows.
func (s *sight) observation() (*Observation, hcl.Diagnostics) {
	rec, d := s.rec.Clone(), s.rec.Domain
	var diags hcl.Diagnostics
	o := &Observation{
		Namespace: rec.Namespace, Name: rec.Name, Job: rec.Job, Owner: rec.Owner, Domain: d, Bounds: rec.Bounds, Total: d.Count(), Policy: decodePolicy(rec.Policy),
	}
	if latest := rec.Latest(); latest != nil {
		o.Run, o.Template = argo.RunName(rec.Name, latest.Number), latest.Template
		o.Ending, o.Message = latest.Outcome, latest.Message
		o.SetupError, o.TeardownError = latest.SetupError, latest.TeardownError
	}
	if s.ended() {
		o.Ending = endingOf(&rec, s.run)
		o.Message = s.run.problem(o.Ending)
		rec.Gate = pass(rec.Gate, s.run.entry, o.Ending)
	}
	o.Canary, o.Gate = rec.Canary, rec.Gate
	o.CanaryState = s.canaryState()
	if s.run != nil && s.run.workflow != nil {
		o.SetupError, o.TeardownError = s.run.outcome.Setup.Message, s.run.outcome.Teardown.Message
		add(&rec, s.run)
		if s.active() {
			o.Running = s.run.outcome.Running.Intersect(ledger.Full(d)).Minus(rec.Done)
		}
	}
	if s.run != nil && s.run.workflow == nil {
		diags = append(diags, lost(&rec, s.run.entry.Number))
	}
	o.Done, o.Failed = rec.Done, rec.Failed
	o.Remaining = ledger.Full(d).Minus(o.Done)
	o.Phase = s.phase(o)
	o.DoneText, o.FailedText, o.RemainingText = short(o.Done, d), short(o.Failed, d), short(o.Remaining, d)
	o.DoneCount, o.FailedCount, o.RemainingCount = o.Done.Count(d), o.Failed.Count(d), o.Remaining.Count(d)
	o.FailedPartitions = failedPartitions(d, o.Failed, rec.Failures)
	return o, diags
}

// Troubles warns of what went wrong beside the partitions of the latest run.
func (o *Observation) Troubles() hcl.Diagnostics {
	stuck := o.StuckWarnings()
	if o.TeardownError == "" {
		return stuck
	}
	return append(stuck, warning(diag.CodeTeardown, "The teardown of run %s of job \"%s/%s\" failed for good, and is not tried again: %s. What the partitions have done stays done. "+
		"Do by hand what the teardown was to do; this warning goes with the next run.", o.Run, o.Namespace, o.Name, o.TeardownError))
}

// Progress is the number of partitions that are done, of all.
func (o *Observation) Progress() string {
	if !o.Domain.Bounded() {
		return fmt.Sprintf("%d/?", o.DoneCount)
	}
	return fmt.Sprintf("%d/%d", o.DoneCount, o.Total)
}

func lost(rec *record.Record, number int) *hcl.Diagnostic {
	return warning(diag.CodeRunLost, "The record of job \"%s/%s\" names run %s, but there is no such Workflow: it was deleted before its outcome was recorded, or its submission was interrupted. "+
		"What it covered and was not recorded before counts as not done. Plan again, and apply, to have it run.", rec.Namespace, rec.Name, argo.RunName(rec.Name, number))
}

// phase is the state of the job as users see it.
func (s *sight) phase(o *Observation) Phase {
	if s.active() {
		return runPhase(s.run)
	}
	switch {
	case o.Ending == record.NoBounds:
		return Failed
	case !o.Domain.Bounded():
		return Incomplete
	case o.Remaining.Empty():
		return Complete
	case s.held(o):
		return Paused
	case o.Gate.Next > approved(o.Policy, o.Gate):
		return AwaitingApproval
	case !o.Failed.Empty() || o.Ending == record.SetupFailed:
		return Failed
	}
	return Incomplete
}

// held tells whether the job is paused without a run.
func (s *sight) held(o *Observation) bool {
	if !o.Gate.Held && (o.Policy.Paused == nil || !*o.Policy.Paused) {
		return false // without a look at the declaration
	}
	j, err := parseJob(s.rec.Job)
	return err == nil && held(j, o.Policy, o.Gate)
}

func runPhase(r *runSight) Phase {
	shutdown, _, _ := unstructured.NestedString(r.workflow.Object, "spec", "shutdown")
	suspended, _, _ := unstructured.NestedBool(r.workflow.Object, "spec", "suspend")
	switch {
	case shutdown != "":
		return Stopping
	case suspended:
		return Paused
	case r.outcome.Phase == "" || r.outcome.Phase == argo.PhasePending:
		return Pending
	}
	return Running
}

// add puts what a run has achieved into a record. Keys that left the domain
// meanwhile are dropped.
func add(rec *record.Record, r *runSight) {
	if !rec.Domain.SameSpace(r.domain) {
		return
	}
	full := ledger.Full(rec.Domain)
	rec.Done = rec.Done.Union(r.outcome.Done.Intersect(full))
	rec.Failed = rec.Failed.Minus(r.outcome.Covers).Union(r.outcome.Failed.Intersect(full)).Minus(rec.Done)
	failures := make([]record.Failure, 0, len(r.outcome.Failures)+len(rec.Failures))
	for _, f := range r.outcome.Failures {
		failures = append(failures, describe(r.domain, f))
	}
	rec.Failures = keepFailures(rec.Domain, rec.Failed, append(failures, rec.Failures...))
}

func describe(d domain.Domain, f read.Failure) record.Failure {
	out := record.Failure{Key: d.Key(f.Partition), Attempts: f.Attempts, Message: f.Message}
	out.Start, out.End = bounds(d, f.Partition)
	for _, a := range f.Details {
		out.Details = append(out.Details, detail(a))
	}
	return out
}

func detail(a read.Attempt) record.Attempt {
	out := record.Attempt{
		Number: a.Number, Node: a.Node, Capacity: a.Capacity, Cause: string(a.Cause), Message: oneLine(a.Message),
		Started: stamp(a.Started), Finished: stamp(a.Finished),
	}
	if a.ExitCode >= 0 {
		out.ExitCode = &a.ExitCode
	}
	return out
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// oneLine keeps control characters, which JSON would blow up, out of what is
// kept.
func oneLine(message string) string { return strings.Join(strings.Fields(message), " ") }

// bounds are those of a partition of one axis with positions, else empty.
func bounds(d domain.Domain, p domain.Partition) (start, end string) {
	if len(d.Dimensions) != 1 || d.Dimensions[0].Axis.Kind() == domain.Value {
		return "", ""
	}
	return d.Bounds(0, p.Parts[0])
}

// keepFailures keeps the details of what is still failed, the first 100 in
// ascending order; earlier entries of the same key win.
func keepFailures(d domain.Domain, failed ledger.Set, details []record.Failure) []record.Failure {
	var kept []record.Failure
	for _, f := range failedPartitions(d, failed, details) {
		if f.Attempts > 0 {
			kept = append(kept, record.Failure(f))
		}
	}
	return kept
}

// failedPartitions lists what has failed, the first 100 in ascending order,
// with the details at hand.
func failedPartitions(d domain.Domain, failed ledger.Set, details []record.Failure) []FailedPartition {
	byKey := map[string]record.Failure{}
	for _, f := range details {
		if _, known := byKey[f.Key]; !known {
			byKey[f.Key] = f
		}
	}
	var out []FailedPartition
	for p := range failed.Partitions(d) {
		if len(out) == record.MaxFailures {
			break
		}
		key := d.Key(p)
		f, known := byKey[key]
		if !known {
			f = record.Failure{Key: key}
			f.Start, f.End = bounds(d, p)
		}
		out = append(out, FailedPartition(f))
	}
	return out
}
