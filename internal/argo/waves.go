// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"fmt"
	"iter"
	"slices"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// launching is how the launchers of a run get their arguments.
type launching struct {
	params list
	fanOut func(plan.Wave) string
	items  func(plan.Wave) list // as the names of their nodes show them
	salt   string
}

// canary is the step that runs the canary, if there is one. When a partition
// of it fails, the step fails and the run with it.
func (r run) canary(salt string) list {
	if len(r.plan.Canary) == 0 {
		return nil
	}
	template := tmplShardData
	if r.job.Pool != "" && r.launches() {
		template = tmplCanary // the run itself takes no place
	}
	return list{list{r.call(stepCanary+salt, template, list{
		param(inFrom, "0"), param(inCount, fmt.Sprint(len(r.plan.Canary))),
	})}}
}

// chain builds the template that runs wave i after some steps, and those that
// it calls for the waves behind.
//
// Without a budget the waves are a row of steps. Before a wave that a budget may
// hold back the row ends with a conditional call of a template that goes on. A
// row of conditional steps would not do: a step that was skipped has no outputs,
// and Argo waits for ever for what the condition of the next one would read.
func (r run) chain(name string, steps list, i int, how launching) list {
	var behind list
	first := i
	for ; i < len(r.plan.Waves); i++ {
		w := r.plan.Waves[i]
		if i > first && w.Allowed >= 0 {
			next := fmt.Sprintf("wave%d", w.Number)
			steps = append(steps, list{r.gate(next, i, how.salt)})
			behind = r.chain(next, nil, i, how)
			break
		}
		width := w.Shards
		if r.job.RampUp {
			width = r.width()
		}
		step := r.call(shardsStep(i, how.salt), tmplLauncher, append(slices.Clone(how.params), param(inWidth, fmt.Sprint(width))))
		step["withParam"] = how.fanOut(w)
		steps = append(steps, list{step})
	}
	t := row(name, steps)
	if first > 0 {
		t["inputs"] = inputs(inFailed)
	}
	return append(list{t}, behind...)
}

// shardsStep tells the waves of one row apart.
func shardsStep(i int, salt string) string {
	name := stepShards
	if i > 0 {
		name += fmt.Sprint(i + 1)
	}
	return name + salt
}

// gate calls the template of wave i unless too many partitions have failed.
// How many is a sum in plain text, one number for each wave so far, which Argo's
// conditions can add up: no expression need mix inputs with outputs of steps, which
// not every version of Argo can.
func (r run) gate(template string, i int, salt string) node {
	failed := r.failures(i, salt)
	return node{
		"name": stepThen + salt, "template": template,
		"arguments": node{"parameters": list{param(inFailed, failed)}},
		"when":      fmt.Sprintf("%s <= %d", failed, r.plan.Waves[i].Allowed),
	}
}

// failures is the sum of the partitions that have failed before wave i.
func (r run) failures(i int, salt string) string {
	before := r.plan.Waves[i-1]
	failed := expression("%d - sum(map(fromJSON(steps.%s.outputs.parameters.%s), {int('0' + split(#, '/')[0])}))",
		before.Partitions, shardsStep(i-1, salt), outProgress)
	if i > 1 {
		failed = inputTag(inFailed) + " + " + failed
	}
	return failed
}

// suffixes yields what the names of a run's steps may end with. They are part of
// identifiers in expressions.
func suffixes() iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield("") {
			return
		}
		for c := 'b'; c <= 'z'; c++ {
			if !yield(string(c)) {
				return
			}
		}
	}
}

// launcherSalt finds the suffix that keeps all names of a run that launches apart.
func (r run) launcherSalt(items func(plan.Wave) list) (string, error) {
	ids := borrowIDs()
	defer idSets.Put(ids)
	nodes := fanOutNodes(len(r.plan.Canary), r.attempts) + r.plan.ShardCount()*(launcherAttempts+1) + 5*len(r.plan.Waves) + 10 + r.onceNodes()
	for salt := range suffixes() {
		ids.reset(nodes)
		if r.distinct(ids, salt, items) {
			return salt, nil
		}
	}
	return "", errNoSalt(r.name)
}

// distinct walks through the names as Argo makes them.
func (r run) distinct(ids *idSet, salt string, items func(plan.Wave) list) bool {
	at, fresh := ids.root(r.name)
	group := 0
	next := func() uint32 {
		h := fnv(at, fmt.Sprintf("[%d]", group))
		group++
		return h
	}
	fresh = fresh && r.addOnce(ids, salt, next)
	if n := len(r.plan.Canary); n > 0 {
		g := next()
		fresh = fresh && ids.add(g) && ids.addFanOut(fnv(g, "."+stepCanary+salt), 0, n, r.attempts)
	}
	for i, w := range r.plan.Waves {
		if i > 0 && w.Allowed >= 0 {
			g := next()
			fresh = fresh && ids.add(g)
			then, apart := ids.addOnlyOnce(fnv(g, "."+stepThen+salt))
			at, group, fresh = then, 0, fresh && apart
		}
		g := next()
		fresh = fresh && ids.add(g)
		prefix := fnv(g, "."+shardsStep(i, salt))
		for k, item := range items(w) {
			fresh = fresh && ids.addAttempts(fnv(prefix, fmt.Sprintf("(%d:%v)", k, item)), launcherAttempts)
		}
	}
	return fresh
}

// directSalt finds the suffix that keeps all names of a run that launches
// nothing apart.
func (r run) directSalt(from int64, count int) (string, error) {
	ids := borrowIDs()
	defer idSets.Put(ids)
	for salt := range suffixes() {
		ids.reset(fanOutNodes(len(r.plan.Canary), r.attempts) + fanOutNodes(count, r.attempts) + 6 + r.onceNodes())
		if r.distinctDirect(ids, salt, from, count) {
			return salt, nil
		}
	}
	return "", errNoSalt(r.name)
}

func (r run) distinctDirect(ids *idSet, salt string, from int64, count int) bool {
	at, fresh := ids.root(r.name)
	group := 0
	next := func() uint32 {
		group++
		return fnv(at, fmt.Sprintf("[%d]", group-1))
	}
	fresh = fresh && r.addOnce(ids, salt, next)
	for _, step := range []struct {
		name  string
		from  int64
		count int
	}{{stepCanary, 0, len(r.plan.Canary)}, {stepPartitions, from, count}} {
		if step.count == 0 {
			continue
		}
		g := next()
		fresh = fresh && ids.add(g) && ids.addFanOut(fnv(g, "."+step.name+salt), step.from, step.count, r.attempts)
	}
	return fresh
}
