// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// maxLaunchers bounds the pods that only wait.
const maxLaunchers = 25

// maxIntervals bounds the intervals annotation, in bytes; a longer text is left
// out. All annotations of an object together may have 256 KiB.
const maxIntervals = 64 << 10

// Every shard that runs costs the controller something at each look, and more
// when its pods are spread over more groups (see groupSize). So few shards with
// many pods each cost less than many with few. What speaks for more is that a
// shard's last pods, and the start of the next one, leave places empty. A shard
// of ten rounds of pods loses a tenth by that.
const (
	rounds         = 10 // of pods in a shard, at least
	fewestShards   = 4  // at once, so that one of them ends while others run
	fewestPodsEach = 4
)

// Concurrency says how many launchers of a run wait at once, when its largest
// wave has that many shards, each of shardSize partitions.
func Concurrency(maxParallel, shards, shardSize int) (launchers int) {
	enough := max(fewestShards, (rounds*maxParallel+shardSize-1)/shardSize)
	return min(maxLaunchers, shards, max(1, maxParallel/fewestPodsEach), enough)
}

// Run lowers one run of the planned partitions, which calls the job's template
// of the name: the data ConfigMaps that it needs, then the Workflow.
func Run(j *job.Job, template string, p plan.Plan, number int) ([]manifest.Object, error) {
	r := run{
		job: j, plan: p, number: number,
		name: RunName(j.Name, number), template: template,
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
	return merged(r.job.Labels, poolLabel(r.job), map[string]string{
		LabelJob: r.job.Name, LabelRun: fmt.Sprint(r.number), LabelTemplate: r.template,
	})
}

func (r run) workflow() (manifest.Object, error) {
	if r.plan.Partitions == 0 {
		return nil, fmt.Errorf("run %s would have no partitions", r.name)
	}
	var (
		templates, args list
		err             error
	)
	atOnce := r.job.MaxParallel
	if r.launches() {
		atOnce = Concurrency(r.job.MaxParallel, r.width(), r.plan.ShardSize)
		templates, args, err = r.launch(atOnce)
	} else {
		templates, args, err = r.direct()
	}
	if err != nil {
		return nil, err
	}
	spec := workflowSpec("run", templates, append(r.commonArgs(), args...), retention())
	spec["parallelism"] = int64(atOnce)
	override(r.job, spec)
	disruptionBudget(r.job, spec)
	r.closing(spec)

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
	if text := capacityText(r.job.Spot); text != "" {
		annotations[AnnotationCapacity] = text
	}
	o := newObject(apiVersion, "Workflow", r.job.Namespace, r.name, r.labels(), annotations)
	o.Object["spec"] = spec
	return o, nil
}

func (r run) commonArgs() list {
	args := list{param(argRun, r.name), param(argNumber, fmt.Sprint(r.number)), param(argTemplate, r.template)}
	return append(args, r.formula.grid...)
}

// launches tells whether the run has children.
func (r run) launches() bool { return r.plan.ShardCount() > 1 }

// width is the number of shards of the largest wave.
func (r run) width() int {
	most := 0
	for _, w := range r.plan.Waves {
		most = max(most, w.Shards)
	}
	return most
}

// direct calls the fan-out from the run itself.
func (r run) direct() (templates, args list, err error) {
	canary := len(r.plan.Canary)
	var shard plan.Shard
	template, from := tmplShardData, int64(canary)
	data := ""
	if canary > 0 {
		data = r.dataName()
	}
	if r.plan.ShardCount() > 0 {
		if shard = r.plan.Shard(0); r.written(shard) {
			data = r.dataName()
		} else {
			template, from = tmplShard, shard.Offset-shard.Segment.Offset
			args = r.formula.segment(*shard.Segment)
		}
	}
	args = append(args, param(argData, data))
	salt, err := r.directSalt(from, shard.Count)
	if err != nil {
		return nil, nil, err
	}
	steps := r.opening(salt)
	if shard.Count > 0 {
		steps = append(steps, list{r.call(stepPartitions+salt, template, list{param(inFrom, decimal(from)), param(inCount, fmt.Sprint(shard.Count))})})
	}
	return list{pooled(r.job, row("run", steps))}, args, nil
}

// launch fans out launchers. Their outputs could not be used by later steps
// after withSequence, so the items are a computed list.
func (r run) launch(atOnce int) (templates, args list, err error) {
	salts, err := r.salts()
	if err != nil {
		return nil, nil, err
	}
	args = launchArgs(r.job.MaxParallel, atOnce, r.width(), r.plan.ShardSize)
	if len(r.plan.Canary) > 0 {
		args = append(args, param(argData, r.dataName()))
	}
	var how launching
	if r.uniform() {
		how = r.byFormula(salts)
		args = append(args, param(argSegments, r.segmentsJSON(r.plan.Segments)))
	} else {
		table, segments := r.table(salts)
		how = r.byTable(table)
		args = append(args, param(argSegments, r.segmentsJSON(segments)), param(argShards, compactJSON(table)))
	}
	if how.salt, err = r.launcherSalt(how.items); err != nil {
		return nil, nil, err
	}
	return r.chain("run", r.opening(how.salt), 0, how), args, nil
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
	arguments := node{}
	if len(params) > 0 {
		arguments["parameters"] = params
	}
	return node{
		"name":        name,
		"templateRef": node{"name": r.template, "template": template},
		"arguments":   arguments,
	}
}

// byFormula computes the arguments of launcher k from its item k, so that the
// size of the run does not depend on the number of shards.
func (r run) byFormula(salts map[int]string) launching {
	size, total := r.plan.ShardSize, r.plan.InShards()
	return launching{
		fanOut: func(w plan.Wave) string { return expression("toJson(map(%d..%d, {#}))", w.First, w.First+w.Shards-1) },
		items:  func(w plan.Wave) list { return numbers(w.First, w.Shards) },
		params: list{
			param(inK, "{{item}}"),
			param(inG, "0"),
			param(inFrom, expression("asInt(item) * %d", size)),
			param(inCount, expression("min(%d, %d - asInt(item) * %d)", size, total, size)),
			param(inSalt, saltTag(salts)),
		},
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
// segments that the lines point to. There may be thousands of lines, so that they
// are short: how the child's step differs from its usual name stands only where it does.
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
		line := fmt.Sprintf("%d %d %d %d", k, g, from, shard.Count)
		if salt, ok := salts[k]; ok {
			line += " " + strings.TrimPrefix(salt, stepPartitions)
		}
		rows = append(rows, line)
	}
	return rows, segments
}

// byTable takes the arguments of a launcher from its item, a line of the
// table. Looking the line up by number would parse the whole table for each
// argument of each launcher at every turn of the controller.
func (r run) byTable(table []string) launching {
	how := launching{
		fanOut: func(w plan.Wave) string {
			if w.Shards == len(table) {
				return workflowTag(argShards)
			}
			return expression("toJson(fromJSON(workflow.parameters.%s)[%d:%d])", argShards, w.First, w.First+w.Shards)
		},
		items: func(w plan.Wave) list {
			items := make(list, w.Shards)
			for i := range items {
				items[i] = table[w.First+i]
			}
			return items
		},
	}
	for i, name := range []string{inK, inG, inFrom, inCount} {
		how.params = append(how.params, param(name, expression("split(item, ' ')[%d]", i)))
	}
	// With a blank at its end, a line without a salt has an empty one.
	how.params = append(how.params, param(inSalt, expression("'%s' + split(item + ' ', ' ')[4]", stepPartitions)))
	return how
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
		"activeDeadlineSeconds": never,
		"suspend":               false,
		"podGC":                 node{"strategy": "OnPodSuccess"},
		"ttlStrategy":           ttl,
	}
}

// override sets what the job says in Argo's own terms.
func override(j *job.Job, spec node) { maps.Copy(spec, runtime.DeepCopyJSON(j.Argo.Workflow)) }

func retention() node {
	return node{"secondsAfterCompletion": never, "secondsAfterFailure": never, "secondsAfterSuccess": never}
}
