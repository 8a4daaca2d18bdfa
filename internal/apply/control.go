// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package apply

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// DefaultStopTimeout bounds the wait for a run that an update has stopped.
const DefaultStopTimeout = 5 * time.Minute

// patchTimeout bounds how long launchers may go on creating children that have to
// be patched.
const patchTimeout = time.Minute

// Stop stops a run and its children. It returns before their pods have ended.
func (a *Applier) Stop(ctx context.Context, s *state.State, number int) error {
	if err := a.keepPlaces(ctx, s, number); err != nil {
		return err
	}
	return a.patchRun(ctx, s, number, argo.StopPatch(), func(o manifest.Object) []byte {
		switch {
		case argo.Terminated(o) && !argo.Suspended(o):
			return nil
		case argo.Postponed(o):
			return argo.TerminatePatch()
		case argo.Waits(o) && !argo.Leaving(o):
			return argo.LeavePatch()
		case argo.ShutDown(o) && !argo.Suspended(o):
			return nil
		}
		return argo.StopPatch()
	})
}

// SetPaused pauses or resumes a run: by suspending it, or for a job of a pool by
// stopping it, because a run that waits keeps its places. A run that was paused
// before it began is suspended all the same: it has no place.
func (a *Applier) SetPaused(ctx context.Context, s *state.State, j *job.Job, number int, on bool) error {
	if on && j.Pool != "" {
		run, err := a.backend.Get(ctx, cluster.Workflow, s.Namespace, argo.RunName(s.Name, number))
		if err != nil || argo.Suspended(run) && !argo.Begun(run) {
			return ignoreGone(err)
		}
		return a.Stop(ctx, s, number)
	}
	patch := argo.ResumePatch()
	if on {
		patch = argo.PausePatch()
	}
	return a.patchRun(ctx, s, number, patch, func(o manifest.Object) []byte {
		if argo.Suspended(o) == on {
			return nil
		}
		return patch
	})
}

// patchRun patches the run and then every active child, until a list shows none
// that needs a patch: launchers may create children meanwhile.
func (a *Applier) patchRun(
	ctx context.Context, s *state.State, number int, first []byte, patchOf func(manifest.Object) []byte,
) error {
	_, err := a.backend.Patch(ctx, cluster.Workflow, s.Namespace, argo.RunName(s.Name, number), first)
	if ignoreGone(err) != nil {
		return err
	}
	return a.patchEach(ctx, s, argo.OfRun(s.Name, number), func(o manifest.Object, _ int) []byte { return patchOf(o) })
}

// patchEach patches the active Workflows of a selection until a list shows none
// that needs a patch. What a Workflow needs may depend on how many are active.
func (a *Applier) patchEach(
	ctx context.Context, s *state.State, selector string, patchOf func(o manifest.Object, active int) []byte,
) error {
	w := a.wait(patchTimeout)
	for pass := 1; ; pass++ {
		all, err := a.backend.List(ctx, cluster.Workflow, s.Namespace, selector)
		if err != nil {
			return err
		}
		var active []manifest.Object
		for _, o := range all {
			if !argo.Ended(o) && argo.Belongs(o, s.Name, 0) {
				active = append(active, o)
			}
		}
		patched, err := a.patchAll(ctx, active, patchOf)
		if err != nil || !patched {
			return err
		}
		if pass == 1 {
			continue // mostly the next list shows that this was all
		}
		switch more, err := w.next(ctx); {
		case err != nil:
			return canceled("patch", active[0], err)
		case !more:
			return nil // what still differs is drift, which the next plan shows
		}
	}
}

func (a *Applier) patchAll(
	ctx context.Context, active []manifest.Object, patchOf func(o manifest.Object, active int) []byte,
) (patched bool, err error) {
	for _, o := range active {
		patch := patchOf(o, len(active))
		if patch == nil {
			continue
		}
		patched = true
		_, err = a.backend.Patch(ctx, cluster.Workflow, o.GetNamespace(), o.GetName(), patch)
		if ignoreGone(err) != nil {
			return patched, err
		}
	}
	return patched, nil
}

// StopAndWait stops the run under way and waits until it and all its children have
// ended, and the pods of all of them; children that appear meanwhile are stopped too.
func (a *Applier) StopAndWait(
	ctx context.Context, s *observe.Snapshot, timeout time.Duration,
) (*observe.Snapshot, hcl.Diagnostics) {
	if timeout <= 0 {
		timeout = DefaultStopTimeout
	}
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for w := a.wait(timeout); ; {
		if !s.Run.Settling() {
			if err := a.Stop(ctx, s.State, s.Run.Entry.Number); err != nil {
				return nil, hcl.Diagnostics{failed(err)}
			}
		}
		next, diags := a.read.Snapshot(ctx, s.State.Namespace, s.State.Name)
		if diags.HasErrors() || next == nil || !next.Active() {
			return next, diags
		}
		s = next
		more, err := w.next(bounded)
		if err == nil && more {
			continue
		}
		if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, append(diags, failed(canceled("get", s.Run.Workflow, ctx.Err())))
		}
		if s.Run.Settling() {
			return nil, append(diags, podsLive(s.State, s.Run.Left.Living, timeout))
		}
		return nil, append(diags, observe.Problem(diag.CodeRunActive, "Run %q of job \"%s/%s\" was stopped and has not "+
			"ended within %s. "+
			"Nothing was submitted: two runs of one job never overlap. Apply again when it has ended, or raise "+
			"\"stop_timeout\"; a pod "+
			"that ignores SIGTERM ends after its grace period.",
			s.Run.Workflow.GetName(), s.State.Namespace, s.State.Name, job.DurationText(timeout)))
	}
}

// Rescale brings the run under way in line with the number of pods that the job
// allows. Lowering reaches the children first and raising the run first, so that
// the sum never exceeds the larger of both.
func (a *Applier) Rescale(ctx context.Context, s *observe.Snapshot, maxParallel int) hcl.Diagnostics {
	run := s.Run.Workflow
	want, err := argo.ScaleFor(s.Run.AsWritten(), maxParallel)
	if err != nil {
		return hcl.Diagnostics{observe.Problem(diag.CodeRunUnreadable, "The scale of Workflow \"%s/%s\" cannot be told: "+
			"%v.", run.GetNamespace(), run.GetName(), err)}
	}
	toRun := func() error { return a.rescaleRun(ctx, run, want) }
	toChildren := func() error { return a.rescaleChildren(ctx, s, want) }
	steps := []func() error{toRun, toChildren}
	if want.Pods < argo.ScaleOf(run).Pods {
		steps = []func() error{toChildren, toRun, toChildren}
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return hcl.Diagnostics{failed(err)}
		}
	}
	return nil
}

func (a *Applier) rescaleRun(ctx context.Context, run manifest.Object, want argo.Scale) error {
	if argo.ScaleOf(run) == want {
		return nil
	}
	_, err := a.backend.Patch(ctx, cluster.Workflow, run.GetNamespace(), run.GetName(), want.RunPatch(run))
	return ignoreGone(err)
}

func (a *Applier) rescaleChildren(ctx context.Context, s *observe.Snapshot, want argo.Scale) error {
	if want.Pods == 0 {
		return nil
	}
	selector := argo.ChildrenOf(s.State.Name, s.Run.Entry.Number)
	return a.patchEach(ctx, s.State, selector, func(child manifest.Object, active int) []byte {
		pods := want.ForChild(child, active)
		if argo.Parallelism(child) == pods && argo.Granted(child) == pods {
			return nil
		}
		return argo.ChildPatch(pods)
	})
}
