// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package apply

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// Bounds of a removal's waits: for pods to end by themselves, and for objects to go.
const (
	graceTimeout  = time.Minute
	killTime      = 10 * time.Second
	removeTimeout = 5 * time.Minute
)

// ownedKinds are in the order in which they are removed: what runs goes first.
var ownedKinds = []cluster.Kind{cluster.Workflow, cluster.ConfigMap, cluster.WorkflowTemplate}

// BringDown stops the run under way and gives its pods time to end by themselves. It
// is nil when they have not used it: deleting the Workflows ends them.
func (a *Applier) BringDown(ctx context.Context, s *observe.Snapshot) (*observe.Snapshot, hcl.Diagnostics) {
	next, diags := a.StopAndWait(ctx, s, max(graceTimeout, observe.Grace(s.State)+2*killTime))
	if !diags.HasErrors() {
		return next, nil
	}
	switch diag.CodeOf(diags[len(diags)-1]) {
	case diag.CodeRunActive, diag.CodePodsLive:
		return nil, nil
	}
	return nil, diags
}

// Remove deletes everything that carries the job's label. The record, which may be
// nil, goes last: until then the removal can be resumed, and nobody else can take
// the name. So it waits for pods that may live, which end with their Workflows: the
// next job of the name, or of the target, must not run beside them.
func (a *Applier) Remove(
	ctx context.Context, namespace, name string, s *state.State, mayLive bool,
) hcl.Diagnostics {
	held := false // by finalizers
	diags := a.untilGone(ctx, namespace, name, func() ([]manifest.Object, error) {
		var left []manifest.Object
		for _, kind := range ownedKinds {
			found, err := a.removeKind(ctx, kind, namespace, name)
			if err != nil {
				return nil, err
			}
			for _, o := range found {
				if isRecord(o, name) {
					held = len(o.GetFinalizers()) > 0
					continue
				}
				left = append(left, o)
			}
		}
		return left, nil
	})
	if diags.HasErrors() || s == nil {
		return diags
	}
	if mayLive {
		if diags = a.podsGone(ctx, s); diags.HasErrors() {
			return diags
		}
	}
	if err := a.DeleteRecord(ctx, s); ignoreGone(err) != nil {
		return append(diags, failed(err))
	}
	if !held {
		return diags
	}
	return append(diags, a.untilGone(ctx, namespace, name, func() ([]manifest.Object, error) {
		o, err := a.backend.Get(ctx, cluster.ConfigMap, namespace, state.RecordName(name))
		if cluster.IsNotFound(err) {
			return nil, nil
		}
		return []manifest.Object{o}, err
	})...)
}

// podsGone waits for the pods of Workflows that are gone.
func (a *Applier) podsGone(ctx context.Context, s *state.State) hcl.Diagnostics {
	unlisted := false
	diags := a.untilGone(ctx, s.Namespace, s.Name, func() ([]manifest.Object, error) {
		living, err := a.read.Living(ctx, s.Namespace, s.Name)
		if unlisted = cluster.ReasonOf(err) == cluster.Forbidden; unlisted {
			return nil, nil
		}
		return living, err
	})
	switch {
	case unlisted:
		return a.waitOut(ctx, s)
	case diags.HasErrors():
		return diags
	}
	return a.ended(ctx, s)
}

func isRecord(o manifest.Object, job string) bool {
	return o.GetKind() == string(cluster.ConfigMap) && o.GetName() == state.RecordName(job)
}

// untilGone repeats a step of a removal until nothing is left of what it concerns:
// a launcher may create a child meanwhile. When time is over, it names what is.
func (a *Applier) untilGone(
	ctx context.Context, namespace, job string, remove func() ([]manifest.Object, error),
) hcl.Diagnostics {
	var before []manifest.Object
	for w := a.wait(removeTimeout); ; {
		left, err := remove()
		switch {
		case err != nil && ctx.Err() != nil && len(before) > 0:
			return hcl.Diagnostics{leftBehind(namespace, job, before)}
		case err != nil:
			return hcl.Diagnostics{failed(err)}
		case len(left) == 0:
			return nil
		}
		if more, err := w.next(ctx); err != nil || !more {
			return hcl.Diagnostics{leftBehind(namespace, job, left)}
		}
		before = left
	}
}

// removeKind deletes the objects of one kind, but the record, and returns those
// that it found: whether they are gone shows at the next list.
func (a *Applier) removeKind(ctx context.Context, kind cluster.Kind, namespace, job string) ([]manifest.Object, error) {
	all, err := a.backend.List(ctx, kind, namespace, argo.OfJob(job))
	if cluster.ReasonOf(err) == cluster.NoSuchKind {
		return nil, nil // Argo was removed, and its objects with it
	}
	if err != nil {
		return nil, err
	}
	for _, o := range all {
		if o.GetDeletionTimestamp() != nil || isRecord(o, job) {
			continue
		}
		err := a.backend.Delete(ctx, kind, namespace, o.GetName(), string(o.GetUID()))
		if ignoreGone(err) != nil && !cluster.IsConflict(err) {
			return nil, err
		}
	}
	return all, nil
}

func leftBehind(namespace, job string, left []manifest.Object) *hcl.Diagnostic {
	var lines []string
	for _, o := range left[:min(len(left), 20)] {
		lines = append(lines, "  "+named(o))
	}
	if len(left) > 20 {
		lines = append(lines, fmt.Sprintf("  and %d more", len(left)-20))
	}
	return observe.Problem(diag.CodeLeftBehind, "Job \"%s/%s\" was stopped, but some of its objects are still "+
		"there:\n\n%s\n\nThe job's "+
		"record is still there too, so destroying it again goes on here. See what holds the objects, for example whether "+
		"the Argo "+
		"controller runs.", namespace, job, strings.Join(lines, "\n"))
}

// named is an object, and what keeps it from being deleted.
func named(o manifest.Object) string {
	text := o.GetKind() + " " + o.GetName()
	if held := o.GetFinalizers(); len(held) > 0 {
		text += ", held by the finalizers " + strings.Join(held, ", ")
	}
	return text
}

// Release leaves a job as it is in the cluster, and lets whoever imports it next
// own it.
func (a *Applier) Release(ctx context.Context, s *state.State, owner string) hcl.Diagnostics {
	_, diags := a.Swap(ctx, s, func(rec *state.State) (bool, *hcl.Diagnostic) {
		if problem := Owned(rec, owner); problem != nil {
			return false, problem
		}
		changed := rec.Owner != ""
		rec.Owner = ""
		return changed, nil
	})
	return diags
}
