// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package observe

import (
	"context"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// Unrecorded is a job without a record as its Workflows show it: because the
// record was deleted by hand, which known remembers, or because compiled manifests
// were applied by hand or by a GitOps controller. It is nil when there is neither.
// See internal/decisions/0029-a-run-declares-its-job.md.
func (r *Reader) Unrecorded(
	ctx context.Context, namespace, name string, known *state.Observation,
) (*Snapshot, *hcl.Diagnostic) {
	runs, err := r.runsOf(ctx, namespace, name)
	if err != nil {
		return nil, Failed(err)
	}
	var s *state.State
	switch {
	case known != nil && known.Declaration.Exists():
		s = known.State.Clone()
		s.Namespace, s.Name = namespace, name
		s.Runs = nil // what the latest one shows is read again
	case len(runs) == 0:
		return nil, nil
	default:
		var problem *hcl.Diagnostic
		if s, problem = r.told(ctx, namespace, name, runs); problem != nil {
			return nil, problem
		}
	}
	s.UID, s.ResourceVersion = "", ""
	if len(runs) > 0 {
		enter(s, runs[len(runs)-1])
	}
	snap, diags := r.SnapshotOf(ctx, s)
	if diags.HasErrors() {
		return nil, diags[len(diags)-1]
	}
	return snap, nil
}

// runsOf lists the Workflows of a job's runs, by number.
func (r *Reader) runsOf(ctx context.Context, namespace, name string) ([]manifest.Object, error) {
	all, err := r.backend.List(ctx, cluster.Workflow, namespace, argo.RunsOf(name))
	if err != nil {
		return nil, err
	}
	number := func(o manifest.Object) int { return argo.RunNumber(name, o.GetName()) }
	all = slices.DeleteFunc(all, func(o manifest.Object) bool { return number(o) == 0 })
	slices.SortFunc(all, func(a, b manifest.Object) int { return number(a) - number(b) })
	return all, nil
}

// told is what the runs of a job tell of it. The latest run tells the declaration.
// What it has done is read when the job is observed; what those before it have
// done is read here.
func (r *Reader) told(
	ctx context.Context, namespace, name string, runs []manifest.Object,
) (*state.State, *hcl.Diagnostic) {
	latest := runs[len(runs)-1]
	declared, problem := declaredBy(latest)
	if problem != nil {
		return nil, problem
	}
	s := &state.State{Namespace: namespace, Name: name, NextRun: 1}
	if err := s.Declare(declared, nil); err != nil {
		return nil, undeclared(latest, err.Error())
	}
	for _, run := range runs[:len(runs)-1] {
		before, problem := declaredBy(run)
		if problem != nil {
			return nil, problem
		}
		entry := state.Run{RunSpec: plan.RunSpec{
			Number: argo.RunNumber(name, run.GetName()),
			Domain: before.Job().Domain,
		}}
		seen, problem := r.run(ctx, s, entry)
		if problem != nil {
			return nil, problem
		}
		if seen.Workflow != nil {
			seen.addTo(s)
		}
	}
	return s, nil
}

// enter puts a Workflow that the state does not know into its history, by its
// annotations. It counts as not recorded: merging an outcome twice does no harm.
func enter(s *state.State, workflow manifest.Object) {
	n := argo.RunNumber(s.Name, workflow.GetName())
	s.NextRun = max(s.NextRun, n+1)
	d := s.Domain()
	entry := state.Run{
		RunSpec:   plan.RunSpec{Number: n, Template: workflow.GetLabels()[argo.LabelTemplate], Domain: d},
		Start:     workflow.GetCreationTimestamp().Time,
		Intervals: workflow.GetAnnotations()[argo.AnnotationIntervals],
		SpecHash:  argo.SpecHash(workflow),
	}
	if covered, err := ledger.Parse(d, entry.Intervals); err == nil && d.Bounded() && !covered.Empty() {
		// Compiled manifests are the run of everything that they cover.
		spec := compile.NextSpec(s.Job(), entry.Template, covered, compile.Ungated)
		spec.Number = n
		entry.RunSpec, entry.Partitions = spec, covered.Count(d)
	}
	s.Runs = append(s.Runs, entry)
}

// declaredBy is the declaration that a run was compiled from.
func declaredBy(run manifest.Object) (state.Declaration, *hcl.Diagnostic) {
	text := run.GetAnnotations()[argo.AnnotationDeclaration]
	if text == "" {
		return state.Declaration{}, undeclared(run, "it has no annotation "+argo.AnnotationDeclaration)
	}
	d, err := state.ParseDeclaration(text)
	if err != nil {
		return d, undeclared(run, "its annotation "+argo.AnnotationDeclaration+" cannot be read: "+err.Error())
	}
	if j := d.Job(); j.Namespace != run.GetNamespace() || j.Name != run.GetLabels()[argo.LabelJob] {
		return d, undeclared(run, "its annotation "+argo.AnnotationDeclaration+" is about the job "+
			"\""+j.Namespace+"/"+j.Name+"\"")
	}
	return d, nil
}

func undeclared(run manifest.Object, why string) *hcl.Diagnostic {
	return Problem(diag.CodeUndeclared, "Job \"%s/%s\" has no record, and Workflow %s does not tell what it was "+
		"declared as: %s. "+
		"Declare the job as it was when the Workflow was compiled, and apply without importing: a creation that makes the "+
		"same "+
		"Workflow takes over the one that exists.", run.GetNamespace(), run.GetLabels()[argo.LabelJob], run.GetName(), why)
}
