// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package apply

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
)

// Repair undoes edits by hand of what the run under way depends on.
func (a *Applier) Repair(ctx context.Context, s *observe.Snapshot) hcl.Diagnostics {
	if err := a.resumeChildren(ctx, s); err != nil {
		return hcl.Diagnostics{failed(err)}
	}
	d, err := a.read.Dependencies(ctx, s)
	if err != nil {
		return hcl.Diagnostics{failed(err)}
	}
	if len(d.RunDrift()) > 0 {
		patch, err := runPatch(d.Wanted(), s.Run.Workflow)
		if err != nil {
			return hcl.Diagnostics{internal("writing a patch", err)}
		}
		_, err = a.backend.Patch(ctx, cluster.Workflow, s.State.Namespace, s.Run.Workflow.GetName(), patch)
		if ignoreGone(err) != nil {
			return hcl.Diagnostics{failed(err)}
		}
	}
	for _, want := range s.Run.WrittenData {
		if len(d.DataDrift(want)) == 0 {
			continue
		}
		if err := a.restoreMarks(ctx, want, d.LiveData(want.GetName())); err != nil {
			return hcl.Diagnostics{failed(err)}
		}
		if problem := a.ensureData(ctx, s.State.Name, want); problem != nil {
			return hcl.Diagnostics{problem}
		}
	}
	if d.Template == nil {
		return nil
	}
	if err := a.restoreMarks(ctx, d.Template, d.LiveTemplate); err != nil {
		return hcl.Diagnostics{failed(err)}
	}
	_, diags := a.ensureTemplate(ctx, s.State.Name, d.Template)
	return diags
}

// resumeChildren resumes shards that were suspended by themselves.
func (a *Applier) resumeChildren(ctx context.Context, s *observe.Snapshot) error {
	for _, child := range s.Run.Children {
		if !argo.Suspended(child) || argo.Suspended(s.Run.Workflow) || argo.Ended(child) {
			continue
		}
		_, err := a.backend.Patch(ctx, cluster.Workflow, child.GetNamespace(), child.GetName(), argo.ResumePatch())
		if ignoreGone(err) != nil {
			return err
		}
	}
	return nil
}

// restoreMarks puts back the labels and annotations by which an object that a run
// needs is known again.
func (a *Applier) restoreMarks(ctx context.Context, want, live manifest.Object) error {
	if live == nil || !observe.MarksDrift(want, live) {
		return nil
	}
	next := live.DeepCopy()
	next.SetLabels(withMarks(live.GetLabels(), want.GetLabels()))
	next.SetAnnotations(withMarks(live.GetAnnotations(), want.GetAnnotations()))
	_, err := a.backend.Update(ctx, next)
	return err
}

func withMarks(live, want map[string]string) map[string]string {
	out := map[string]string{}
	for name, value := range live {
		out[name] = value
	}
	for name := range observe.Marks(want) {
		out[name] = want[name]
	}
	return out
}

// runPatch is the merge patch that gives the run back what was written. What
// others have added to its lists stays.
func runPatch(want, live manifest.Object) ([]byte, error) {
	wanted, _ := want.Object["spec"].(map[string]any)
	present, _ := live.Object["spec"].(map[string]any)
	spec := map[string]any{}
	for name, value := range wanted {
		if !manifest.Covers(value, present[name]) {
			spec[name] = manifest.Completed(value, present[name])
		}
	}
	return json.Marshal(map[string]any{
		"spec": spec,
		"metadata": map[string]any{
			"labels":      observe.Marks(want.GetLabels()),
			"annotations": observe.Marks(want.GetAnnotations()),
		},
	})
}
