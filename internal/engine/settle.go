// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/read"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

// retention is how long the Workflows of a merged run stay.
const retention = 24 * time.Hour

// settle merges a run that has ended into the record, and then has its objects
// leave by themselves. The record says until then that they have yet to be told,
// so that a crash in between leaves nothing behind for ever.
func (e *Engine) settle(ctx context.Context, s *sight) hcl.Diagnostics {
	if s.ended() {
		merged, diags := e.swap(ctx, s.rec, func(rec *record.Record) (bool, *hcl.Diagnostic) {
			return merge(rec, s.run, e.now()), nil
		})
		if diags.HasErrors() {
			return diags
		}
		s.rec, s.run = merged, nil
	}
	for _, entry := range s.rec.Runs {
		if !entry.Retiring {
			continue
		}
		if err := e.retire(ctx, s.rec, entry.Number); err != nil {
			return hcl.Diagnostics{failed(err)}
		}
		retired, diags := e.swap(ctx, s.rec, func(rec *record.Record) (bool, *hcl.Diagnostic) {
			run := find(rec, entry.Number)
			if run == nil || !run.Retiring {
				return false, nil
			}
			run.Retiring = false
			return true, nil
		})
		if diags.HasErrors() {
			return diags
		}
		s.rec = retired
	}
	return nil
}

// settleIfPossible is settle for those who only look: what they see is right
// all the same, and a credential that may only read is no fault.
func (e *Engine) settleIfPossible(ctx context.Context, s *sight) hcl.Diagnostics {
	diags := e.settle(ctx, s)
	if !diags.HasErrors() || ctx.Err() != nil {
		return diags
	}
	if s.run == nil {
		return nil // the outcome is recorded; whoever may write tidies up
	}
	return hcl.Diagnostics{warning(diag.CodeNotRecorded, "Run %s has ended, but that could not be written into the record of job \"%s/%s\". What is shown is right as long as the Workflow exists. "+
		"Apply once, or use credentials that may patch Workflows and update ConfigMaps, to have it recorded. %s",
		argo.RunName(s.rec.Name, s.run.entry.Number), s.rec.Namespace, s.rec.Name, diags[len(diags)-1].Detail)}
}

// merge puts an ended run into the record; false when somebody did so before.
func merge(rec *record.Record, r *runSight, now time.Time) bool {
	entry := find(rec, r.entry.Number)
	if entry == nil || entry.Outcome != record.Active {
		return false
	}
	keep(rec, r)
	add(rec, r)
	entry.Outcome = endingOf(rec, r)
	entry.SetupError, entry.TeardownError = r.outcome.Setup.Message, r.outcome.Teardown.Message
	entry.Message = r.problem(entry.Outcome)
	if r.asks {
		entry.Intervals, entry.Partitions = r.outcome.Covers.Text(rec.Domain), r.outcome.Covers.Count(rec.Domain)
	}
	rec.Gate = pass(rec.Gate, *entry, entry.Outcome)
	if entry.Canary != "" && r.outcome.Canary == argo.PhaseSucceeded {
		rec.Canary = entry.Canary
	}
	entry.Domain, entry.Retiring = nil, true
	if !r.outcome.Started.IsZero() {
		entry.Start = r.outcome.Started
	}
	entry.End = r.outcome.Finished
	if entry.End.IsZero() {
		entry.End = now
	}
	return true
}

// problem is why a run that ended so found no bounds, or why Argo ended it
// although no partition failed; else "".
func (r *runSight) problem(outcome string) string {
	switch {
	case r.asks:
		return r.answer.Problem
	case outcome == record.Failed && r.outcome.Failed.Empty():
		return strings.TrimSuffix(oneLine(r.outcome.Message), ".")
	}
	return ""
}

func find(rec *record.Record, number int) *record.Run {
	for i := range rec.Runs {
		if rec.Runs[i].Number == number {
			return &rec.Runs[i]
		}
	}
	return nil
}

// endingOf is the outcome of a run, as its job sees it.
func endingOf(rec *record.Record, r *runSight) string {
	outcome := outcomeOf(r)
	if outcome != record.Stopped {
		return outcome
	}
	if j, err := parseJob(rec.Job); err == nil && held(j, decodePolicy(rec.Policy), rec.Gate) {
		return record.Paused
	}
	return outcome
}

func outcomeOf(r *runSight) string {
	shutdown, _, _ := unstructured.NestedString(r.workflow.Object, "spec", "shutdown")
	switch {
	case r.outcome.Setup.Failed() && shutdown == "" && r.asks:
		return record.SetupFailed
	case r.asks && r.answer.Bounds == nil:
		return record.NoBounds
	case r.only:
		return record.Asked
	case r.outcome.Done.Contains(r.outcome.Covers):
		return record.Succeeded
	case shutdown != "":
		return record.Stopped
	case r.outcome.Setup.Failed():
		return record.SetupFailed
	case r.outcome.OverBudget:
		return record.OverBudget
	case r.outcome.Canary == argo.PhaseFailed:
		return record.CanaryFailed
	}
	return record.Failed
}

// retire has the objects of a merged run leave by themselves: Workflows a day
// from now, data with the run. A Workflow that Argo gave up goes at once, because its pods
// go on until then, and would run beside those of the next run.
func (e *Engine) retire(ctx context.Context, rec *record.Record, number int) error {
	run, err := e.backend.Get(ctx, cluster.Workflow, rec.Namespace, argo.RunName(rec.Name, number))
	if err != nil && !cluster.IsNotFound(err) {
		return err
	}
	// Children that succeeded go by themselves; there may be thousands.
	all, err := e.backend.List(ctx, cluster.Workflow, rec.Namespace, childrenOf(rec.Name, number)+",workflows.argoproj.io/phase!=Succeeded")
	if err != nil {
		return err
	}
	if run != nil && belongs(run, rec.Name, number) {
		all = append(all, run)
	}
	for _, workflow := range all {
		if read.Abandoned(workflow) {
			err = e.backend.Delete(ctx, cluster.Workflow, rec.Namespace, workflow.GetName(), string(workflow.GetUID()))
			if workflow == run {
				run = nil
			}
		} else {
			err = e.setRetention(ctx, workflow)
		}
		if err != nil && !cluster.IsNotFound(err) && !cluster.IsConflict(err) {
			return err
		}
	}
	return e.bindData(ctx, rec, number, run)
}

// setRetention lets a Workflow go a day from now, unless it goes by itself.
// Argo counts the seconds from the Workflow's own end.
func (e *Engine) setRetention(ctx context.Context, workflow manifest.Object) error {
	if !workflowEnded(workflow) || leaves(workflow) {
		return nil
	}
	wait := retention
	if text, _, _ := unstructured.NestedString(workflow.Object, "status", "finishedAt"); text != "" {
		if finished, err := time.Parse(time.RFC3339, text); err == nil && e.now().After(finished) {
			wait += e.now().Sub(finished)
		}
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"ttlStrategy": map[string]any{
		"secondsAfterCompletion": seconds(wait), "secondsAfterSuccess": seconds(wait), "secondsAfterFailure": seconds(wait),
	}}})
	if err != nil {
		return err
	}
	_, err = e.backend.Patch(ctx, cluster.Workflow, workflow.GetNamespace(), workflow.GetName(), patch)
	return err
}

// leaves tells whether an ended Workflow has a time to live already: succeeded
// children are born with one.
func leaves(workflow manifest.Object) bool {
	field := "secondsAfterFailure"
	if phase, _, _ := unstructured.NestedString(workflow.Object, "status", "phase"); phase == "Succeeded" {
		field = "secondsAfterSuccess"
	}
	ttl, found, _ := unstructured.NestedInt64(workflow.Object, "spec", "ttlStrategy", field)
	return found && ttl < math.MaxInt32
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// bindData makes the run the owner of its data, which then goes with it; data
// whose run is gone is deleted.
func (e *Engine) bindData(ctx context.Context, rec *record.Record, number int, run manifest.Object) error {
	all, err := e.backend.List(ctx, cluster.ConfigMap, rec.Namespace, ofRun(rec.Name, number))
	if err != nil || len(all) == 0 {
		return err
	}
	for _, data := range all {
		if err := e.bind(ctx, data, run); err != nil && !cluster.IsNotFound(err) && !cluster.IsConflict(err) {
			return err
		}
	}
	return nil
}

func (e *Engine) bind(ctx context.Context, data, run manifest.Object) error {
	if run == nil {
		return e.backend.Delete(ctx, cluster.ConfigMap, data.GetNamespace(), data.GetName(), string(data.GetUID()))
	}
	if len(data.GetOwnerReferences()) > 0 {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"ownerReferences": []any{map[string]any{
		"apiVersion": run.GetAPIVersion(), "kind": run.GetKind(), "name": run.GetName(), "uid": string(run.GetUID()),
	}}}})
	if err != nil {
		return err
	}
	_, err = e.backend.Patch(ctx, cluster.ConfigMap, data.GetNamespace(), data.GetName(), patch)
	return err
}
