// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"cmp"
	"fmt"
	"maps"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// A run of a query starts with its generator. What that wrote is checked by an
// expression, which yields two numbers or a fixed text, so that no word of it goes
// on through Argo's templating. Between the two numbers the run then launches shards
// as any run does. Their number, and with it the waves that there are, follows from
// arithmetic on the two, so that the size of the run does not depend on them.
//
// The generator is part of the run and not of the job's template, which is the
// same whether the bounds are known or not. Names that keep node ids apart are
// chosen for the largest result allowed, whose nodes include those of every other.

// resultVolume holds the result, and no more than a multiple of what a result
// may have: a program that writes without end gets an error instead.
const (
	resultVolume = "backfill-out"
	resultRoom   = "64Ki"
	envOut       = "BACKFILL_OUT"
)

// prepareQuery checks the query of the job and takes its arithmetic.
func (r *run) prepareQuery() error {
	if err := tagError(tagged("job.partition.query", plainTexts(r.job.Query.Generator))); err != nil {
		return err
	}
	query, err := expr.NewQuery(r.job.Query, r.spec.Query.MaxPartitions, r.spec.Order)
	r.query, r.grid, r.formula = &query, query.Args(), expr.Formula{Applies: true}
	return err
}

// generator is the template of the container that writes the bounds.
func (r run) generator() (node, error) {
	g := *beside(r.job, r.job.Query.Generator)
	g.Runner.ServiceAccount = cmp.Or(g.Runner.ServiceAccount, g.Orchestrator.ServiceAccount)
	g.Retry.RetryOn, g.Retry.FailOn = nil, nil
	container, err := container(&g, newScope(), list{node{"name": envOut, "value": argo.ResultFile}})
	if err != nil {
		return nil, fmt.Errorf("partition.query: %w", err)
	}
	storedEnv(container)
	container["volumeMounts"] = list{node{"name": resultVolume, "mountPath": argo.ResultDir}}
	// A missing file is a result too, of which the check says what it is.
	result := node{"name": argo.OutResult, "valueFrom": node{"path": argo.ResultFile, "default": ""}}
	room := node{"medium": "Memory", "sizeLimit": resultRoom}
	t := node{
		"name":          argo.TemplateGenerator,
		"metadata":      metadataOf(merged(g.Labels, ours(&g)), toAny(merged(protection(g.Anchor), g.Runner.Annotations))),
		"container":     container,
		"retryStrategy": leafRetry(&g),
		"inputs":        node{},
		"volumes":       list{node{"name": resultVolume, "emptyDir": room}},
		"outputs":       node{"parameters": list{result}},
	}
	maps.Copy(t, podSettings(&g, besideContainer(g.Argoexec)))
	return unhurried(t), nil
}

// storedEnv leaves out what Argo does when it stores a Workflow, which a template
// in it is part of: values that are empty. Else it would look changed by hand.
func storedEnv(container node) {
	env, _ := container["env"].(list)
	for _, v := range env {
		if v, ok := v.(node); ok && v["value"] == "" {
			delete(v, "value")
		}
	}
}

// findBounds runs the generator and checks its result: what fans out over nothing
// is skipped, and over a text that is no list fails with that text.
func (r run) findBounds() (body, error) {
	generator, err := r.generator()
	if err != nil {
		return body{}, err
	}
	find := node{"name": argo.StepQuery, "template": argo.TemplateGenerator}
	check := node{
		"name":      argo.StepFirstWave,
		"template":  argo.TemplateGenerator,
		"withParam": r.query.Checked(argo.StepQuery, "[]"),
	}
	return body{
		templates: list{row("run", list{list{find}, list{check}}), generator},
		atOnce:    r.spec.MaxParallel,
	}, nil
}

// findAndLaunch runs the generator, and then the waves.
// See internal/decisions/0020-query-results-become-numbers.md.
func (r run) findAndLaunch() (body, error) {
	generator, err := r.generator()
	if err != nil {
		return body{}, err
	}
	salts, err := r.salts()
	if err != nil {
		return body{}, err
	}
	how := r.byResult(salts)
	if how.salt, err = r.salt(path{launching: &how}); err != nil {
		return body{}, err
	}
	launcher, err := r.launcherOfResult(how.found)
	if err != nil {
		return body{}, err
	}
	step := argo.StepQuery + how.salt
	bounds := list{}
	for _, name := range how.found {
		bounds = append(bounds, param(name, r.query.Value(step, cmp.Or(valueOf[name], name))))
	}
	steps := append(r.opening(how.salt), list{node{"name": step, "template": argo.TemplateGenerator}}, list{node{
		"name":      argo.StepFirstWave + how.salt,
		"template":  argo.TemplateFirstWave,
		"withParam": r.query.Checked(step, "[0]"),
		"arguments": node{"parameters": bounds},
	}})
	templates := append(list{row("run", steps)}, r.waves(argo.TemplateFirstWave, nil, how)...)
	atOnce, args := r.launchArgs()
	return body{templates: append(templates, launcher, generator), args: args, atOnce: atOnce}, nil
}

// valueOf are the inputs that are called otherwise in a query's expressions.
var valueOf = map[string]string{argo.InWall: "start"}

// byResult computes the arguments of launcher k from its item k and from what the
// query has found. In what is left behind the waves before, all shards are full.
func (r run) byResult(salts map[int]string) launching {
	found := []string{argo.InLo, argo.InHi, argo.InTotal}
	if r.query.OfInstants() {
		found = append(found, argo.InWall)
	}
	size := r.plan.ShardSize
	shards := fmt.Sprintf("int((%s + %d) / %d)", argo.InputInt(argo.InTotal), size-1, size)
	here := func(w plan.Wave) string { // shards of a wave
		if w.First == 0 {
			return fmt.Sprintf("min(%d, %s)", w.Shards, shards)
		}
		return fmt.Sprintf("min(%d, %s - %d)", w.Shards, shards, w.First)
	}
	return launching{
		found: found,
		fanOut: func(w plan.Wave) string {
			return argo.Tag("toJson(map(%d..%d + %s - 1, {#}))", w.First, w.First, here(w))
		},
		items: numbersOf,
		partitions: func(w plan.Wave) string {
			before := int64(w.First) * int64(size)
			return argo.Tag("min(%d, %s - %d)", w.Partitions, argo.InputInt(argo.InTotal), before)
		},
		width: func(w plan.Wave) string {
			if r.job.RampUp {
				each := []string{}
				for _, w := range r.plan.Waves {
					each = append(each, fmt.Sprintf("min(%d, %s - %d)", w.Shards, shards, w.First))
				}
				return argo.Tag("max(%s, 1)", strings.Join(each, ", ")) // of the largest wave
			}
			return argo.Tag("%s", here(w))
		},
		params: append(passedOn(found),
			param(argo.InK, "{{item}}"),
			param(argo.InG, "0"),
			param(argo.InFrom, argo.Tag("asInt(item) * %d", size)),
			param(argo.InCount, fmt.Sprint(size)),
			param(argo.InSalt, saltTag(salts))),
	}
}

// launcherOfResult starts one shard between the bounds that were found.
func (r run) launcherOfResult(found []string) (node, error) {
	total, last := argo.InputInt(argo.InTotal), "0"
	if r.query.Backwards() {
		last = argo.Tag("%s - 1", total)
	}
	args := list{
		param(argo.ArgRun, argo.WorkflowTag(argo.ArgRun)),
		param(argo.ArgNumber, argo.WorkflowTag(argo.ArgNumber)),
		param(argo.ArgData, ""),
		param(argo.ArgWidth, argo.InputTag(argo.InWidth)),
		param(argo.ArgOrigin, argo.InputTag(argo.InLo)),
		param(argo.ArgSize, argo.WorkflowTag(argo.ArgSize)),
		param(argo.ArgLo, argo.InputTag(argo.InLo)),
		param(argo.ArgHi, argo.InputTag(argo.InHi)),
		param(argo.ArgFirst, last),
		param(argo.ArgStep, argo.WorkflowTag(argo.ArgStep)),
	}
	if r.query.OfInstants() {
		args = append(args,
			param(argo.ArgUnit, argo.WorkflowTag(argo.ArgUnit)),
			param(argo.ArgWall, argo.InputTag(argo.InWall)),
			param(argo.ArgClock, argo.Tag("%s", expr.OffsetsBetween())),
			param(argo.ArgLine, last))
	}
	from := argo.InputInt(argo.InFrom)
	call := node{
		"name":        argo.InputTag(argo.InSalt),
		"templateRef": node{"name": argo.WorkflowTag(argo.ArgTemplate), "template": argo.TemplateShard},
		"arguments": node{"parameters": list{
			param(argo.InFrom, argo.InputTag(argo.InFrom)),
			param(argo.InCount, argo.Tag("min(%s, %s - %s)", argo.InputInt(argo.InCount), total, from)),
		}},
	}
	child, err := writeChild(r.job, call, args)
	if err != nil {
		return nil, err
	}
	return launcher(r.job, child, append(launcherInputs[:len(launcherInputs):len(launcherInputs)], found...)), nil
}
