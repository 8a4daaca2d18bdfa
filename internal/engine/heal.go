// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// heal brings the objects of the active run in line with the declaration.
func (u *update) heal(ctx context.Context) hcl.Diagnostics {
	if u.Policy.Paused != nil {
		if err := u.halt(ctx, u.job, u.seen.rec, u.seen.run.entry.Number, *u.Policy.Paused); err != nil {
			return hcl.Diagnostics{failed(err)}
		}
	}
	if diags := u.wake(ctx); diags.HasErrors() {
		return diags
	}
	if diags := u.rescale(ctx, u.seen, u.job.MaxParallel); diags.HasErrors() || !u.lookAgain(ctx) || !u.seen.active() {
		return diags
	}
	return u.putBack(ctx, u.seen)
}

// wake resumes shards that were suspended by themselves.
func (u *update) wake(ctx context.Context) hcl.Diagnostics {
	for _, child := range u.seen.run.children {
		if !suspended(child) || suspended(u.seen.run.workflow) || workflowEnded(child) {
			continue
		}
		if _, err := u.backend.Patch(ctx, cluster.Workflow, child.GetNamespace(), child.GetName(), []byte(resumePatch)); err != nil && !cluster.IsNotFound(err) {
			return hcl.Diagnostics{failed(err)}
		}
	}
	return nil
}

// putBack undoes edits by hand of what the active run depends on.
func (e *Engine) putBack(ctx context.Context, s *sight) hcl.Diagnostics {
	u, err := e.upkeep(ctx, s)
	if err != nil {
		return hcl.Diagnostics{failed(err)}
	}
	if len(u.driftOfRun()) > 0 {
		patch, err := u.runPatch()
		if err != nil {
			return hcl.Diagnostics{internal("writing a patch", err)}
		}
		if _, err := e.backend.Patch(ctx, cluster.Workflow, s.rec.Namespace, s.run.workflow.GetName(), patch); err != nil && !cluster.IsNotFound(err) {
			return hcl.Diagnostics{failed(err)}
		}
	}
	for _, want := range s.run.writtenData {
		if len(u.driftOfData(want)) == 0 {
			continue
		}
		if err := e.remark(ctx, want, named(u.liveData, want.GetName())); err != nil {
			return hcl.Diagnostics{failed(err)}
		}
		if problem := e.ensureData(ctx, s.rec.Name, want); problem != nil {
			return hcl.Diagnostics{problem}
		}
	}
	if u.template == nil {
		return nil
	}
	if err := e.remark(ctx, u.template, u.liveTemplate); err != nil {
		return hcl.Diagnostics{failed(err)}
	}
	_, diags := e.ensureTemplate(ctx, s.rec.Name, u.template)
	return diags
}

// remark puts back the labels and annotations by which an object that a run
// needs is known again.
func (e *Engine) remark(ctx context.Context, want, live manifest.Object) error {
	if live == nil {
		return nil
	}
	d := differing(live)
	if d.compareMarks(want, live); len(d.found) == 0 {
		return nil
	}
	next := live.DeepCopy()
	next.SetLabels(remarked(live.GetLabels(), want.GetLabels()))
	next.SetAnnotations(remarked(live.GetAnnotations(), want.GetAnnotations()))
	_, err := e.backend.Update(ctx, next)
	return err
}

func remarked(live, want map[string]string) map[string]string {
	out := maps.Clone(live)
	for name := range marks(want) {
		if out == nil {
			out = map[string]string{}
		}
		out[name] = want[name]
	}
	return out
}

// runPatch is the merge patch that gives the run back what was written. What
// others have added to its lists stays.
func (u *upkeep) runPatch() ([]byte, error) {
	live := u.run.workflow
	want := u.wanted()
	wanted, _ := want.Object["spec"].(map[string]any)
	present, _ := live.Object["spec"].(map[string]any)
	spec := map[string]any{}
	for name, value := range wanted {
		if !covers(value, present[name]) {
			spec[name] = completed(value, present[name])
		}
	}
	return json.Marshal(map[string]any{
		"spec": spec, "metadata": map[string]any{"labels": marks(want.GetLabels()), "annotations": marks(want.GetAnnotations())},
	})
}

// completed is want with what live has besides.
func completed(want, live any) any {
	switch want := want.(type) {
	case map[string]any:
		before, _ := live.(map[string]any)
		out := maps.Clone(want)
		for name, value := range out {
			out[name] = completed(value, before[name])
		}
		return out
	case []any:
		out := slices.Clone(want)
		before, _ := live.([]any)
		if mine := byName(want); mine != nil {
			for _, extra := range before {
				if name := nameOf(extra); name != "" && mine[name] == nil {
					out = append(out, extra)
				}
			}
		}
		return out
	}
	return want
}
