// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"
	"reflect"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

// headStart is how long a new template is there before the run that needs it.
// Argo hears of the two over separate watches, and ends a Workflow whose template
// it has not heard of yet. If that happens all the same nothing is lost: the next
// plan names the reason.
const headStart = 250 * time.Millisecond

// submit makes what a claimed run needs, the Workflow last, and goes on where
// an earlier attempt ended. It returns the Workflow.
//
// A claim may be lost while we are at it: a slow process could create the
// Workflow of a run that others have given up. So the record is read once more
// in the end, and a Workflow without a claim is taken back.
func (e *Engine) submit(ctx context.Context, rec *record.Record, c *Compiled) (manifest.Object, hcl.Diagnostics) {
	made, diags := e.ensureTemplate(ctx, rec.Name, c.template())
	if diags.HasErrors() {
		return nil, diags
	}
	if made {
		if err := e.pause(ctx, headStart); err != nil {
			return nil, append(diags, failed(canceledOn("create", c.template(), err)))
		}
	}
	for _, data := range c.data() {
		if problem := e.ensureData(ctx, rec.Name, data); problem != nil {
			return nil, append(diags, problem)
		}
	}
	number := rec.Latest().Number
	run, problem := e.ensureRun(ctx, rec.Name, number, c.run())
	if problem != nil {
		return nil, append(diags, problem)
	}
	current, more := e.load(ctx, rec.Namespace, rec.Name)
	if more.HasErrors() {
		// The run is submitted; whoever reads next finds it.
		return run, append(diags, asWarnings(more)...)
	}
	if current == nil || current.UID != rec.UID || current.Latest() == nil || current.Latest().Number != number {
		_ = e.backend.Delete(ctx, cluster.Workflow, run.GetNamespace(), run.GetName(), string(run.GetUID()))
		return nil, append(diags, stalePlan(rec, "run "+run.GetName(), "the business of another run, which was started meanwhile"))
	}
	return run, diags
}

func asWarnings(diags hcl.Diagnostics) hcl.Diagnostics {
	for _, d := range diags {
		d.Severity = hcl.DiagWarning
	}
	return diags
}

// ensureTemplate creates a template, or finds it: its name is the hash of its
// content. One that was edited by hand is put back. It tells whether it has made
// the template.
func (e *Engine) ensureTemplate(ctx context.Context, job string, o manifest.Object) (made bool, diags hcl.Diagnostics) {
	existing, err := e.createOrGet(ctx, o)
	switch {
	case err != nil:
		return false, hcl.Diagnostics{failed(err)}
	case existing == nil:
		return true, nil
	case !belongs(existing, job, 0):
		return false, hcl.Diagnostics{notOursObject(existing)}
	case len(templateDiffers(o, existing)) == 0:
		return false, nil
	}
	restored := o.DeepCopy()
	restored.SetResourceVersion(existing.GetResourceVersion())
	if _, err := e.backend.Update(ctx, restored); err != nil {
		return false, hcl.Diagnostics{failed(err)}
	}
	return false, hcl.Diagnostics{warning(diag.CodeHealed, "WorkflowTemplate \"%s/%s\" had been edited by hand, and has been put back to what its name stands for. To change the runner, change the job's declaration.",
		o.GetNamespace(), o.GetName())}
}

// ensureData creates a data ConfigMap. One that an interrupted attempt left is
// replaced where it differs; being immutable, it cannot be updated.
func (e *Engine) ensureData(ctx context.Context, job string, o manifest.Object) *hcl.Diagnostic {
	existing, err := e.createOrGet(ctx, o)
	switch {
	case err != nil:
		return failed(err)
	case existing == nil:
		return nil
	case !belongs(existing, job, 0):
		return notOursObject(existing)
	case reflect.DeepEqual(o.Object["data"], existing.Object["data"]):
		return nil
	}
	err = e.backend.Delete(ctx, cluster.ConfigMap, o.GetNamespace(), o.GetName(), string(existing.GetUID()))
	if err == nil || cluster.IsNotFound(err) {
		_, err = e.backend.Create(ctx, o)
	}
	if err != nil {
		return failed(err)
	}
	return nil
}

// ensureRun creates a run's Workflow; finding the very same one means that an
// earlier attempt came this far.
func (e *Engine) ensureRun(ctx context.Context, job string, number int, o manifest.Object) (manifest.Object, *hcl.Diagnostic) {
	existing, err := e.createOrGet(ctx, o)
	switch {
	case err != nil:
		return nil, failed(err)
	case existing == nil:
		return o, nil
	case !belongs(existing, job, number):
		return nil, notOursObject(existing)
	case existing.GetAnnotations()[argo.AnnotationSpecHash] != o.GetAnnotations()[argo.AnnotationSpecHash]:
		return nil, problem(diag.CodeNotOurs, "Workflow \"%s/%s\" exists and belongs to an earlier job of the name %q, whose record is gone; it is never overwritten. "+
			"If what it did does not matter any more, remove it with \"kubectl delete workflows -n %s -l %s\", and apply again.", o.GetNamespace(), o.GetName(), job, o.GetNamespace(), ofJob(job))
	}
	return existing, nil
}

// createOrGet creates an object, and returns nil, or returns the one that
// exists. One that is being deleted is waited for.
func (e *Engine) createOrGet(ctx context.Context, o manifest.Object) (existing manifest.Object, err error) {
	kind := cluster.Kind(o.GetKind())
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		made, err := e.backend.Create(ctx, o)
		if err == nil {
			o.SetUID(made.GetUID())
			return nil, nil
		}
		if !cluster.IsAlreadyExists(err) {
			return nil, err
		}
		existing, err = e.backend.Get(ctx, kind, o.GetNamespace(), o.GetName())
		if err == nil && existing.GetDeletionTimestamp() == nil {
			return existing, nil
		}
		if err != nil && !cluster.IsNotFound(err) {
			return nil, err
		}
		if err != nil {
			existing = o // gone, and made again by somebody else
		}
		if wait > longestPoll {
			return nil, &lingering{existing}
		}
		if err := e.pause(ctx, wait); err != nil {
			return nil, canceledOn("create", o, err)
		}
	}
}

// lingering is the error of an object that is being deleted and does not go away.
type lingering struct{ manifest.Object }

func (l *lingering) Error() string {
	return listed(l.Object) + " is being deleted and does not go away"
}

// covers tells whether every field that we wrote is in the live object as
// written. Fields that the API server or a controller added do not count.
func covers(want, live any) bool {
	switch want := want.(type) {
	case map[string]any:
		live, ok := live.(map[string]any)
		if !ok {
			return false
		}
		for name, v := range want {
			if !covers(v, live[name]) {
				return false
			}
		}
		return true
	case []any:
		live, ok := live.([]any)
		if !ok || len(live) != len(want) {
			return false
		}
		for i := range want {
			if !covers(want[i], live[i]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(want, live)
}
