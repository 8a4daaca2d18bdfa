// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

// Pool is how many shards of its jobs a namespace processes at once.
type Pool struct {
	Namespace, Name string
	Size            int // 0 when the ConfigMap holds none
}

// CreatePool makes a pool.
func (e *Engine) CreatePool(ctx context.Context, p Pool) *hcl.Diagnostic {
	_, err := e.backend.Create(ctx, argo.Pool(p.Namespace, p.Name, p.Size))
	if cluster.IsAlreadyExists(err) {
		return problem(diag.CodePoolExists, "Namespace %q has a pool %q, or another ConfigMap %s. Nothing was changed. To manage the pool here, import it:\n\n  terraform import <address> %s/%s\n\n"+
			"or choose another name.", p.Namespace, p.Name, argo.PoolName(p.Name), p.Namespace, p.Name)
	}
	if err != nil {
		return failed(err)
	}
	return nil
}

// ReadPool reads a pool; nil without a problem when there is none.
func (e *Engine) ReadPool(ctx context.Context, namespace, name string) (*Pool, *hcl.Diagnostic) {
	o, problem := e.findPool(ctx, namespace, name)
	if o == nil {
		return nil, problem
	}
	p := &Pool{Namespace: namespace, Name: name}
	p.Size, _ = argo.PoolSize(o)
	return p, nil
}

// ResizePool changes the size of a pool. Shards that run go on; when there are
// more of them than places, none starts until enough have ended.
func (e *Engine) ResizePool(ctx context.Context, p Pool) *hcl.Diagnostic {
	o, trouble := e.findPool(ctx, p.Namespace, p.Name)
	if trouble != nil {
		return trouble
	}
	if o == nil {
		return noPool(p.Namespace, p.Name)
	}
	patch, err := json.Marshal(map[string]any{"data": argo.Pool(p.Namespace, p.Name, p.Size).Object["data"]})
	if err != nil {
		return internal("changing a pool", err)
	}
	if _, err = e.backend.Patch(ctx, cluster.ConfigMap, p.Namespace, o.GetName(), patch); err != nil {
		return failed(err)
	}
	return nil
}

// DeletePool removes a pool that no active Workflow needs.
func (e *Engine) DeletePool(ctx context.Context, namespace, name string) *hcl.Diagnostic {
	o, trouble := e.findPool(ctx, namespace, name)
	if o == nil {
		return trouble
	}
	all, err := e.backend.List(ctx, cluster.Workflow, namespace, argo.LabelPool+"="+name+",workflows.argoproj.io/completed!=true")
	if err != nil && cluster.ReasonOf(err) != cluster.NoSuchKind {
		return failed(err)
	}
	var jobs []string
	for _, workflow := range all {
		if !workflowEnded(workflow) {
			jobs = append(jobs, workflow.GetLabels()[argo.LabelJob])
		}
	}
	if slices.Sort(jobs); len(jobs) > 0 {
		return problem(diag.CodePoolInUse, "Pool \"%s/%s\" is needed by active runs of %s, whose next shard would fail without it. Nothing was deleted. Wait for their end, stop them, or have them leave the pool, and destroy again.",
			namespace, name, strings.Join(slices.Compact(jobs), ", "))
	}
	err = e.backend.Delete(ctx, cluster.ConfigMap, namespace, o.GetName(), string(o.GetUID()))
	if err != nil && !cluster.IsNotFound(err) {
		return failed(err)
	}
	return nil
}

// findPool is the ConfigMap of a pool; nil when there is none.
func (e *Engine) findPool(ctx context.Context, namespace, name string) (manifest.Object, *hcl.Diagnostic) {
	o, err := e.backend.Get(ctx, cluster.ConfigMap, namespace, argo.PoolName(name))
	switch {
	case cluster.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, failed(err)
	case o.GetLabels()[argo.LabelPool] != name:
		return nil, problem(diag.CodeNotOurs, "ConfigMap \"%s/%s\" exists and is no pool; it is never overwritten. Rename the pool, or remove that object if nobody needs it.", namespace, o.GetName())
	}
	return o, nil
}

// pooled refuses to submit a run whose pool does not exist: Argo would fail it.
func (e *Engine) pooled(ctx context.Context, j *job.Job) *hcl.Diagnostic {
	if j.Pool == "" {
		return nil
	}
	o, trouble := e.findPool(ctx, j.Namespace, j.Pool)
	if trouble != nil {
		return trouble
	}
	if o == nil {
		return noPool(j.Namespace, j.Pool)
	}
	if _, ok := argo.PoolSize(o); !ok {
		return problem(diag.CodeNoPool, "The pool %q of job \"%s/%s\" has no size, so that Argo would fail the run: the content of ConfigMap %s was changed by hand. Apply the pool first. Nothing was submitted.", j.Pool, j.Namespace, j.Name, o.GetName())
	}
	return nil
}

func noPool(namespace, name string) *hcl.Diagnostic {
	return problem(diag.CodeNoPool, "Namespace %q has no pool %q. Nothing was changed. Declare it as a backfill_pool, and refer to it, as in pool = backfill_pool.%s.name, so that it is there before the job.",
		namespace, name, strings.ReplaceAll(name, "-", "_"))
}

// halt pauses or resumes a run: by suspending it, or for a job of a pool by
// stopping it. A run that was paused before it began is suspended all the same,
// for it holds no place.
func (e *Engine) halt(ctx context.Context, j *job.Job, rec *record.Record, number int, on bool) error {
	if on && j.Pool != "" {
		run, err := e.backend.Get(ctx, cluster.Workflow, rec.Namespace, argo.RunName(rec.Name, number))
		if err != nil || suspended(run) && !argo.Begun(run) {
			return ignoreGone(err)
		}
		return e.shutdown(ctx, rec, number)
	}
	return e.suspend(ctx, rec, number, on)
}

func (e *Engine) haltOf(ctx context.Context, rec *record.Record, number int, on bool) error {
	j, err := parseJob(rec.Job)
	if err != nil {
		return fmt.Errorf("reading the declaration of job %s/%s: %w", rec.Namespace, rec.Name, err)
	}
	return e.halt(ctx, j, rec, number, on)
}

func ignoreGone(err error) error {
	if cluster.IsNotFound(err) {
		return nil
	}
	return err
}

// hold notes on the record of a job with a pool that the command line has
// paused or resumed it. It returns the record, or nil for a job without a pool.
func (e *Engine) hold(ctx context.Context, namespace, name string, on bool) (*record.Record, hcl.Diagnostics) {
	rec, diags := e.load(ctx, namespace, name)
	if rec == nil {
		return nil, diags
	}
	j, err := parseJob(rec.Job)
	if err != nil {
		return nil, hcl.Diagnostics{damagedRecord(namespace, name, err)}
	}
	if j.Pool == "" {
		return nil, nil
	}
	return e.swap(ctx, rec, func(rec *record.Record) (bool, *hcl.Diagnostic) {
		changed := rec.Gate.Held != on
		rec.Gate.Held = on
		return changed, nil
	})
}
