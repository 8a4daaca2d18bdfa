// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package apply

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/decide"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// headStart is how long a new template is there before the run that needs it.
// Argo hears of the two over separate watches, and ends a Workflow whose template
// it has not heard of yet. If that happens all the same nothing is lost: the next
// plan names the reason.
// See internal/decisions/0030-a-template-has-a-head-start.md.
const headStart = 250 * time.Millisecond

// lingerTimeout bounds the wait for an object of an earlier job of the name that
// is being deleted.
const lingerTimeout = 7 * time.Second

// Submit makes what a claimed run needs, the Workflow last, and goes on where an
// earlier attempt ended. It returns the Workflow.
//
// A claim may be lost while we are at it: a slow process could create the
// Workflow of a run that others have given up. So the record is read once more in
// the end, and a Workflow without a claim is removed again.
func (a *Applier) Submit(ctx context.Context, s *state.State, c *compile.Compiled) (manifest.Object, hcl.Diagnostics) {
	made, diags := a.ensureTemplate(ctx, s.Name, c.Template)
	if diags.HasErrors() {
		return nil, diags
	}
	if made {
		if err := a.Pause(ctx, headStart); err != nil {
			return nil, append(diags, failed(canceled("create", c.Template, err)))
		}
	}
	for _, data := range c.Data {
		if problem := a.ensureData(ctx, s.Name, data); problem != nil {
			return nil, append(diags, problem)
		}
	}
	number := s.Latest().Number
	run, problem := a.ensureRun(ctx, s.Name, number, c.Run)
	if problem != nil {
		return nil, append(diags, problem)
	}
	if problem := a.keepPlace(ctx, c, run); problem != nil {
		err := a.backend.Delete(ctx, cluster.Workflow, run.GetNamespace(), run.GetName(), string(run.GetUID()))
		if ignoreGone(err) != nil {
			diags = append(diags, failed(err))
		}
		return nil, append(diags, problem)
	}
	current, more := a.read.Load(ctx, s.Namespace, s.Name)
	if more.HasErrors() {
		// The run is submitted; whoever reads next finds it.
		for _, d := range more {
			d.Severity = hcl.DiagWarning
		}
		return run, append(diags, more...)
	}
	if current == nil || current.UID != s.UID || current.Latest() == nil || current.Latest().Number != number {
		_ = a.backend.Delete(ctx, cluster.Workflow, run.GetNamespace(), run.GetName(), string(run.GetUID()))
		return nil, append(diags, decide.StalePlan(s.Namespace, s.Name, "run "+run.GetName(),
			"the business of another run, which was started meanwhile"))
	}
	return run, diags
}

// ensureTemplate creates a template, or finds it: its name is the hash of its
// content. One that was edited by hand is put back. It tells whether it has made
// the template.
func (a *Applier) ensureTemplate(
	ctx context.Context, job string, o manifest.Object,
) (made bool, diags hcl.Diagnostics) {
	existing, err := a.createOrGet(ctx, o)
	switch {
	case err != nil:
		return false, hcl.Diagnostics{failed(err)}
	case existing == nil:
		return true, nil
	case !argo.Belongs(existing, job, 0):
		return false, hcl.Diagnostics{observe.NotOurs(existing)}
	case len(observe.TemplateDrift(o, existing)) == 0:
		return false, nil
	}
	restored := o.DeepCopy()
	restored.SetResourceVersion(existing.GetResourceVersion())
	if _, err := a.backend.Update(ctx, restored); err != nil {
		return false, hcl.Diagnostics{failed(err)}
	}
	return false, hcl.Diagnostics{observe.Warning(diag.CodeHealed, "WorkflowTemplate \"%s/%s\" had been edited by "+
		"hand, and has been put "+
		"back to what its name stands for. To change the runner, change the job's "+
		"declaration.", o.GetNamespace(), o.GetName())}
}

// ensureData creates a data ConfigMap. One that an interrupted attempt left is
// replaced where it differs; being immutable, it cannot be updated.
func (a *Applier) ensureData(ctx context.Context, job string, o manifest.Object) *hcl.Diagnostic {
	existing, err := a.createOrGet(ctx, o)
	switch {
	case err != nil:
		return failed(err)
	case existing == nil:
		return nil
	case !argo.Belongs(existing, job, 0):
		return observe.NotOurs(existing)
	case reflect.DeepEqual(o.Object["data"], existing.Object["data"]):
		return nil
	}
	err = a.backend.Delete(ctx, cluster.ConfigMap, o.GetNamespace(), o.GetName(), string(existing.GetUID()))
	if ignoreGone(err) == nil {
		_, err = a.backend.Create(ctx, o)
	}
	if err != nil {
		return failed(err)
	}
	return nil
}

// ensureRun creates a run's Workflow; finding the very same one means that an
// earlier attempt came this far.
func (a *Applier) ensureRun(
	ctx context.Context, job string, number int, o manifest.Object,
) (manifest.Object, *hcl.Diagnostic) {
	existing, err := a.createOrGet(ctx, o)
	switch {
	case err != nil:
		return nil, failed(err)
	case existing == nil:
		return o, nil
	case !argo.Belongs(existing, job, number):
		return nil, observe.NotOurs(existing)
	case argo.SpecHash(existing) != argo.SpecHash(o):
		return nil, observe.Problem(diag.CodeNotOurs, "Workflow \"%s/%s\" exists and belongs to an earlier job of the "+
			"name %q, whose record "+
			"is gone; it is never overwritten. If what it did does not matter any more, remove it with \"kubectl delete "+
			"workflows -n %s "+
			"-l %s\", and apply again.", o.GetNamespace(), o.GetName(), job, o.GetNamespace(), argo.OfJob(job))
	}
	return existing, nil
}

// createOrGet creates an object, and returns nil, or returns the one that exists.
// One that is being deleted is waited for.
func (a *Applier) createOrGet(ctx context.Context, o manifest.Object) (existing manifest.Object, err error) {
	kind := cluster.Kind(o.GetKind())
	for w := a.wait(lingerTimeout); ; {
		made, err := a.backend.Create(ctx, o)
		if err == nil {
			o.SetUID(made.GetUID())
			return nil, nil
		}
		if !cluster.IsAlreadyExists(err) {
			return nil, err
		}
		existing, err = a.backend.Get(ctx, kind, o.GetNamespace(), o.GetName())
		if err == nil && existing.GetDeletionTimestamp() == nil {
			return existing, nil
		}
		if ignoreGone(err) != nil {
			return nil, err
		}
		if err != nil {
			existing = o // gone, and made again by somebody else
		}
		switch more, err := w.next(ctx); {
		case err != nil:
			return nil, canceled("create", o, err)
		case !more:
			return nil, &lingering{existing}
		}
	}
}

// failed words an error of the cluster.
func failed(err error) *hcl.Diagnostic {
	var stays *lingering
	if !errors.As(err, &stays) {
		return observe.Failed(err)
	}
	return observe.Problem(diag.CodeLeftBehind, "An object of an earlier job of the name is being deleted, and is "+
		"still there:\n\n  %s\n\n"+
		"No run was submitted. See what holds the object in namespace %q, for example whether the Argo controller runs, "+
		"and apply again.",
		named(stays.Object), stays.GetNamespace())
}

// RevertCreation removes what a failed creation has made, so that the next one
// starts from nothing. It does so only when it is certain that no run was
// submitted; otherwise the next creation continues it.
func (a *Applier) RevertCreation(ctx context.Context, s *state.State, c *compile.Compiled, diags hcl.Diagnostics) {
	if Caused(diags, Uncertain) {
		return
	}
	current, problems := a.read.Load(ctx, s.Namespace, s.Name)
	if problems.HasErrors() || current == nil || current.UID != s.UID || current.ResourceVersion != s.ResourceVersion {
		return // somebody else has gone on with the job
	}
	found, err := a.backend.Get(ctx, cluster.Workflow, s.Namespace, c.Run.GetName())
	noneThere := cluster.IsNotFound(err) || cluster.ReasonOf(err) == cluster.NoSuchKind
	if err != nil && !noneThere || err == nil && argo.Belongs(found, s.Name, s.Latest().Number) {
		return
	}
	for _, o := range append(c.Data, c.Template) {
		if uid := string(o.GetUID()); uid != "" { // made by us, just now
			if a.backend.Delete(ctx, cluster.Kind(o.GetKind()), o.GetNamespace(), o.GetName(), uid) != nil {
				return
			}
		}
	}
	_ = a.DeleteRecord(ctx, s)
}

// Caused tells whether an error among the problems has a cause of some kind.
func Caused(diags hcl.Diagnostics, is func(error) bool) bool {
	for _, d := range diags {
		if d.Severity == hcl.DiagError && is(diag.CauseOf(d)) {
			return true
		}
	}
	return false
}

// Prune removes templates that have left the history. What fails is tried again by
// the next update.
func (a *Applier) Prune(ctx context.Context, s *state.State, template string) {
	if s.NextRun <= state.MaxRuns {
		return // nothing can have left it yet
	}
	used := map[string]bool{template: true}
	for _, run := range s.Runs {
		used[run.Template] = true
	}
	all, err := a.backend.List(ctx, cluster.WorkflowTemplate, s.Namespace, argo.OfJob(s.Name))
	if err != nil {
		return
	}
	for _, o := range all {
		if !used[o.GetName()] {
			_ = a.backend.Delete(ctx, cluster.WorkflowTemplate, s.Namespace, o.GetName(), string(o.GetUID()))
		}
	}
}

// Quiet makes sure that nothing of the job runs any more: neither a run that the
// record does not know, nor a child that outlived its run.
func (a *Applier) Quiet(ctx context.Context, s *state.State) *hcl.Diagnostic {
	all, err := a.backend.List(ctx, cluster.Workflow, s.Namespace, argo.UnfinishedOf(s.Name))
	if err != nil {
		return failed(err)
	}
	for _, o := range all {
		if !argo.Ended(o) {
			return observe.Problem(diag.CodeRunActive, "Workflow \"%s/%s\" of the job is still active although it should not "+
				"be: its run is "+
				"over, or not in the record. Nothing was submitted. Stop it, for example with \"argo stop %s\", wait for its "+
				"end, and "+
				"apply again.", s.Namespace, o.GetName(), o.GetName())
		}
	}
	return nil
}
