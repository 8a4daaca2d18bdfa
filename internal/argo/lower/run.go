// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package lower turns a job, and the specification of one of its runs, into Argo's
// objects. It plans nothing, and neither creates nor fetches objects.
//
// Template lowers what every run of a job shares, under a name that carries its
// hash: the pod of a partition, fan-outs, and the launcher of shards. Run lowers one
// run, which calls that template: ConfigMaps with data first, the Workflow last. The
// two arguments of Run determine every byte. What is specific to a run comes from
// its plan.RunSpec: number, order, shards, canary, waves, budget, pods at once.
// What is said of processing in general comes from the job.
//
// There is one compiler for all runs. A run of declared bounds, one that finds its
// bounds by a query and goes on, and one that only finds them differ in their body
// alone: how shards get their arguments. A formula yields them from the number of
// the shard, a table lists them where no formula does, and behind a query they are
// arithmetic on what was found.
//
// Argo identifies nodes by a short hash of their names. All names of a run are known
// beforehand, so steps on the path get suffixes, called salts, that keep the hashes
// apart.
//
// User text never passes through Argo's templating, see scope.expandable; where
// that cannot be had, text with Argo's tags is refused.
package lower

import (
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// Run lowers one run of a job: the data ConfigMaps that it needs, then the
// Workflow.
// See internal/decisions/0008-one-run-compiler.md.
func Run(j *job.Job, spec plan.RunSpec) ([]manifest.Object, error) {
	r := run{
		job:      j,
		spec:     spec,
		plan:     spec.Plan(),
		name:     argo.RunName(j.Name, spec.Number),
		attempts: attempts(j.Retry),
	}
	if spec.Query == nil {
		r.formula = expr.FormulaOf(spec.Domain)
		r.grid = r.formula.Grid
	} else if err := r.prepareQuery(); err != nil {
		return nil, err
	}
	workflow, err := r.workflow()
	if err != nil {
		return nil, err
	}
	if spec.Query != nil {
		return []manifest.Object{workflow}, nil
	}
	return append(append(r.data(), r.items()...), workflow), nil
}

// run is one lowering in progress.
type run struct {
	job      *job.Job
	spec     plan.RunSpec
	plan     plan.Plan // of the largest result, when the run finds its bounds
	name     string
	attempts int // of a partition, at most
	formula  expr.Formula
	query    *expr.Query // nil unless the run finds its bounds
	grid     []argo.Arg  // arguments by which partitions are cut
}

// body is what a Workflow does, and the arguments and pods that it needs for it.
type body struct {
	templates list
	args      list
	atOnce    int
}

// written tells whether the partitions of a shard must be written out.
func (r run) written(s plan.Shard) bool {
	return !r.formula.Applies || s.Segment == nil || r.oddDate(s.Offset, s.Count)
}

// oddDate tells whether a shard of windows that are handed over as dates
// begins or ends within a day. Only a stretch that was left by windows of
// hours does, and then the bound is no date.
func (r run) oddDate(offset int64, count int) bool {
	w, ok := r.plan.Domain.Dimensions[0].Axis.(domain.Windows)
	if len(r.plan.Domain.Dimensions) > 1 || !ok || w.Format != domain.FormatDate {
		return false
	}
	offset += int64(len(r.plan.Canary))
	first, last := r.plan.At(offset), r.plan.At(offset+int64(count)-1)
	for _, p := range []domain.Partition{first, last} {
		for _, f := range r.plan.Domain.Facts(p)[:2] { // start and end
			if len(f.Text) != len("2006-01-02") {
				return true
			}
		}
	}
	return false
}

func (r run) labels() map[string]string {
	return merged(labelsOf(r.job), poolLabel(r.job), map[string]string{
		argo.LabelJob:      r.job.Name,
		argo.LabelRun:      fmt.Sprint(r.spec.Number),
		argo.LabelTemplate: r.spec.Template,
	})
}

func (r run) workflow() (manifest.Object, error) {
	does, err := r.body()
	if err != nil {
		return nil, err
	}
	args := list{
		param(argo.ArgRun, r.name),
		param(argo.ArgNumber, fmt.Sprint(r.spec.Number)),
		param(argo.ArgTemplate, r.spec.Template),
	}
	args = append(append(args, params(r.grid)...), does.args...)
	spec := workflowSpec("run", does.templates, args, retention())
	spec["parallelism"] = int64(does.atOnce)
	override(r.job, spec)
	disruptionBudget(r.job, spec)
	if !r.onlyFindsBounds() {
		r.closing(spec)
	}
	hash, err := manifest.Digest(spec)
	if err != nil {
		return nil, err
	}
	o := newObject(argo.APIVersion, "Workflow", r.job.Namespace, r.name, r.labels(), r.annotations(hash))
	o.Object["spec"] = spec
	return o, nil
}

// annotations of a run tell its readers what they would need the job for.
func (r run) annotations(hash string) node {
	out := node{argo.AnnotationSpecHash: hash, argo.AnnotationReason: r.job.Reason}
	if r.query == nil {
		if text := r.plan.Covers.Text(r.plan.Domain); len(text) <= argo.MaxIntervals {
			out[argo.AnnotationIntervals] = text
		}
	}
	if s := r.job.Spot; s.Mode != "" {
		out[argo.AnnotationCapacity] = argo.CapacityText(s.Mode == "require", s.OnDemandFrom)
	}
	return sparse(out)
}

func (r run) body() (body, error) {
	switch {
	case r.onlyFindsBounds():
		return r.findBounds()
	case r.query != nil:
		return r.findAndLaunch()
	case r.plan.Partitions == 0:
		return body{}, fmt.Errorf("run %s would have no partitions", r.name)
	case r.launches():
		return r.launch()
	}
	return r.direct()
}

func (r run) onlyFindsBounds() bool { return r.spec.Query != nil && r.spec.Query.Only }

// launches tells whether the run has children; one that goes on after a query has
// them whatever it finds.
func (r run) launches() bool { return r.query != nil || r.plan.ShardCount() > 1 }

// width is how many shards of the largest wave may run at once: all of them, or as
// many as find a place beside the run.
// See internal/decisions/0048-runs-leave-a-place-for-shards.md.
func (r run) width() int {
	most := 0
	for _, w := range r.plan.Waves {
		most = max(most, w.Shards)
	}
	if places := r.job.Controller.MaxWorkflows; places > 1 {
		most = min(most, places-1)
	}
	return most
}

// direct calls the fan-out from the run itself.
func (r run) direct() (body, error) {
	template, from, data := argo.TemplateShardData, int64(len(r.plan.Canary)), r.dataName()
	var args list
	var shard plan.Shard
	if r.plan.ShardCount() > 0 {
		shard = r.plan.Shard(0)
	}
	if shard.Count > 0 && !r.written(shard) {
		template, from = argo.TemplateShard, shard.Offset-shard.Segment.Offset
		args = params(r.formula.Segment(*shard.Segment))
		if len(r.plan.Canary) == 0 {
			data = ""
		}
	}
	args = append(args, param(argo.ArgData, data))
	salt, err := r.salt(path{from: from, count: shard.Count})
	if err != nil {
		return body{}, err
	}
	steps := r.opening(salt)
	if shard.Count > 0 {
		which := list{param(argo.InFrom, decimal(from)), param(argo.InCount, fmt.Sprint(shard.Count))}
		steps = append(steps, list{r.call(argo.StepPartitions+salt, template, which)})
	}
	return body{
		templates: list{pooled(r.job, row("run", steps))},
		args:      args,
		atOnce:    r.spec.MaxParallel,
	}, nil
}

// call is a step that runs one of the job's templates.
// See internal/decisions/0010-runs-are-inline-workflows.md.
func (r run) call(name, template string, params list) node {
	arguments := node{}
	if len(params) > 0 {
		arguments["parameters"] = params
	}
	return node{
		"name":        name,
		"templateRef": node{"name": r.spec.Template, "template": template},
		"arguments":   arguments,
	}
}

// row is a template that runs groups of steps one after the other. The empty
// objects are what Argo adds when it stores the Workflow.
func row(name string, steps list) node {
	return settled(node{"name": name, "steps": steps, "inputs": node{}, "outputs": node{}, "metadata": node{}})
}

// workflowSpec writes out everything that a controller's workflowDefaults
// would otherwise decide. Tags on the Workflow's own parameters stay inside of
// templates: elsewhere Argo replaces them in the stored spec.
func workflowSpec(entrypoint string, templates, args list, ttl node) node {
	return node{
		"entrypoint":            entrypoint,
		"arguments":             node{"parameters": args},
		"templates":             templates,
		"activeDeadlineSeconds": argo.Never,
		"suspend":               false,
		"podGC":                 node{"strategy": "OnPodSuccess"},
		"ttlStrategy":           ttl,
	}
}

// override sets what the job says in Argo's own terms.
func override(j *job.Job, spec node) { maps.Copy(spec, runtime.DeepCopyJSON(j.Argo.Workflow)) }

func retention() node { return argo.TTL(argo.Never) }
