// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

// unrecorded is what the runs of a job tell of it that has no record, because
// compiled manifests were applied by hand or by a GitOps controller. It is nil
// when there are no runs.
//
// The latest run tells the declaration. What it has done is read when the job
// is looked at; what those before it have done is known here.
func (e *Engine) unrecorded(ctx context.Context, namespace, name string) (*Known, *hcl.Diagnostic) {
	runs, err := e.runsOf(ctx, namespace, name)
	if err != nil {
		return nil, failed(err)
	}
	if len(runs) == 0 {
		return nil, nil
	}
	latest := runs[len(runs)-1]
	j, problem := declaredBy(latest)
	if problem != nil {
		return nil, problem
	}
	rec := &record.Record{Namespace: namespace, Name: name, Domain: j.Domain, Job: []byte(latest.GetAnnotations()[argo.AnnotationDeclaration])}
	for _, run := range runs[:len(runs)-1] {
		if problem := e.account(ctx, rec, run); problem != nil {
			return nil, problem
		}
	}
	return &Known{
		Job: rec.Job, Bounds: rec.Bounds, Run: latest.GetName(),
		Done: rec.Done.Text(rec.Domain), Failed: rec.Failed.Text(rec.Domain),
	}, nil
}

// account adds what an earlier run has done.
func (e *Engine) account(ctx context.Context, rec *record.Record, run manifest.Object) *hcl.Diagnostic {
	j, problem := declaredBy(run)
	if problem != nil {
		return problem
	}
	seen, problem := e.lookAtRun(ctx, e.backend.Get, rec, record.Run{Number: runNumber(rec.Name, run.GetName()), Domain: &j.Domain})
	if problem != nil {
		return problem
	}
	if seen.workflow != nil {
		add(rec, seen)
	}
	return nil
}

// declaredBy is the job that a run was compiled from.
func declaredBy(run manifest.Object) (*job.Job, *hcl.Diagnostic) {
	text := run.GetAnnotations()[argo.AnnotationDeclaration]
	if text == "" {
		return nil, undeclared(run, "it has no annotation "+argo.AnnotationDeclaration)
	}
	j, err := parseJob([]byte(text))
	switch {
	case err != nil:
		return nil, undeclared(run, "its annotation "+argo.AnnotationDeclaration+" cannot be read: "+err.Error())
	case j.Namespace != run.GetNamespace() || j.Name != run.GetLabels()[argo.LabelJob]:
		return nil, undeclared(run, "its annotation "+argo.AnnotationDeclaration+" is about the job \""+j.Namespace+"/"+j.Name+"\"")
	}
	return j, nil
}

func undeclared(run manifest.Object, why string) *hcl.Diagnostic {
	return problem(diag.CodeUndeclared, "Job \"%s/%s\" has no record, and Workflow %s does not tell what it was declared as: %s. Declare the job as it was when the Workflow was compiled, and apply without importing: "+
		"a creation that makes the same Workflow takes over the one that exists.", run.GetNamespace(), run.GetLabels()[argo.LabelJob], run.GetName(), why)
}

// RunRef is what the labels of an object tell: the job that it was made for,
// and whether it is the Workflow of a whole run.
type RunRef struct {
	Job   string
	Whole bool
}

// RunOf reads the labels of an object; false when it was not made for a job.
func RunOf(o manifest.Object) (RunRef, bool) {
	labels := o.GetLabels()
	ref := RunRef{Job: labels[argo.LabelJob]}
	ref.Whole = o.GetKind() == string(cluster.Workflow) && labels[argo.LabelShard] == "" && runNumber(ref.Job, o.GetName()) > 0
	return ref, ref.Job != ""
}
