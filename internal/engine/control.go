// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

// Pauses between looks at something that is under way.
const (
	firstWait   = 500 * time.Millisecond
	longestWait = 5 * time.Second
	// longestPoll ends a wait that has no bound of its own.
	longestPoll = 4 * time.Second
)

// Patches of single fields; Argo takes them at its next look. A suspended
// Workflow does not heed a shutdown, so stopping resumes it. One that waits for
// its pool heeds only its deadline. Where the field is absent the controller's
// defaults would decide, so it is never removed.
const (
	stopPatch   = `{"spec":{"shutdown":"Stop","suspend":false}}`
	leavePatch  = `{"spec":{"shutdown":"Stop","suspend":false,"activeDeadlineSeconds":1}}`
	pausePatch  = `{"spec":{"suspend":true}}`
	resumePatch = `{"spec":{"suspend":false}}`
)

// Stop ends the active run of a job: pods are told to end, and what has not
// finished counts as not done. It returns at once.
func (e *Engine) Stop(ctx context.Context, namespace, name string) (*Observation, hcl.Diagnostics) {
	return e.control(ctx, namespace, name, e.shutdown)
}

// Pause lets the active run start no more pods; those that run go on. The run
// of a job with a pool is stopped instead, for a run that waits holds its places.
func (e *Engine) Pause(ctx context.Context, namespace, name string) (*Observation, hcl.Diagnostics) {
	if _, diags := e.hold(ctx, namespace, name, true); diags.HasErrors() {
		return nil, diags
	}
	return e.control(ctx, namespace, name, func(ctx context.Context, rec *record.Record, number int) error {
		return e.haltOf(ctx, rec, number, true)
	})
}

// Resume undoes Pause. A job with a pool gets a new run.
func (e *Engine) Resume(ctx context.Context, namespace, name string) (*Observation, hcl.Diagnostics) {
	rec, diags := e.hold(ctx, namespace, name, false)
	if diags.HasErrors() {
		return nil, diags
	}
	if rec != nil {
		return e.goOn(ctx, rec)
	}
	return e.control(ctx, namespace, name, func(ctx context.Context, rec *record.Record, number int) error {
		return e.suspend(ctx, rec, number, false)
	})
}

func (e *Engine) control(ctx context.Context, namespace, name string, do func(context.Context, *record.Record, int) error) (*Observation, hcl.Diagnostics) {
	e.dropShelves()
	s, diags := e.look(ctx, namespace, name)
	if diags.HasErrors() {
		return nil, diags
	}
	if s == nil {
		return nil, append(diags, jobGone(namespace, name))
	}
	if s.active() {
		if err := do(ctx, s.rec, s.run.entry.Number); err != nil {
			return nil, append(diags, failed(err))
		}
		if s, diags = e.lookAt(ctx, s.rec); diags.HasErrors() {
			return nil, diags
		}
	}
	o, more := s.observation()
	return o, append(diags, more...)
}

// suspend pauses or resumes a run and its children.
func (e *Engine) suspend(ctx context.Context, rec *record.Record, number int, on bool) error {
	if on {
		return e.patchAll(ctx, rec, number, pausePatch, suspended)
	}
	return e.patchAll(ctx, rec, number, resumePatch, func(o manifest.Object) bool { return !suspended(o) })
}

func suspended(o manifest.Object) bool {
	on, _, _ := unstructured.NestedBool(o.Object, "spec", "suspend")
	return on
}

func shutDown(o manifest.Object) bool {
	how, _, _ := unstructured.NestedString(o.Object, "spec", "shutdown")
	return how != ""
}

func workflowEnded(o manifest.Object) bool {
	phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
	switch phase {
	case "Succeeded", "Failed", "Error":
		return true
	}
	return false
}

// shutdown stops a run and its children.
func (e *Engine) shutdown(ctx context.Context, rec *record.Record, number int) error {
	run := argo.RunName(rec.Name, number)
	_, err := e.backend.Patch(ctx, cluster.Workflow, rec.Namespace, run, []byte(stopPatch))
	if err != nil && !cluster.IsNotFound(err) {
		return err
	}
	return e.patchEach(ctx, rec, ofRun(rec.Name, number), func(o manifest.Object) string {
		switch {
		case argo.Waits(o) && !leaving(o):
			return leavePatch
		case shutDown(o) && !suspended(o):
			return ""
		}
		return stopPatch
	})
}

// leaving tells whether a Workflow has a deadline that is past.
func leaving(o manifest.Object) bool {
	deadline, found, _ := unstructured.NestedInt64(o.Object, "spec", "activeDeadlineSeconds")
	return found && deadline == 1
}

// patchAll patches the run and then every active child, until a list shows
// nothing active that is not patched: launchers may create children meanwhile.
func (e *Engine) patchAll(ctx context.Context, rec *record.Record, number int, patch string, patched func(manifest.Object) bool) error {
	run := argo.RunName(rec.Name, number)
	_, err := e.backend.Patch(ctx, cluster.Workflow, rec.Namespace, run, []byte(patch))
	if err != nil && !cluster.IsNotFound(err) {
		return err
	}
	return e.patchEach(ctx, rec, ofRun(rec.Name, number), func(o manifest.Object) string {
		if patched(o) {
			return ""
		}
		return patch
	})
}

// patchEach patches every active Workflow of a selection until a list shows
// nothing active that needs a patch.
func (e *Engine) patchEach(ctx context.Context, rec *record.Record, selector string, patchOf func(manifest.Object) string) error {
	for {
		all, err := e.backend.List(ctx, cluster.Workflow, rec.Namespace, selector)
		if err != nil {
			return err
		}
		found := false
		for _, o := range all {
			if workflowEnded(o) || !belongs(o, rec.Name, 0) {
				continue
			}
			patch := patchOf(o)
			if patch == "" {
				continue
			}
			found = true
			_, err := e.backend.Patch(ctx, cluster.Workflow, rec.Namespace, o.GetName(), []byte(patch))
			if err != nil && !cluster.IsNotFound(err) {
				return err
			}
		}
		if !found {
			return nil
		}
	}
}

// awaitEnd waits until the unmerged run of a job and all its children have
// ended; it stops children again that appeared meanwhile.
func (e *Engine) awaitEnd(ctx context.Context, namespace, name string, timeout time.Duration) (*sight, hcl.Diagnostics) {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	waited := time.Duration(0)
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		s, diags := e.look(ctx, namespace, name)
		if diags.HasErrors() || s == nil || !s.active() {
			return s, diags
		}
		if err := e.shutdown(ctx, s.rec, s.run.entry.Number); err != nil {
			return nil, append(diags, failed(err))
		}
		err := e.pause(bounded, wait)
		if waited += wait; err == nil && waited < timeout {
			continue
		}
		if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, append(diags, failed(canceledOn("get", s.run.workflow, ctx.Err())))
		}
		return nil, append(diags, problem(diag.CodeRunActive, "Run %q of job \"%s/%s\" was stopped and has not ended within %s. Nothing was submitted: two runs of one job never overlap. "+
			"Apply again when it has ended, or raise \"stop_timeout\"; a pod that ignores SIGTERM ends after its grace period.", s.run.workflow.GetName(), namespace, name, job.DurationText(timeout)))
	}
}

// rescale brings the active run in line with the number of pods that the job
// allows. Lowering reaches the children first and raising the run first, so
// that the sum never exceeds the larger of both; a launcher may create a child
// meanwhile, so it looks again until nothing differs.
func (e *Engine) rescale(ctx context.Context, s *sight, maxParallel int) hcl.Diagnostics {
	run := s.run.workflow
	want, err := argo.ScaleFor(s.run.asWritten(), maxParallel)
	if err != nil {
		return hcl.Diagnostics{unreadable(run, err)}
	}
	have := argo.ScaleOf(run)
	toRun := func() error { return e.rescaleRun(ctx, run, want) }
	toChildren := func() error { return e.rescaleChildren(ctx, s, want) }
	steps := []func() error{toRun, toChildren}
	if want.Pods < have.Pods {
		steps = []func() error{toChildren, toRun, toChildren}
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return hcl.Diagnostics{failed(err)}
		}
	}
	return nil
}

func (e *Engine) rescaleRun(ctx context.Context, run manifest.Object, want argo.Scale) error {
	if argo.ScaleOf(run) == want {
		return nil
	}
	_, err := e.backend.Patch(ctx, cluster.Workflow, run.GetNamespace(), run.GetName(), want.RunPatch(run))
	if cluster.IsNotFound(err) {
		return nil
	}
	return err
}

func (e *Engine) rescaleChildren(ctx context.Context, s *sight, want argo.Scale) error {
	if want.Pods == 0 {
		return nil
	}
	for {
		all, err := e.backend.List(ctx, cluster.Workflow, s.rec.Namespace, childrenOf(s.rec.Name, s.run.entry.Number))
		if err != nil {
			return err
		}
		active := slices.DeleteFunc(all, func(o manifest.Object) bool { return workflowEnded(o) || !belongs(o, s.rec.Name, 0) })
		settled := true
		for _, child := range active {
			pods := want.ForChild(child, len(active))
			if argo.Parallelism(child) == pods && argo.Granted(child) == pods {
				continue
			}
			settled = false
			_, err := e.backend.Patch(ctx, cluster.Workflow, s.rec.Namespace, child.GetName(), argo.ChildPatch(pods))
			if err != nil && !cluster.IsNotFound(err) {
				return err
			}
		}
		if settled {
			return nil
		}
	}
}
