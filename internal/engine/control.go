// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/decide"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// Stop ends the active run of a job: pods are told to end, and what has not
// finished counts as not done. It returns at once, but for a job with a pool.
func (e *Engine) Stop(ctx context.Context, namespace, name string) (*state.Observation, hcl.Diagnostics) {
	return e.control(ctx, namespace, name, func(s *observe.Snapshot) error {
		return e.Applier.Stop(ctx, s.State, s.Run.Entry.Number)
	})
}

// Pause lets the active run start no more pods; those that run go on. The run of a
// job with a pool is stopped instead, for a run that waits keeps its places.
func (e *Engine) Pause(ctx context.Context, namespace, name string) (*state.Observation, hcl.Diagnostics) {
	return e.setPaused(ctx, namespace, name, true)
}

// Resume undoes Pause. A job with a pool gets a new run.
func (e *Engine) Resume(ctx context.Context, namespace, name string) (*state.Observation, hcl.Diagnostics) {
	return e.setPaused(ctx, namespace, name, false)
}

func (e *Engine) setPaused(ctx context.Context, namespace, name string, on bool) (*state.Observation, hcl.Diagnostics) {
	s, diags := e.read.Load(ctx, namespace, name)
	if s == nil && !diags.HasErrors() {
		diags = append(diags, observe.Gone(namespace, name))
	}
	if diags.HasErrors() {
		return nil, diags
	}
	if s.Job().Pool != "" {
		if s, diags = e.noteOfPause(ctx, s, on); diags.HasErrors() {
			return nil, diags
		}
		if !on {
			return e.goOn(ctx, s)
		}
	}
	return e.control(ctx, namespace, name, func(s *observe.Snapshot) error {
		return e.SetPaused(ctx, s.State, s.State.Job(), s.Run.Entry.Number, on)
	})
}

// noteOfPause notes on the record of a job with a pool that the command line has
// paused or resumed it.
func (e *Engine) noteOfPause(ctx context.Context, s *state.State, on bool) (*state.State, hcl.Diagnostics) {
	return e.Swap(ctx, s, func(rec *state.State) (bool, *hcl.Diagnostic) {
		changed := rec.Gate.Paused != on
		rec.Gate.Paused = on
		return changed, nil
	})
}

// control does something to the run under way, if there is one.
func (e *Engine) control(
	ctx context.Context, namespace, name string, do func(*observe.Snapshot) error,
) (*state.Observation, hcl.Diagnostics) {
	e.read.Forget()
	s, diags := e.read.Snapshot(ctx, namespace, name)
	if s == nil && !diags.HasErrors() {
		diags = append(diags, observe.Gone(namespace, name))
	}
	if diags.HasErrors() {
		return nil, diags
	}
	if s.Active() {
		if err := do(s); err != nil {
			return nil, append(diags, observe.Failed(err))
		}
		if s, diags = e.read.SnapshotOf(ctx, s.State); diags.HasErrors() {
			return nil, diags
		}
		if s, diags = e.leavePool(ctx, s); diags.HasErrors() {
			return nil, diags
		}
	}
	o, more := s.Observation(e.now())
	return o, append(diags, more...)
}

// leavePool waits for the pods of a run of a pool that is being stopped: only then
// are its places free, and whoever stops a job of a pool mostly does so for another.
func (e *Engine) leavePool(ctx context.Context, s *observe.Snapshot) (*observe.Snapshot, hcl.Diagnostics) {
	if s.State.Job().Pool == "" || !s.Active() || !argo.ShutDown(s.Run.Workflow) {
		return s, nil
	}
	next, diags := e.BringDown(ctx, s)
	if next == nil {
		return s, diags // the places stay kept for a while
	}
	return next, e.RecordOutcome(ctx, next)
}

// Approve opens the gate at which a job waits, and submits the run behind it.
func (e *Engine) Approve(ctx context.Context, namespace, name string) (*state.Observation, hcl.Diagnostics) {
	s, diags := e.read.Snapshot(ctx, namespace, name)
	if s == nil && !diags.HasErrors() {
		diags = append(diags, observe.Gone(namespace, name))
	}
	if diags.HasErrors() {
		return nil, diags
	}
	if diags = append(diags, e.RecordOutcome(ctx, s)...); diags.HasErrors() {
		return nil, diags
	}
	if problem := decide.Timely(s.State.Policy, s.State.Job(), e.now()); problem != nil {
		return nil, append(diags, problem) // before the gate is open
	}
	rec, more := e.Swap(ctx, s.State, func(rec *state.State) (bool, *hcl.Diagnostic) {
		if s.Active() || !rec.AwaitsApproval() {
			return false, observe.Problem(diag.CodeNotWaiting, "Job \"%s/%s\" does not wait for approval, so that nothing "+
				"was approved. See "+
				"\"status %s\" for what it does.", namespace, name, name)
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
func (e *Engine) goOn(ctx context.Context, s *state.State) (*state.Observation, hcl.Diagnostics) {
	declared, err := s.Declaration.Value()
	if err != nil {
		return nil, hcl.Diagnostics{observe.DamagedRecord(s.Namespace, s.Name, err)}
	}
	return e.Update(ctx, Submission{Value: declared, Owner: s.Owner, Policy: s.Policy})
}
