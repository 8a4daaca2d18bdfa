// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/lower"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

// upkeep is what the active run depends on: as written, and as it is.
type upkeep struct {
	run *runSight
	job *job.Job // as recorded
	// template is nil when the runner has changed since: the run ends with the
	// old one, which nobody can write any more.
	template, liveTemplate manifest.Object
	liveData               []manifest.Object
}

// upkeep reads what the active run depends on.
func (e *Engine) upkeep(ctx context.Context, s *sight) (*upkeep, error) {
	j, err := parseJob(s.rec.Job)
	if err != nil {
		return nil, err
	}
	u := &upkeep{run: s.run, job: j, liveData: s.run.data}
	template, err := lower.Template(j)
	if err != nil {
		return nil, err
	}
	if template.GetName() == s.run.entry.Template {
		u.template = template
		u.liveTemplate, err = e.backend.Get(ctx, cluster.WorkflowTemplate, s.rec.Namespace, template.GetName())
		if err != nil && !cluster.IsNotFound(err) {
			return nil, err
		}
	}
	if len(s.run.writtenData) > 0 && len(u.liveData) == 0 {
		if u.liveData, err = e.backend.List(ctx, cluster.ConfigMap, s.rec.Namespace, ofRun(s.rec.Name, s.run.entry.Number)); err != nil {
			return nil, err
		}
	}
	for _, want := range s.run.writtenData {
		if named(u.liveData, want.GetName()) != nil {
			continue
		}
		// Deleted, or without the labels by which it is listed.
		switch o, err := e.backend.Get(ctx, cluster.ConfigMap, s.rec.Namespace, want.GetName()); {
		case err == nil:
			u.liveData = append(u.liveData, o)
		case !cluster.IsNotFound(err):
			return nil, err
		}
	}
	return u, nil
}

// lowerAgain makes the objects of a submitted run again, byte for byte, or nothing:
// what the record keeps of a run is enough unless the declaration has changed
// since in more than the number of pods. That it is the same run shows in its
// hash.
func lowerAgain(rec *record.Record, r *runSight) (workflow manifest.Object, data []manifest.Object) {
	j, err := parseJob(rec.Job)
	if err != nil {
		return nil, nil
	}
	j.Domain = r.domain
	template, err := lower.Template(j)
	if err != nil {
		return nil, nil
	}
	if r.entry.MaxParallel > 0 {
		j.MaxParallel = r.entry.MaxParallel
	}
	from := stand{first: rec.Gate.Next, approved: math.MaxInt32}
	if r.entry.Until > 0 {
		from.approved = r.entry.Until - 1
	}
	if r.entry.Canary == "" {
		from.tried = canaryOf(j, r.entry.Template)
	}
	hash := cmp.Or(r.entry.SpecHash, r.workflow.GetAnnotations()[argo.AnnotationSpecHash])
	if r.entry.Asks {
		return lowerAsk(j, template.GetName(), r.entry.Number, hash), nil
	}
	for _, remaining := range remainders(rec, r) {
		p := from.plan(j, r.entry.Template, remaining)
		if p.Covers.Empty() || p.Partitions != r.entry.Partitions {
			continue
		}
		objects, err := lower.Run(j, from.spec(j, template.GetName(), p, r.entry.Number))
		if err != nil {
			continue
		}
		last := len(objects) - 1
		if objects[last].GetAnnotations()[argo.AnnotationSpecHash] == hash {
			return objects[last], objects[:last]
		}
	}
	return nil, nil
}

// remainders are the sets of keys, one of which remained when the run was
// submitted.
func remainders(rec *record.Record, r *runSight) []ledger.Set {
	var all []ledger.Set
	if covers, err := ledger.Parse(r.domain, r.entry.Intervals); err == nil && !covers.Empty() {
		all = append(all, covers)
	}
	if rec.Domain.SameSpace(r.domain) {
		left := ledger.Full(r.domain).Minus(rec.Done)
		all = append(all, left, left.Minus(rec.Failed))
	}
	return all
}

// drift compares the objects that the active run depends on with what was
// written: only the fields that we wrote, because the API server fills in
// others, and the Argo controller adds to a Workflow's spec. Without an active
// run nothing depends on them: a template is restored when it is next needed.
func (e *Engine) drift(ctx context.Context, s *sight) ([]string, error) {
	if !s.active() {
		return nil, nil
	}
	u, err := e.upkeep(ctx, s)
	if err != nil {
		return nil, err
	}
	found := append(driftOfPause(s, u.job), u.driftOfScale()...)
	found = append(found, u.driftOfRun()...)
	found = append(found, driftOfChildren(s.run)...)
	found = append(found, u.driftOfTemplate()...)
	for _, want := range s.run.writtenData {
		found = append(found, u.driftOfData(want)...)
	}
	return found, nil
}

func driftOfPause(s *sight, j *job.Job) []string {
	want := decodePolicy(s.rec.Policy).Paused
	if want == nil || *want == suspended(s.run.workflow) || shutDown(s.run.workflow) {
		return nil
	}
	if j.Pool != "" && *want {
		return []string{fmt.Sprintf("Workflow %s is active although the job is paused, and holds places of its pool.", s.run.workflow.GetName())}
	}
	d := differing(s.run.workflow)
	d.compare("spec.suspend", *want, !*want)
	return d.found
}

// driftOfChildren finds shards that somebody has given another number of pods,
// or suspended by themselves.
func driftOfChildren(r *runSight) []string {
	var found []string
	for _, child := range r.children {
		if workflowEnded(child) || shutDown(child) {
			continue
		}
		d := differing(child)
		d.walk([]string{"spec", "parallelism"}, argo.Granted(child), argo.Parallelism(child))
		if suspended(child) && !suspended(r.workflow) {
			d.walk([]string{"spec", "suspend"}, false, true)
		}
		found = append(found, d.found...)
	}
	return found
}

// driftOfScale compares how many pods the run may have at once, where that is
// all that can be told of it.
func (u *upkeep) driftOfScale() []string {
	if u.run.written != nil {
		return nil
	}
	want, err := argo.ScaleFor(u.run.workflow, u.job.MaxParallel)
	have := argo.ScaleOf(u.run.workflow)
	if err != nil || want == have {
		return nil
	}
	d := differing(u.run.workflow)
	d.compare("spec.parallelism", want.Run, have.Run)
	d.compare("spec.arguments.parallelism", want.Pods, have.Pods)
	return d.found
}

// driftOfRun compares the run's Workflow with what was written, at the scale
// that the job has now.
func (u *upkeep) driftOfRun() []string {
	d := differing(u.run.workflow)
	want := u.wanted()
	if want == nil || leaving(u.run.workflow) {
		return nil
	}
	d.compareMarks(want, u.run.workflow)
	d.compare("spec", want.Object["spec"], u.run.workflow.Object["spec"])
	return d.found
}

// wanted is the run's Workflow as it should be now; nil when that cannot be
// told.
func (u *upkeep) wanted() manifest.Object {
	if u.run.written == nil {
		return nil
	}
	scale, err := argo.ScaleFor(u.run.written, u.job.MaxParallel)
	if err != nil {
		return nil
	}
	want := argo.AtScale(u.run.written, scale)
	unstructured.RemoveNestedField(want.Object, "spec", "suspend") // whether it is paused is looked at by itself
	return want
}

// driftOfTemplate also finds what was added: nothing but the API server's own
// defaults adds to a template.
func (u *upkeep) driftOfTemplate() []string {
	switch {
	case u.template == nil:
		return nil
	case u.liveTemplate == nil:
		return []string{u.deleted(u.template)}
	}
	return templateDiffers(u.template, u.liveTemplate)
}

func templateDiffers(want, live manifest.Object) []string {
	d := differing(live)
	d.compareMarks(want, live)
	if live.GetGeneration() > 1 {
		d.additions = true
		d.compare("spec", want.Object["spec"], live.Object["spec"])
	}
	return d.found
}

func (u *upkeep) driftOfData(want manifest.Object) []string {
	live := named(u.liveData, want.GetName())
	if live == nil {
		return []string{u.deleted(want)}
	}
	return dataDiffers(want, live)
}

func dataDiffers(want, live manifest.Object) []string {
	d := differing(live)
	d.compareMarks(want, live)
	d.compare("data", want.Object["data"], live.Object["data"])
	return d.found
}

func (u *upkeep) deleted(o manifest.Object) string {
	return fmt.Sprintf("%s %s was deleted while run %s needs it.", o.GetKind(), o.GetName(), u.run.workflow.GetName())
}

func named(objects []manifest.Object, name string) manifest.Object {
	for _, o := range objects {
		if o.GetName() == name {
			return o
		}
	}
	return nil
}
