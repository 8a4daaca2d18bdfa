// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// maxLaunchers bounds the pods that only wait.
const maxLaunchers = 25

// maxIntervals bounds the intervals annotation, in bytes; a longer text is left
// out. All annotations of an object together may have 256 KiB.
const maxIntervals = 64 << 10

// Concurrency divides max_parallel pods between the children of a run of that
// many shards: how many launchers wait at once, and how many pods each child
// may have. Their product never exceeds maxParallel. A run of one shard has no
// launchers.
func Concurrency(maxParallel, shards int) (launchers, pods int) {
	if shards <= 1 {
		return 0, maxParallel
	}
	launchers = min(maxLaunchers, shards, max(1, maxParallel/4))
	return launchers, maxParallel / launchers
}

// Run lowers one run of the planned partitions: the data ConfigMaps that it
// needs, then the Workflow.
func Run(j *job.Job, p plan.Plan, number int) ([]manifest.Object, error) {
	template, err := Template(j)
	if err != nil {
		return nil, err
	}
	r := run{
		job: j, plan: p, number: number,
		name: RunName(j.Name, number), template: template.GetName(),
		attempts: attempts(j.Retry),
	}
	r.formula = formulaOf(p.Domain)
	workflow, err := r.workflow()
	if err != nil {
		return nil, err
	}
	return append(append(r.data(), r.items()...), workflow), nil
}

// run is one lowering in progress.
type run struct {
	job            *job.Job
	plan           plan.Plan
	number         int
	name, template string
	attempts       int // of a partition, at most
	formula        formula
}

// written tells whether the partitions of a shard must be written out.
func (r run) written(s plan.Shard) bool {
	return !r.formula.applies || s.Segment == nil || r.oddDate(s.Offset, s.Count)
}

func (r run) labels() map[string]string {
	return merged(r.job.Labels, map[string]string{
		LabelJob: r.job.Name, LabelRun: fmt.Sprint(r.number), LabelTemplate: r.template,
	})
}

func (r run) workflow() (manifest.Object, error) {
	shards := r.plan.ShardCount()
	if shards == 0 {
		return nil, fmt.Errorf("run %s would have no partitions", r.name)
	}
	var (
		steps list
		args  list
		err   error
	)
	launchers, pods := Concurrency(r.job.MaxParallel, shards)
	if shards == 1 {
		steps, args, err = r.direct()
		launchers = pods
	} else {
		steps, args, err = r.launch(pods)
	}
	if err != nil {
		return nil, err
	}
	spec := workflowSpec("run", steps, append(r.commonArgs(), args...), retention())
	spec["parallelism"] = int64(launchers)

	hash, err := manifest.Digest(spec)
	if err != nil {
		return nil, err
	}
	annotations := node{AnnotationSpecHash: hash}
	if text := r.plan.Covers.Text(r.plan.Domain); len(text) <= maxIntervals {
		annotations[AnnotationIntervals] = text
	}
	if r.job.Reason != "" {
		annotations[AnnotationReason] = r.job.Reason
	}
	o := newObject(apiVersion, "Workflow", r.job.Namespace, r.name, r.labels(), annotations)
	o.Object["spec"] = spec
	return o, nil
}

func (r run) commonArgs() list {
	args := list{param(argRun, r.name), param(argNumber, fmt.Sprint(r.number)), param(argTemplate, r.template)}
	return append(args, r.formula.grid...)
}

// direct calls the fan-out from the run itself.
func (r run) direct() (steps, args list, err error) {
	shard := r.plan.Shard(0)
	template, from := tmplShardData, int64(0)
	if r.written(shard) {
		args = list{param(argData, DataName(r.job.Name, r.number, 0))}
	} else {
		template, from = tmplShard, shard.Offset-shard.Segment.Offset
		args = append(r.formula.segment(*shard.Segment), param(argData, ""))
	}
	salt, err := shardSalt(&idSet{}, r.name, from, shard.Count, r.attempts)
	if err != nil {
		return nil, nil, err
	}
	step := r.call(salt, template, list{param(inFrom, decimal(from)), param(inCount, fmt.Sprint(shard.Count))})
	return list{list{step}}, args, nil
}

// launch fans out launchers. Their outputs could not be used by later steps
// after withSequence, so the items are a computed list.
func (r run) launch(pods int) (steps, args list, err error) {
	salts, err := r.salts()
	if err != nil {
		return nil, nil, err
	}
	args = list{param(argParallelism, fmt.Sprint(pods))}
	var call, items list
	var fanOut string
	if r.uniform() {
		fanOut, call = r.formulaItems(salts)
		args = append(args, param(argSegments, r.segmentsJSON(r.plan.Segments)))
		items = numbers(r.plan.ShardCount())
	} else {
		table, segments := r.table(salts)
		fanOut, call = workflowTag(argShards), tableItems()
		args = append(args, param(argSegments, r.segmentsJSON(segments)), param(argShards, compactJSON(table)))
		for _, row := range table {
			items = append(items, row)
		}
	}
	name, err := launcherSalt(r.name, items)
	if err != nil {
		return nil, nil, err
	}
	step := r.call(name, tmplLauncher, call)
	step["withParam"] = fanOut
	return list{list{step}}, args, nil
}

// uniform tells whether a formula yields all shards.
func (r run) uniform() bool {
	if !r.formula.applies || len(r.plan.Segments) != 1 {
		return false
	}
	for k := range r.plan.ShardCount() {
		if r.written(r.plan.Shard(k)) {
			return false
		}
	}
	return true
}

func (r run) call(name, template string, params list) node {
	return node{
		"name":        name,
		"templateRef": node{"name": r.template, "template": template},
		"arguments":   node{"parameters": params},
	}
}

// formulaItems computes the arguments of launcher k from its item k, so that
// the size of the run does not depend on the number of shards.
func (r run) formulaItems(salts map[int]string) (fanOut string, params list) {
	size, total := r.plan.ShardSize, r.plan.Partitions
	fanOut = expression("toJson(map(0..%d, {#}))", r.plan.ShardCount()-1)
	return fanOut, list{
		param(inK, "{{item}}"),
		param(inG, "0"),
		param(inFrom, expression("asInt(item) * %d", size)),
		param(inCount, expression("min(%d, %d - asInt(item) * %d)", size, total, size)),
		param(inSalt, saltTag(salts)),
	}
}

// saltTag is the step name of shard asInt(item): a literal unless some shards
// need another one.
func saltTag(salts map[int]string) string {
	if len(salts) == 0 {
		return stepPartitions
	}
	shards := map[string][]string{}
	for _, k := range sortedInts(salts) {
		shards[salts[k]] = append(shards[salts[k]], fmt.Sprint(k))
	}
	var cases strings.Builder
	for _, salt := range sortedKeys(shards) {
		fmt.Fprintf(&cases, "asInt(item) in [%s] ? '%s' : ", strings.Join(shards[salt], ","), salt)
	}
	return expression("%s'%s'", cases.String(), stepPartitions)
}

// table lists shards that no single formula yields, one line each, and the
// segments that the lines point to.
func (r run) table(salts map[int]string) (rows []string, segments []plan.Segment) {
	number := map[plan.Segment]int{}
	for k := range r.plan.ShardCount() {
		shard := r.plan.Shard(k)
		g, from := noSegment, int64(0)
		if !r.written(shard) {
			segment := *shard.Segment
			if _, seen := number[segment]; !seen {
				number[segment] = len(segments)
				segments = append(segments, segment)
			}
			g, from = number[segment], shard.Offset-segment.Offset
		}
		salt := stepPartitions
		if other, ok := salts[k]; ok {
			salt = other
		}
		rows = append(rows, fmt.Sprintf("%d %d %d %d %s", k, g, from, shard.Count, salt))
	}
	return rows, segments
}

// tableItems takes the arguments of a launcher from its item, a line of the
// table. Looking the line up by number would parse the whole table for each
// argument of each launcher at every turn of the controller.
func tableItems() list {
	params := list{}
	for i, name := range []string{inK, inG, inFrom, inCount, inSalt} {
		params = append(params, param(name, expression("split(item, ' ')[%d]", i)))
	}
	return params
}

// segmentsJSON writes integers as strings: numbers would lose digits beyond
// 2^53 on the way through Argo's expressions.
func (r run) segmentsJSON(segments []plan.Segment) string {
	rows := make([][]string, len(segments))
	for i, s := range segments {
		rows[i] = r.formula.values(s)
	}
	return compactJSON(rows)
}

func compactJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and slices of them always have a JSON form
	}
	return string(text)
}

// workflowSpec writes out everything that a controller's workflowDefaults
// would otherwise decide. Tags on the Workflow's own parameters stay inside of
// templates: elsewhere Argo replaces them in the stored spec.
func workflowSpec(entrypoint string, steps, args list, ttl node) node {
	return node{
		"entrypoint": entrypoint,
		"arguments":  node{"parameters": args},
		// The empty objects are what Argo adds when it stores the Workflow.
		"templates":             list{node{"name": entrypoint, "steps": steps, "inputs": node{}, "outputs": node{}, "metadata": node{}}},
		"activeDeadlineSeconds": never,
		"podGC":                 node{"strategy": "OnPodSuccess"},
		"ttlStrategy":           ttl,
	}
}

func retention() node {
	return node{"secondsAfterCompletion": never, "secondsAfterFailure": never, "secondsAfterSuccess": never}
}
