// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"fmt"
	"iter"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
)

// Argo identifies a node by the 32-bit FNV-1a hash of its full name. When two
// names of one Workflow share a hash, one of the two never runs, or the
// controller fails; with 5,000 nodes that is one Workflow in a hundred or
// fewer. All names are known beforehand, so a step on the path is given the
// first name that keeps them apart, for every attempt there may be. The suffix
// that does so is its salt.

// salted yields the names that a step may be given; the first one nearly
// always serves.
func salted(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(name) {
			return
		}
		for c := 'b'; c <= 'z'; c++ {
			if !yield(name + "-" + string(c)) {
				return
			}
		}
	}
}

// errNoSalt cannot happen in practice: 25 independent draws would all collide.
func errNoSalt(workflow string) error {
	return fmt.Errorf("no name of its steps keeps the node ids of Workflow %s apart; "+
		"lower shard_size or retry.limit", workflow)
}

// salts finds the shards of a run whose child needs another step name than the
// first.
func (r run) salts() (map[int]string, error) {
	ids := borrowIDs()
	defer idSets.Put(ids)
	exceptions := map[int]string{}
	for k := range r.plan.ShardCount() {
		shard, from := r.plan.Shard(k), int64(0)
		if !r.written(shard) {
			from = shard.Offset - shard.Segment.Offset
		}
		salt, err := shardSalt(ids, argo.ChildName(r.name, k), from, shard.Count, r.attempts)
		if err != nil {
			return nil, err
		}
		if salt != argo.StepPartitions {
			exceptions[k] = salt
		}
	}
	return exceptions, nil
}

// shardSalt names the step that calls the fan-out over partitions from …
// from+count-1 in a Workflow.
func shardSalt(ids *idSet, workflow string, from int64, count, attempts int) (string, error) {
	for salt := range salted(argo.StepPartitions) {
		ids.reset(fanOutNodes(count, attempts) + 4 + idleNodes)
		at, fresh := ids.root(workflow)
		group := fnv(at, "[0]")
		if fresh && ids.add(group) && ids.addIdle(workflow) && ids.addFanOut(fnv(group, "."+salt), from, count, attempts) {
			return salt, nil
		}
	}
	return "", errNoSalt(workflow)
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

// saltTag is the step name of shard asInt(item): a literal unless some shards
// need another one.
func saltTag(salts map[int]string) string {
	if len(salts) == 0 {
		return argo.StepPartitions
	}
	shards := map[string][]string{}
	for _, k := range sortedKeys(salts) {
		shards[salts[k]] = append(shards[salts[k]], fmt.Sprint(k))
	}
	var cases strings.Builder
	for _, salt := range sortedKeys(shards) {
		fmt.Fprintf(&cases, "asInt(item) in [%s] ? '%s' : ", strings.Join(shards[salt], ","), salt)
	}
	return argo.Tag("%s'%s'", cases.String(), argo.StepPartitions)
}

// path is what a run does after its first steps: it launches waves, or processes
// partitions from … from+count-1 by itself.
type path struct {
	launching *launching
	from      int64
	count     int
}

// salt finds the suffix that keeps all names of a run apart.
func (r run) salt(p path) (string, error) {
	ids := borrowIDs()
	defer idSets.Put(ids)
	nodes := fanOutNodes(len(r.plan.Canary), r.attempts) + fanOutNodes(p.count, r.attempts) +
		len(ofRun(r.job))*(r.attempts+4) + r.attempts + 16
	if p.launching != nil {
		nodes += r.plan.ShardCount()*(launcherAttempts+1) + 5*len(r.plan.Waves)
	}
	for salt := range suffixes() {
		ids.reset(nodes)
		if r.distinct(ids, salt, p) {
			return salt, nil
		}
	}
	return "", errNoSalt(r.name)
}

// distinct walks through the names as Argo makes them.
func (r run) distinct(ids *idSet, salt string, p path) bool {
	w := &walk{idSet: ids}
	w.enterRoot(r.name)
	if r.job.Setup != nil {
		w.see(ids.addAttempts(w.step(argo.StepSetup+salt), r.attempts))
	}
	if r.job.Teardown != nil {
		exit := &walk{idSet: ids}
		exit.enter(fnv(fnvBasis, r.name+".onExit"))
		exit.see(ids.addAttempts(exit.step(argo.StepTeardown), r.attempts))
		w.see(!exit.twice)
	}
	if n := len(r.plan.Canary); n > 0 {
		w.see(ids.addFanOut(w.step(argo.StepCanary+salt), 0, n, r.attempts))
	}
	if r.query != nil {
		w.see(ids.addAttempts(w.step(argo.StepQuery+salt), r.attempts))
		w.enter(w.step(argo.StepFirstWave + salt + "(0:0)"))
	}
	if p.count > 0 {
		w.see(ids.addFanOut(w.step(argo.StepPartitions+salt), p.from, p.count, r.attempts))
	}
	if p.launching != nil {
		r.walkWaves(w, salt, *p.launching)
	}
	return !w.twice
}

func (r run) walkWaves(w *walk, salt string, how launching) {
	for i, wave := range r.plan.Waves {
		if i > 0 && r.gated(i, how) {
			w.enter(w.step(argo.StepThen + salt))
		}
		prefix := w.step(shardsStep(i, salt))
		for k, item := range how.items(wave) {
			w.see(w.addAttempts(fnv(prefix, fmt.Sprintf("(%d:%v)", k, item)), launcherAttempts))
		}
	}
}

// walk goes through the steps of a Workflow in the order in which Argo names them.
type walk struct {
	*idSet
	at    uint32 // the steps that it is in
	group int    // of these
	twice bool   // some hash came twice
}

// see notes whether what was added was new.
func (w *walk) see(fresh bool) { w.twice = w.twice || !fresh }

// enterRoot goes into the steps that a Workflow begins with.
func (w *walk) enterRoot(workflow string) {
	at, fresh := w.root(workflow)
	w.at, w.group = at, 0
	w.see(fresh)
}

// enter goes into the steps of a node.
func (w *walk) enter(name uint32) {
	at, fresh := w.addOnlyOnce(name)
	w.at, w.group = at, 0
	w.see(fresh)
}

// step is the next step, alone in its group.
func (w *walk) step(name string) uint32 {
	group := fnv(w.at, fmt.Sprintf("[%d]", w.group))
	w.group++
	w.see(w.add(group))
	return fnv(group, "."+name)
}
