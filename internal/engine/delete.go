// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

// Bounds of a deletion's waits.
const (
	graceTimeout  = time.Minute
	deleteTimeout = 5 * time.Minute
)

// owned kinds, in the order in which they are removed: what runs goes first.
var ownedKinds = []cluster.Kind{cluster.Workflow, cluster.ConfigMap, cluster.WorkflowTemplate}

// Delete stops and removes everything a job made in the cluster. Without an
// owner token (after an import) it takes the job as it is. The record
// goes last: until then the deletion can be resumed, and nobody else can take
// the name.
func (e *Engine) Delete(ctx context.Context, namespace, name, owner string) hcl.Diagnostics {
	e.dropShelves()
	s, diags := e.look(ctx, namespace, name)
	if caused(diags, func(err error) bool { return err != nil }) {
		return diags
	}
	if s == nil && diags.HasErrors() {
		// A run that cannot be read can be removed all the same, if the record
		// can be read.
		rec, more := e.load(ctx, namespace, name)
		if rec == nil {
			return append(diags, more...)
		}
		s, diags = &sight{rec: rec}, nil
	}
	if s != nil {
		if s.rec.Owner != "" && owner != "" && s.rec.Owner != owner {
			return hcl.Diagnostics{heldElsewhere(s.rec)}
		}
		if s.active() {
			if diags := e.bringDown(ctx, s); diags.HasErrors() {
				return diags
			}
		}
	}
	held, diags := e.removeOwned(ctx, namespace, name)
	if diags.HasErrors() || s == nil {
		return diags
	}
	err := e.backend.Delete(ctx, cluster.ConfigMap, namespace, record.Name(name), s.rec.UID)
	if err != nil && !cluster.IsNotFound(err) {
		return hcl.Diagnostics{failed(err)}
	}
	if !held {
		return nil
	}
	return e.removeUntilGone(ctx, namespace, name, func() ([]manifest.Object, error) {
		o, err := e.backend.Get(ctx, cluster.ConfigMap, namespace, record.Name(name))
		if cluster.IsNotFound(err) {
			return nil, nil
		}
		return []manifest.Object{o}, err
	})
}

// bringDown stops the active run and gives its pods time to end by themselves;
// after that, deleting the Workflows ends them.
func (e *Engine) bringDown(ctx context.Context, s *sight) hcl.Diagnostics {
	if err := e.shutdown(ctx, s.rec, s.run.entry.Number); err != nil {
		return hcl.Diagnostics{failed(err)}
	}
	_, diags := e.awaitEnd(ctx, s.rec.Namespace, s.rec.Name, graceTimeout)
	if diags.HasErrors() && diag.CodeOf(diags[len(diags)-1]) != diag.CodeRunActive {
		return diags
	}
	return nil
}

// removeOwned deletes every object that carries the job's label, but the
// record, until none is left, and tells whether finalizers hold the record. A
// launcher may create a child meanwhile, so it looks again.
func (e *Engine) removeOwned(ctx context.Context, namespace, job string) (held bool, diags hcl.Diagnostics) {
	diags = e.removeUntilGone(ctx, namespace, job, func() ([]manifest.Object, error) {
		var left []manifest.Object
		for _, kind := range ownedKinds {
			found, err := e.removeKind(ctx, kind, namespace, job)
			if err != nil {
				return nil, err
			}
			for _, o := range found {
				if kind == cluster.ConfigMap && o.GetName() == record.Name(job) {
					held = len(o.GetFinalizers()) > 0
					continue
				}
				left = append(left, o)
			}
		}
		return left, nil
	})
	return held, diags
}

// removeUntilGone repeats a step of a deletion until nothing is left of what it
// concerns. When time is over, it names what is.
func (e *Engine) removeUntilGone(ctx context.Context, namespace, job string, remove func() ([]manifest.Object, error)) hcl.Diagnostics {
	var before []manifest.Object
	waited := time.Duration(0)
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		left, err := remove()
		switch {
		case err != nil && ctx.Err() != nil && len(before) > 0:
			return hcl.Diagnostics{leftBehind(namespace, job, before)}
		case err != nil:
			return hcl.Diagnostics{failed(err)}
		case len(left) == 0:
			return nil
		}
		if waited += wait; waited > deleteTimeout || e.pause(ctx, wait) != nil {
			return hcl.Diagnostics{leftBehind(namespace, job, left)}
		}
		before = left
	}
}

// removeKind deletes the objects of one kind, but the record, and returns those
// that it found: whether they are gone shows at the next look.
func (e *Engine) removeKind(ctx context.Context, kind cluster.Kind, namespace, job string) ([]manifest.Object, error) {
	all, err := e.backend.List(ctx, kind, namespace, ofJob(job))
	if cluster.ReasonOf(err) == cluster.NoSuchKind {
		return nil, nil // Argo was removed, and its objects with it
	}
	if err != nil {
		return nil, err
	}
	var left []manifest.Object
	for _, o := range all {
		left = append(left, o)
		if o.GetDeletionTimestamp() != nil || kind == cluster.ConfigMap && o.GetName() == record.Name(job) {
			continue
		}
		err := e.backend.Delete(ctx, kind, namespace, o.GetName(), string(o.GetUID()))
		if err != nil && !cluster.IsNotFound(err) && !cluster.IsConflict(err) {
			return nil, err
		}
	}
	return left, nil
}

func leftBehind(namespace, job string, left []manifest.Object) *hcl.Diagnostic {
	var lines []string
	for _, o := range left[:min(len(left), 20)] {
		lines = append(lines, "  "+listed(o))
	}
	if len(left) > 20 {
		lines = append(lines, fmt.Sprintf("  and %d more", len(left)-20))
	}
	return problem(diag.CodeLeftBehind, "Job \"%s/%s\" was stopped, but some of its objects are still there:\n\n%s\n\n"+
		"The job's record is still there, so that destroying it again goes on here. See what holds the objects, for example whether the Argo controller runs.", namespace, job, strings.Join(lines, "\n"))
}

// listed is an object, and what keeps it from being deleted.
func listed(o manifest.Object) string {
	text := o.GetKind() + " " + o.GetName()
	if held := o.GetFinalizers(); len(held) > 0 {
		text += ", held by the finalizers " + strings.Join(held, ", ")
	}
	return text
}

// Release leaves a job as it is in the cluster, and lets whoever imports it
// next own it.
func (e *Engine) Release(ctx context.Context, namespace, name, owner string) hcl.Diagnostics {
	e.dropShelves()
	rec, diags := e.load(ctx, namespace, name)
	if rec == nil {
		return diags
	}
	_, diags = e.swap(ctx, rec, func(rec *record.Record) (bool, *hcl.Diagnostic) {
		if rec.Owner != "" && owner != "" && rec.Owner != owner {
			return false, heldElsewhere(rec)
		}
		changed := rec.Owner != ""
		rec.Owner = ""
		return changed, nil
	})
	return diags
}
