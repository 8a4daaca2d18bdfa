// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package apply

import (
	"context"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/read"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// retention is how long the Workflows of a recorded run stay.
const retention = 24 * time.Hour

// RecordOutcome writes the outcome of an ended run into the record, and then has
// the run's objects leave by themselves. The record says until then that they have
// yet to be told, so that a crash in between leaves nothing behind.
// See internal/decisions/0002-the-record-is-the-truth.md.
func (a *Applier) RecordOutcome(ctx context.Context, s *observe.Snapshot) hcl.Diagnostics {
	if s.Ended() {
		merged, diags := a.Swap(ctx, s.State, func(rec *state.State) (bool, *hcl.Diagnostic) {
			return observe.Merge(rec, s.Run, a.Now()), nil
		})
		if diags.HasErrors() {
			return diags
		}
		s.State, s.Run = merged, nil
	}
	for _, entry := range s.State.Runs {
		if !entry.Retiring {
			continue
		}
		if err := a.retire(ctx, s.State, entry); err != nil {
			return hcl.Diagnostics{failed(err)}
		}
		if !entry.Lingers {
			if err := a.releasePlaces(ctx, s.State, entry.Number); err != nil {
				return hcl.Diagnostics{failed(err)}
			}
		}
		retired, diags := a.Swap(ctx, s.State, func(rec *state.State) (bool, *hcl.Diagnostic) {
			run := rec.Run(entry.Number)
			if run == nil || !run.Retiring {
				return false, nil
			}
			run.Retiring = false
			return true, nil
		})
		if diags.HasErrors() {
			return diags
		}
		s.State = retired
	}
	return nil
}

// RecordIfPossible is RecordOutcome for those who only read: what they see is
// right all the same, and a credential that may only read is no fault.
func (a *Applier) RecordIfPossible(ctx context.Context, s *observe.Snapshot) hcl.Diagnostics {
	diags := a.RecordOutcome(ctx, s)
	if !diags.HasErrors() || ctx.Err() != nil {
		return diags
	}
	if s.Run == nil {
		return nil // the outcome is recorded; whoever may write tidies up
	}
	return hcl.Diagnostics{observe.Warning(diag.CodeNotRecorded, "Run %s has ended, but that could not be written into "+
		"the record of job "+
		"\"%s/%s\". What is shown is right as long as the Workflow exists. Apply once, or use credentials that may patch "+
		"Workflows and "+
		"update ConfigMaps, to have it recorded. %s",
		argo.RunName(s.State.Name, s.Run.Entry.Number), s.State.Namespace, s.State.Name, diags[len(diags)-1].Detail)}
}

// KeepBounds writes the bounds that an active run has found into the record. A
// credential that may only read is no fault: the run will be read again.
func (a *Applier) KeepBounds(ctx context.Context, s *observe.Snapshot) {
	if !s.Active() || !s.Run.NewBounds {
		return
	}
	first := true
	stored, diags := a.Swap(ctx, s.State, func(rec *state.State) (bool, *hcl.Diagnostic) {
		changed := first || s.Run.KeepBounds(rec) // the state of the snapshot has them already
		first = false
		return changed, nil
	})
	if !diags.HasErrors() {
		s.State, s.Run.NewBounds = stored, false
	}
}

// retire has the objects of a recorded run leave by themselves: Workflows a day
// from now, data with the run. A Workflow that Argo gave up goes at once, and so do
// those whose pods were stopped and may live on: nobody else ends these pods.
func (a *Applier) retire(ctx context.Context, s *state.State, entry state.Run) error {
	number := entry.Number
	run, err := a.backend.Get(ctx, cluster.Workflow, s.Namespace, argo.RunName(s.Name, number))
	if ignoreGone(err) != nil {
		return err
	}
	// Children that succeeded go by themselves; there may be thousands.
	all, err := a.backend.List(ctx, cluster.Workflow, s.Namespace, argo.UnsuccessfulChildrenOf(s.Name, number))
	if err != nil {
		return err
	}
	if run != nil && argo.Belongs(run, s.Name, number) {
		all = append(all, run)
	}
	for _, workflow := range all {
		if read.Abandoned(workflow) || entry.Lingers && argo.Ended(workflow) {
			err = a.backend.Delete(ctx, cluster.Workflow, s.Namespace, workflow.GetName(), string(workflow.GetUID()))
			if workflow == run {
				run = nil
			}
		} else {
			err = a.setRetention(ctx, workflow)
		}
		if ignoreGone(err) != nil && !cluster.IsConflict(err) {
			return err
		}
	}
	return a.bindData(ctx, s, number, run)
}

// setRetention lets a Workflow go a day from now, unless it goes by itself.
func (a *Applier) setRetention(ctx context.Context, workflow manifest.Object) error {
	patch, needed := argo.RetentionPatch(workflow, retention, a.Now())
	if !needed {
		return nil
	}
	_, err := a.backend.Patch(ctx, cluster.Workflow, workflow.GetNamespace(), workflow.GetName(), patch)
	return err
}

// bindData makes the run the owner of its data, which then goes with it; data
// whose run is gone is deleted.
func (a *Applier) bindData(ctx context.Context, s *state.State, number int, run manifest.Object) error {
	all, err := a.backend.List(ctx, cluster.ConfigMap, s.Namespace, argo.OfRun(s.Name, number))
	if err != nil || len(all) == 0 {
		return err
	}
	for _, data := range all {
		if err := a.bind(ctx, data, run); ignoreGone(err) != nil && !cluster.IsConflict(err) {
			return err
		}
	}
	return nil
}

func (a *Applier) bind(ctx context.Context, data, run manifest.Object) error {
	if run == nil {
		return a.backend.Delete(ctx, cluster.ConfigMap, data.GetNamespace(), data.GetName(), string(data.GetUID()))
	}
	if len(data.GetOwnerReferences()) > 0 {
		return nil
	}
	_, err := a.backend.Patch(ctx, cluster.ConfigMap, data.GetNamespace(), data.GetName(), argo.OwnerPatch(run))
	return err
}
