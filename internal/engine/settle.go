// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hashicorp/hcl/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

// retention is how long the Workflows of a merged run stay.
const retention = 24 * time.Hour

// settle merges a run that has ended into the record.
//
// The run's objects are told to leave first: they stay a day at least, so that
// a crash before the record is written loses nothing, while the other order
// could leave objects that nobody would ever look at again.
func (e *Engine) settle(ctx context.Context, s *sight) hcl.Diagnostics {
	if !s.ended() {
		return nil
	}
	if err := e.retire(ctx, s); err != nil {
		return hcl.Diagnostics{failed(err)}
	}
	merged, diags := e.swap(ctx, s.rec, func(rec *record.Record) (bool, *hcl.Diagnostic) {
		return merge(rec, s.run, e.now()), nil
	})
	if diags.HasErrors() {
		return diags
	}
	s.rec, s.run = merged, nil
	return diags
}

// settleIfPossible is settle for those who only look: what they see is right
// all the same, and a credential that may only read is no fault.
func (e *Engine) settleIfPossible(ctx context.Context, s *sight) hcl.Diagnostics {
	diags := e.settle(ctx, s)
	if !diags.HasErrors() || ctx.Err() != nil {
		return diags
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
	add(rec, r)
	entry.Outcome = outcomeOf(r)
	entry.Domain = nil
	if !r.outcome.Started.IsZero() {
		entry.Start = r.outcome.Started
	}
	entry.End = r.outcome.Finished
	if entry.End.IsZero() {
		entry.End = now
	}
	return true
}

func find(rec *record.Record, number int) *record.Run {
	for i := range rec.Runs {
		if rec.Runs[i].Number == number {
			return &rec.Runs[i]
		}
	}
	return nil
}

func outcomeOf(r *runSight) string {
	shutdown, _, _ := unstructured.NestedString(r.workflow.Object, "spec", "shutdown")
	switch {
	case r.outcome.Done.Contains(r.outcome.Covers):
		return record.Succeeded
	case shutdown != "":
		return record.Stopped
	}
	return record.Failed
}

// retire has the objects of an ended run leave by themselves: Workflows a day
// from now, data with the run.
func (e *Engine) retire(ctx context.Context, s *sight) error {
	for _, workflow := range append(append([]manifest.Object(nil), s.run.children...), s.run.workflow) {
		if err := e.setRetention(ctx, workflow); err != nil && !cluster.IsNotFound(err) {
			return err
		}
	}
	return e.bindData(ctx, s)
}

// setRetention lets a Workflow go a day from now. Argo counts the seconds from
// the Workflow's own end.
func (e *Engine) setRetention(ctx context.Context, workflow manifest.Object) error {
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

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// bindData makes the run the owner of its data, which then goes with it.
func (e *Engine) bindData(ctx context.Context, s *sight) error {
	if len(s.run.data) == 0 {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"ownerReferences": []any{map[string]any{
		"apiVersion": s.run.workflow.GetAPIVersion(), "kind": s.run.workflow.GetKind(),
		"name": s.run.workflow.GetName(), "uid": string(s.run.workflow.GetUID()),
	}}}})
	if err != nil {
		return err
	}
	for _, data := range s.run.data {
		if len(data.GetOwnerReferences()) > 0 {
			continue
		}
		_, err := e.backend.Patch(ctx, cluster.ConfigMap, data.GetNamespace(), data.GetName(), patch)
		if err != nil && !cluster.IsNotFound(err) {
			return err
		}
	}
	return nil
}
