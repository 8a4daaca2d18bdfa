// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package observe

import (
	"context"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/lower"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// Dependencies is what the run under way depends on: as written, and as it is.
type Dependencies struct {
	Run *Run
	// Template is nil when the runner has changed since: the run ends with the old
	// one, which nobody can write any more.
	Template, LiveTemplate manifest.Object
	liveData               []manifest.Object
	state                  *state.State
}

// Dependencies reads what the run under way depends on.
func (r *Reader) Dependencies(ctx context.Context, s *Snapshot) (*Dependencies, error) {
	d := &Dependencies{Run: s.Run, state: s.State, liveData: s.Run.data}
	template, err := lower.Template(s.State.Job())
	if err != nil {
		return nil, err
	}
	namespace := s.State.Namespace
	if template.GetName() == s.Run.Entry.Template {
		d.Template = template
		d.LiveTemplate, err = r.backend.Get(ctx, cluster.WorkflowTemplate, namespace, template.GetName())
		if err != nil && !cluster.IsNotFound(err) {
			return nil, err
		}
	}
	if len(s.Run.WrittenData) > 0 && len(d.liveData) == 0 {
		d.liveData, err = r.backend.List(ctx, cluster.ConfigMap, namespace, argo.OfRun(s.State.Name, s.Run.Entry.Number))
		if err != nil {
			return nil, err
		}
	}
	for _, want := range s.Run.WrittenData {
		if d.LiveData(want.GetName()) != nil {
			continue
		}
		// Deleted, or without the labels by which it is listed.
		switch o, err := r.backend.Get(ctx, cluster.ConfigMap, namespace, want.GetName()); {
		case err == nil:
			d.liveData = append(d.liveData, o)
		case !cluster.IsNotFound(err):
			return nil, err
		}
	}
	return d, nil
}

// LiveData is a data ConfigMap of the run as it is; nil when it is gone.
func (d *Dependencies) LiveData(name string) manifest.Object {
	for _, o := range d.liveData {
		if o.GetName() == name {
			return o
		}
	}
	return nil
}

// drift compares the objects that the run under way depends on with what was
// written: only the fields that we wrote, because the API server fills in others,
// and the Argo controller adds to a Workflow's spec. Without a run under way
// nothing depends on them: a template is restored when it is next needed.
func (r *Reader) drift(ctx context.Context, s *Snapshot) ([]string, error) {
	if !s.Active() {
		return nil, nil
	}
	d, err := r.Dependencies(ctx, s)
	if err != nil {
		return nil, err
	}
	found := append(d.pause(), d.scale()...)
	found = append(found, d.RunDrift()...)
	found = append(found, d.children()...)
	found = append(found, d.template()...)
	for _, want := range s.Run.WrittenData {
		found = append(found, d.DataDrift(want)...)
	}
	return found, nil
}

func (d *Dependencies) pause() []string {
	run := d.Run.Workflow
	want := d.state.Policy.Paused
	if want == nil || *want == argo.Suspended(run) || argo.ShutDown(run) {
		return nil
	}
	if d.state.Job().Pool != "" && *want {
		return []string{fmt.Sprintf("Workflow %s is active although the job is paused, and holds places of its "+
			"pool.", run.GetName())}
	}
	c := differing(run)
	c.compare("spec.suspend", *want, !*want)
	return c.found
}

// children finds shards that somebody has given another number of pods, or
// suspended by themselves.
func (d *Dependencies) children() []string {
	var found []string
	for _, child := range d.Run.Children {
		if argo.Ended(child) || argo.ShutDown(child) {
			continue
		}
		c := differing(child)
		c.walk([]string{"spec", "parallelism"}, argo.Granted(child), argo.Parallelism(child))
		if argo.Suspended(child) && !argo.Suspended(d.Run.Workflow) {
			c.walk([]string{"spec", "suspend"}, false, true)
		}
		found = append(found, c.found...)
	}
	return found
}

// scale compares how many pods the run may have at once, where that is all that
// can be told of it.
func (d *Dependencies) scale() []string {
	if d.Run.Written != nil {
		return nil
	}
	want, err := argo.ScaleFor(d.Run.Workflow, d.state.Job().MaxParallel)
	have := argo.ScaleOf(d.Run.Workflow)
	if err != nil || want == have {
		return nil
	}
	c := differing(d.Run.Workflow)
	c.compare("spec.parallelism", want.Run, have.Run)
	c.compare("spec.arguments.parallelism", want.Pods, have.Pods)
	return c.found
}

// RunDrift compares the run's Workflow with what was written, at the scale that
// the job has now.
func (d *Dependencies) RunDrift() []string {
	want := d.Wanted()
	if want == nil || argo.Leaving(d.Run.Workflow) {
		return nil
	}
	c := differing(d.Run.Workflow)
	c.compareMarks(want, d.Run.Workflow)
	c.compare("spec", want.Object["spec"], d.Run.Workflow.Object["spec"])
	return c.found
}

// Wanted is the run's Workflow as it should be now; nil when that cannot be told.
// Whether it is paused is looked at by itself.
func (d *Dependencies) Wanted() manifest.Object {
	if d.Run.Written == nil {
		return nil
	}
	scale, err := argo.ScaleFor(d.Run.Written, d.state.Job().MaxParallel)
	if err != nil {
		return nil
	}
	return argo.WithoutSuspend(argo.AtScale(d.Run.Written, scale))
}

// template also finds what was added: nothing but the API server's own defaults
// adds to a template.
func (d *Dependencies) template() []string {
	switch {
	case d.Template == nil:
		return nil
	case d.LiveTemplate == nil:
		return []string{d.deleted(d.Template)}
	}
	return TemplateDrift(d.Template, d.LiveTemplate)
}

// TemplateDrift compares a template with what was written.
func TemplateDrift(want, live manifest.Object) []string {
	c := differing(live)
	c.compareMarks(want, live)
	if live.GetGeneration() > 1 {
		c.additions = true
		c.compare("spec", want.Object["spec"], live.Object["spec"])
	}
	return c.found
}

// DataDrift compares a data ConfigMap of the run with what was written.
func (d *Dependencies) DataDrift(want manifest.Object) []string {
	live := d.LiveData(want.GetName())
	if live == nil {
		return []string{d.deleted(want)}
	}
	c := differing(live)
	c.compareMarks(want, live)
	c.compare("data", want.Object["data"], live.Object["data"])
	return c.found
}

// MarksDrift tells whether an object has lost labels or annotations by which it is
// known again.
func MarksDrift(want, live manifest.Object) bool {
	c := differing(live)
	c.compareMarks(want, live)
	return len(c.found) > 0
}

func (d *Dependencies) deleted(o manifest.Object) string {
	return fmt.Sprintf("%s %s was deleted while run %s needs it.", o.GetKind(), o.GetName(), d.Run.Workflow.GetName())
}

// Observe is the whole observation of a snapshot: what keeps its run from going
// on, what was changed by hand, and what the controller's defaults have imposed.
func (r *Reader) Observe(ctx context.Context, s *Snapshot) (*state.Observation, hcl.Diagnostics) {
	changed, err := r.drift(ctx, s)
	if err != nil {
		return nil, hcl.Diagnostics{Failed(err)}
	}
	if s.holders, err = r.holders(ctx, s); err != nil {
		return nil, hcl.Diagnostics{Failed(err)}
	}
	o, diags := s.Observation(r.now())
	o.Drift, o.Obstacles = changed, s.obstacles(r.now())
	if !s.Active() {
		o.Obstacles = refusals(o)
	}
	return o, append(diags, s.imposed()...)
}
