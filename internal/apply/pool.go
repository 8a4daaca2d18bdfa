// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package apply

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
)

// Pool is how many shards of its jobs a namespace processes at once.
type Pool struct {
	Namespace, Name string
	Size            int // 0 when the ConfigMap holds none
}

// CreatePool makes a pool.
func (a *Applier) CreatePool(ctx context.Context, p Pool) *hcl.Diagnostic {
	_, err := a.backend.Create(ctx, argo.Pool(p.Namespace, p.Name, p.Size))
	if cluster.IsAlreadyExists(err) {
		return observe.Problem(diag.CodePoolExists, "Namespace %q has a pool %q, or another ConfigMap %s. Nothing was "+
			"changed. To manage the pool here, import it:\n\n  terraform import <address> %s/%s\n\n"+
			"or choose another name.", p.Namespace, p.Name, argo.PoolName(p.Name), p.Namespace, p.Name)
	}
	if err != nil {
		return failed(err)
	}
	return nil
}

// ReadPool reads a pool; nil without a problem when there is none.
func (a *Applier) ReadPool(ctx context.Context, namespace, name string) (*Pool, *hcl.Diagnostic) {
	o, problem := a.findPool(ctx, namespace, name)
	if o == nil {
		return nil, problem
	}
	p := &Pool{Namespace: namespace, Name: name}
	p.Size, _ = argo.PoolSize(o)
	return p, nil
}

// ResizePool changes the size of a pool. Shards that run go on; when there are
// more of them than places, none starts until enough have ended.
func (a *Applier) ResizePool(ctx context.Context, p Pool) *hcl.Diagnostic {
	o, trouble := a.findPool(ctx, p.Namespace, p.Name)
	if trouble != nil {
		return trouble
	}
	if o == nil {
		return noPool(p.Namespace, p.Name)
	}
	_, err := a.backend.Patch(ctx, cluster.ConfigMap, p.Namespace, o.GetName(), argo.PoolSizePatch(p.Size))
	if err != nil {
		return failed(err)
	}
	return nil
}

// DeletePool removes a pool that no active Workflow needs.
func (a *Applier) DeletePool(ctx context.Context, namespace, name string) *hcl.Diagnostic {
	o, trouble := a.findPool(ctx, namespace, name)
	if o == nil {
		return trouble
	}
	all, err := a.backend.List(ctx, cluster.Workflow, namespace, argo.UnfinishedOfPool(name))
	if err != nil && cluster.ReasonOf(err) != cluster.NoSuchKind {
		return failed(err)
	}
	var jobs []string
	for _, workflow := range all {
		if !argo.Ended(workflow) {
			labels := workflow.GetLabels()
			jobs = append(jobs, cmp.Or(labels[argo.LabelJob], labels[argo.LabelKeeps]))
		}
	}
	if slices.Sort(jobs); len(jobs) > 0 {
		return observe.Problem(diag.CodePoolInUse, "Pool \"%s/%s\" is needed by active runs of %s, whose next shard would "+
			"fail without it. Nothing was deleted. Wait for their end, stop them, or have them leave the pool, and destroy "+
			"again.",
			namespace, name, strings.Join(slices.Compact(jobs), ", "))
	}
	err = a.backend.Delete(ctx, cluster.ConfigMap, namespace, o.GetName(), string(o.GetUID()))
	if err != nil && !cluster.IsNotFound(err) {
		return failed(err)
	}
	return nil
}

// findPool is the ConfigMap of a pool; nil when there is none.
func (a *Applier) findPool(ctx context.Context, namespace, name string) (manifest.Object, *hcl.Diagnostic) {
	o, err := a.backend.Get(ctx, cluster.ConfigMap, namespace, argo.PoolName(name))
	switch {
	case cluster.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, failed(err)
	case o.GetLabels()[argo.LabelPool] != name:
		return nil, observe.Problem(diag.CodeNotOurs, "ConfigMap \"%s/%s\" exists and is no pool; it is never "+
			"overwritten. Rename the pool, or remove that object if nobody needs it.", namespace, o.GetName())
	}
	return o, nil
}

// PoolExists refuses to submit a run whose pool does not exist: Argo would fail it.
func (a *Applier) PoolExists(ctx context.Context, j *job.Job) *hcl.Diagnostic {
	if j.Pool == "" {
		return nil
	}
	o, trouble := a.findPool(ctx, j.Namespace, j.Pool)
	if trouble != nil {
		return trouble
	}
	if o == nil {
		return noPool(j.Namespace, j.Pool)
	}
	if _, ok := argo.PoolSize(o); !ok {
		return observe.Problem(diag.CodeNoPool, "The pool %q of job \"%s/%s\" has no size, so that Argo would fail the "+
			"run: the content of ConfigMap %s was changed by hand. Apply the pool first. Nothing was "+
			"submitted.", j.Pool, j.Namespace, j.Name, o.GetName())
	}
	return nil
}

func noPool(namespace, name string) *hcl.Diagnostic {
	return observe.Problem(diag.CodeNoPool, "Namespace %q has no pool %q. Nothing was changed. Declare it as a "+
		"backfill_pool, and refer to it, as in pool = backfill_pool.%s.name, so that it is there before the job.",
		namespace, name, strings.ReplaceAll(name, "-", "_"))
}
