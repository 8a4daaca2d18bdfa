// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"fmt"
	"slices"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// launching is how the launchers of a run get their arguments.
type launching struct {
	params list
	fanOut func(plan.Wave) string
	items  func(plan.Wave) []string // as the names of their nodes show them
	// width is the number of shards by which a wave divides the pods, as the value
	// of a parameter.
	width func(plan.Wave) string
	// partitions is how many a wave has, as text.
	partitions func(plan.Wave) string
	salt       string
	// found tells that the bounds of the keys are inputs of every wave, and that
	// there may be nothing left for a wave.
	found []string
}

// launch fans out launchers. Their outputs could not be used by later steps
// after withSequence, so the items are a computed list.
func (r run) launch() (body, error) {
	salts, err := r.salts()
	if err != nil {
		return body{}, err
	}
	atOnce, args := r.launchArgs()
	if len(r.plan.Canary) > 0 {
		args = append(args, param(argo.ArgData, r.dataName()))
	}
	var how launching
	if r.uniform() {
		how = r.byFormula(salts)
		args = append(args, param(argo.ArgSegments, r.segmentsJSON(r.plan.Segments)))
	} else {
		table, segments := r.table(salts)
		how = r.byTable(table)
		args = append(args,
			param(argo.ArgSegments, r.segmentsJSON(segments)), param(argo.ArgShards, argo.JSON(table)))
	}
	how.width = func(w plan.Wave) string {
		if r.job.RampUp {
			return fmt.Sprint(r.width())
		}
		return fmt.Sprint(w.Shards)
	}
	how.partitions = func(w plan.Wave) string { return decimal(w.Partitions) }
	if how.salt, err = r.salt(path{launching: &how}); err != nil {
		return body{}, err
	}
	return body{templates: r.waves("run", r.opening(how.salt), how), args: args, atOnce: atOnce}, nil
}

// launchArgs are the arguments by which the scale of a run is known, and how many
// launchers wait at once.
func (r run) launchArgs() (atOnce int, args list) {
	atOnce = argo.Concurrency(r.spec.MaxParallel, r.width(), r.plan.ShardSize)
	text := func(name string, n int) node { return param(name, decimal(int64(n))) }
	return atOnce, list{
		text(argo.ArgParallelism, r.spec.MaxParallel),
		text(argo.ArgLaunchers, atOnce),
		text(argo.ArgWidth, r.width()),
		text(argo.ArgShard, r.plan.ShardSize),
	}
}

// uniform tells whether a formula yields all shards.
func (r run) uniform() bool {
	if !r.formula.Applies || len(r.plan.Segments) != 1 {
		return false
	}
	for k := range r.plan.ShardCount() {
		if r.written(r.plan.Shard(k)) {
			return false
		}
	}
	return true
}

// byFormula computes the arguments of launcher k from its item k, so that the
// size of the run does not depend on the number of shards.
func (r run) byFormula(salts map[int]string) launching {
	size, total := r.plan.ShardSize, r.plan.InShards()
	return launching{
		fanOut: func(w plan.Wave) string {
			return argo.Tag("toJson(map(%d..%d, {#}))", w.First, w.First+w.Shards-1)
		},
		items: numbersOf,
		params: list{
			param(argo.InK, "{{item}}"),
			param(argo.InG, "0"),
			param(argo.InFrom, argo.Tag("asInt(item) * %d", size)),
			param(argo.InCount, argo.Tag("min(%d, %d - asInt(item) * %d)", size, total, size)),
			param(argo.InSalt, saltTag(salts)),
		},
	}
}

// numbersOf are the numbers of a wave's shards.
func numbersOf(w plan.Wave) []string {
	out := make([]string, w.Shards)
	for i := range out {
		out[i] = fmt.Sprint(w.First + i)
	}
	return out
}

// table lists shards that no single formula yields, one line each, and the
// segments that the lines point to. There may be thousands of lines, so that they
// are short: how the child's step differs from its usual name stands only where it
// does.
func (r run) table(salts map[int]string) (rows []string, segments []plan.Segment) {
	number := map[plan.Segment]int{}
	for k := range r.plan.ShardCount() {
		shard := r.plan.Shard(k)
		g, from := argo.NoSegment, int64(0)
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
			line += " " + strings.TrimPrefix(salt, argo.StepPartitions)
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
				return argo.WorkflowTag(argo.ArgShards)
			}
			return argo.Tag("toJson(fromJSON(workflow.parameters.%s)[%d:%d])",
				argo.ArgShards, w.First, w.First+w.Shards)
		},
		items: func(w plan.Wave) []string { return table[w.First : w.First+w.Shards] },
	}
	for i, name := range []string{argo.InK, argo.InG, argo.InFrom, argo.InCount} {
		how.params = append(how.params, param(name, argo.Tag("split(item, ' ')[%d]", i)))
	}
	// With a blank at its end, a line without a salt has an empty one.
	salt := argo.Tag("'%s' + split(item + ' ', ' ')[4]", argo.StepPartitions)
	how.params = append(how.params, param(argo.InSalt, salt))
	return how
}

// segmentsJSON writes integers as strings: numbers would lose digits beyond
// 2^53 on the way through Argo's expressions.
func (r run) segmentsJSON(segments []plan.Segment) string {
	rows := make([][]string, len(segments))
	for i, s := range segments {
		rows[i] = r.formula.Row(s)
	}
	return argo.JSON(rows)
}

// waves are the templates that run all waves after some steps.
func (r run) waves(name string, steps list, how launching) list {
	return append(r.chain(name, steps, 0, how), failing(argo.TemplateVerdict, argo.FailedForGood))
}

// chain builds the template that runs wave i after some steps, and those that
// it calls for the waves behind.
//
// Waves that nothing may stop are a row of steps. Before a wave that a budget may
// stop, or for which a query may have found too little, the row ends with a
// conditional call of a template that goes on. A row of conditional steps would
// not do: a step that was skipped has no outputs, and Argo waits for ever for what
// the condition of the next one would read.
// See internal/decisions/0007-runs-hold-themselves-back.md.
func (r run) chain(name string, steps list, i int, how launching) list {
	var behind list
	wants, first := slices.Clone(how.found), i
	if first > 0 {
		wants = append(wants, argo.InFailed)
	}
	for ; i < len(r.plan.Waves); i++ {
		if i > first && r.gated(i, how) {
			next := fmt.Sprintf("wave%d", r.plan.Waves[i].Number)
			steps = append(steps, list{r.gate(next, first, i, how)})
			behind = r.chain(next, nil, i, how)
			break
		}
		steps = append(steps, list{r.wave(i, how)})
	}
	steps = append(steps, list{r.verdict(first, i, how, behind != nil)})
	t := row(name, steps)
	if len(wants) > 0 {
		t["inputs"] = inputs(wants...)
	}
	return append(list{t}, behind...)
}

// verdict is the step that fails the run when partitions failed in waves from …
// upto-1, or before. Launchers succeed however their shards ended, so that without
// it Argo would show the run as succeeded. Behind a budget alone it need not count
// again: a wave that was left out for it says enough, and one that ran has a verdict
// of its own.
// See internal/decisions/0011-launchers-always-succeed.md.
func (r run) verdict(from, upto int, how launching, gated bool) node {
	failed := r.failures(from, upto, how) + " > 0"
	if gated && how.found == nil {
		failed = fmt.Sprintf("'{{steps.%s%s.status}}'=='Skipped'", argo.StepThen, how.salt)
	}
	return node{
		"name":      argo.StepVerdict + how.salt,
		"template":  argo.TemplateVerdict,
		"arguments": node{},
		"when":      failed,
	}
}

// failing is a template that fails and has no pod: its step fans out over a text
// that is no list, which Argo's message shows.
func failing(name, why string) node {
	return row(name, list{list{node{"name": name, "template": name, "arguments": node{}, "withParam": why}}})
}

// gated tells whether wave i may not be started.
func (r run) gated(i int, how launching) bool {
	return how.found != nil || r.plan.Waves[i].Allowed >= 0
}

// wave is the step of wave i's launchers. Their template is part of the run where
// the run finds its bounds.
func (r run) wave(i int, how launching) node {
	w, name := r.plan.Waves[i], shardsStep(i, how.salt)
	params := append(slices.Clone(how.params), param(argo.InWidth, how.width(w)))
	step := r.call(name, argo.TemplateLauncher, params)
	if how.found != nil {
		delete(step, "templateRef")
		step["template"] = argo.TemplateLauncher
	}
	step["withParam"] = how.fanOut(w)
	return step
}

// shardsStep tells the waves of one row apart.
func shardsStep(i int, salt string) string {
	name := argo.StepShards
	if i > 0 {
		name += fmt.Sprint(i + 1)
	}
	return name + salt
}

// gate calls the template of wave i unless too many partitions have failed, or
// there is nothing left for it; all waves before it were full.
//
// How many have failed is a sum in plain text, one number for each wave so far,
// which Argo's conditions can add up: no expression need mix inputs with outputs of
// steps, which not every version of Argo can.
func (r run) gate(template string, first, i int, how launching) node {
	w := r.plan.Waves[i]
	failed := r.failures(first, i, how)
	var conditions []string
	if how.found != nil {
		enough := int64(w.First) * int64(r.plan.ShardSize)
		conditions = append(conditions, fmt.Sprintf("%s > %d", argo.InputTag(argo.InTotal), enough))
	}
	if w.Allowed >= 0 {
		conditions = append(conditions, fmt.Sprintf("%s<=%d", failed, w.Allowed))
	}
	return node{
		"name":      argo.StepThen + how.salt,
		"template":  template,
		"arguments": node{"parameters": append(passedOn(how.found), param(argo.InFailed, failed))},
		"when":      strings.Join(conditions, " && "),
	}
}

// passedOn hands inputs on to another template.
func passedOn(names []string) list {
	var out list
	for _, name := range names {
		out = append(out, param(name, argo.InputTag(name)))
	}
	return out
}

// failures is the sum of the partitions that failed in waves from … upto-1 of a
// template, and in those before that template.
func (r run) failures(from, upto int, how launching) string {
	var sum []string
	if from > 0 {
		sum = append(sum, argo.InputTag(argo.InFailed))
	}
	for i := from; i < upto; i++ {
		sum = append(sum, how.partitions(r.plan.Waves[i])+" - "+argo.Tag(
			"sum(map(fromJSON(steps.%s.outputs.parameters.%s),{int('0'+split(#,'/')[0])}))",
			shardsStep(i, how.salt), argo.OutProgress))
	}
	return strings.Join(sum, " + ")
}
