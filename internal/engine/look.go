// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/read"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

// sight is what the cluster shows of a job at one moment.
type sight struct {
	rec *record.Record
	// run is the latest run while it is not merged in the record, else nil.
	run *runSight
}

// runSight is one run as its Workflows show it.
type runSight struct {
	entry  record.Run
	domain domain.Domain // by which it was cut
	// workflow is nil when there is none: the run was never submitted, or is
	// gone.
	workflow manifest.Object
	children []manifest.Object
	data     []manifest.Object
	outcome  read.Outcome
	// written and writtenData are the run as it was submitted, nil when that
	// cannot be told.
	written     manifest.Object
	writtenData []manifest.Object

	// asks tells that the run asks for bounds, and only that it does nothing else.
	asks, only bool
	answer     read.Result
	// news tells that the record did not have the answer.
	news bool
}

// active tells whether a run is under way.
func (s *sight) active() bool {
	return s.run != nil && s.run.workflow != nil && !s.run.outcome.Ended
}

// ended tells whether a run has ended and is not merged yet.
func (s *sight) ended() bool {
	return s.run != nil && s.run.workflow != nil && s.run.outcome.Ended
}

// look reads a job and its unmerged run; nil without problems when there is no
// such job. A finished job costs one request.
func (e *Engine) look(ctx context.Context, namespace, name string) (*sight, hcl.Diagnostics) {
	return e.lookBy(ctx, e.backend.Get, namespace, name)
}

func (e *Engine) lookBy(ctx context.Context, get reader, namespace, name string) (*sight, hcl.Diagnostics) {
	rec, diags := e.loadBy(ctx, get, namespace, name)
	if rec == nil {
		return nil, diags
	}
	return e.lookAtBy(ctx, get, rec)
}

func (e *Engine) lookAt(ctx context.Context, rec *record.Record) (*sight, hcl.Diagnostics) {
	return e.lookAtBy(ctx, e.backend.Get, rec)
}

func (e *Engine) lookAtBy(ctx context.Context, get reader, rec *record.Record) (*sight, hcl.Diagnostics) {
	own := rec.Clone()
	rec = &own
	s := &sight{rec: rec}
	latest := rec.Latest()
	if latest == nil || latest.Outcome != record.Active {
		return s, nil
	}
	run, err := e.lookAtRun(ctx, get, rec, *latest)
	if err != nil {
		return nil, hcl.Diagnostics{err}
	}
	s.run = run
	return s, nil
}

func (e *Engine) lookAtRun(ctx context.Context, get reader, rec *record.Record, entry record.Run) (*runSight, *hcl.Diagnostic) {
	r := &runSight{entry: entry, domain: rec.Domain}
	if entry.Domain != nil {
		r.domain = *entry.Domain
	}
	name := argo.RunName(rec.Name, entry.Number)
	workflow, err := get(ctx, cluster.Workflow, rec.Namespace, name)
	if cluster.IsNotFound(err) {
		return r, nil
	}
	if err != nil {
		return nil, failed(err)
	}
	r.workflow = workflow
	r.written, r.writtenData = lowerAgain(rec, r)
	if !belongs(workflow, rec.Name, entry.Number) && !sameSpec(r.written, workflow) {
		return nil, notOursObject(workflow)
	}
	if problem := r.ask(rec); problem != nil {
		return nil, problem
	}
	parsed, err := read.Parse(r.asWritten())
	if err != nil {
		return nil, unreadable(workflow, err)
	}
	if err := e.gather(ctx, rec, r, parsed); err != nil {
		return nil, err
	}
	r.outcome, err = parsed.Outcome(r.domain, r.children, r.allData())
	if err != nil {
		return nil, unreadable(workflow, err)
	}
	return r, nil
}

// asWritten is the run with the arguments of its submission. What a run did is
// read by these: with others, edited by hand, its nodes would stand for other
// keys.
func (r *runSight) asWritten() manifest.Object {
	if r.written == nil {
		return r.workflow
	}
	return argo.WithArguments(r.workflow, argo.AtScale(r.written, argo.ScaleOf(r.workflow)))
}

// allData are the data of the run, as they were submitted where that can be
// told: they may have been edited or deleted by hand.
func (r *runSight) allData() []manifest.Object {
	if r.written == nil {
		return r.data
	}
	return r.writtenData
}

// gather reads what is needed besides the run's own Workflow.
func (e *Engine) gather(ctx context.Context, rec *record.Record, r *runSight, parsed *read.Run) *hcl.Diagnostic {
	wanted := parsed.Wanted()
	switch len(wanted) {
	case 0:
	case 1, 2:
		for _, name := range wanted {
			child, err := e.backend.Get(ctx, cluster.Workflow, rec.Namespace, name)
			if cluster.IsNotFound(err) {
				continue
			}
			if err != nil {
				return failed(err)
			}
			r.children = append(r.children, child)
		}
	default:
		all, err := e.backend.List(ctx, cluster.Workflow, rec.Namespace, childrenOf(rec.Name, r.entry.Number))
		if err != nil {
			return failed(err)
		}
		for _, child := range all {
			if slices.Contains(wanted, child.GetName()) {
				r.children = append(r.children, child)
			}
		}
	}
	if parsed.NeedsData() {
		var err error
		if r.data, err = e.backend.List(ctx, cluster.ConfigMap, rec.Namespace, ofRun(rec.Name, r.entry.Number)); err != nil {
			return failed(err)
		}
	}
	return nil
}

func unreadable(workflow manifest.Object, err error) *hcl.Diagnostic {
	return problem(diag.CodeRunUnreadable, "The state of Workflow \"%s/%s\" cannot be read: %v. If that cannot be mended, delete the Workflow: what it covers and is not recorded yet then counts as not done, and the next apply runs it.", workflow.GetNamespace(), workflow.GetName(), err)
}

// The label selectors of a job's objects.
func ofJob(job string) string { return argo.LabelJob + "=" + job }

func ofRun(job string, n int) string { return fmt.Sprintf("%s,%s=%d", ofJob(job), argo.LabelRun, n) }

func childrenOf(job string, n int) string { return ofRun(job, n) + "," + argo.LabelShard }

// sameSpec tells whether a live object carries the hash of what we would write:
// then it is ours, whatever labels it has lost.
func sameSpec(want, live manifest.Object) bool {
	return want != nil && want.GetAnnotations()[argo.AnnotationSpecHash] == live.GetAnnotations()[argo.AnnotationSpecHash]
}

// belongs tells whether an object was made for a run of a job; run 0 stands for
// objects of the job as a whole.
func belongs(o manifest.Object, job string, n int) bool {
	labels := o.GetLabels()
	return labels[argo.LabelJob] == job && (n == 0 || labels[argo.LabelRun] == fmt.Sprint(n))
}
