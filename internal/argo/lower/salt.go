// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
)

// Argo identifies a node by the 32-bit FNV-1a hash of its full name. When two
// names of one Workflow share a hash, one of the two never runs, or the
// controller fails; with 5,000 nodes that is one Workflow in a hundred or
// fewer. All names are known beforehand, so a step on the path is given the
// first name that keeps them apart, for every attempt there may be. The suffix
// that does so is its salt; the empty one nearly always serves.

// See internal/decisions/0017-node-ids-are-kept-apart.md.
var suffixes = strings.Split(" b c d e f g h i j k l m n o p q r s t u v w x y z", " ")

// errNoSalt cannot happen in practice: 25 independent draws would all collide.
func errNoSalt(workflow string) error {
	return fmt.Errorf("no name of its steps keeps the node ids of Workflow %s apart; "+
		"lower shard_size or retry.limit", workflow)
}

// salts finds the shards of a run whose child needs another step name than the
// first.
func (r run) salts() (map[int]string, error) {
	ids := newIDs()
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
// from+count-1 in a Workflow. There is an exit handler too, see silent.
func shardSalt(ids *idSet, workflow string, from int64, count, attempts int) (string, error) {
	for _, suffix := range suffixes {
		salt := argo.StepPartitions
		if suffix != "" {
			salt += "-" + suffix
		}
		ids.reset()
		root := ids.root(workflow)
		exit := ids.enter(fnv(fnvBasis, workflow+".onExit"))
		ids.add(exit.next(argo.TemplateExit))
		ids.fanOut(root.next(salt), from, count, attempts)
		if !ids.twice {
			return salt, nil
		}
	}
	return "", errNoSalt(workflow)
}

// saltTag is the step name of shard asInt(item): a literal unless some shards
// need another one.
func saltTag(salts map[int]string) string {
	if len(salts) == 0 {
		return argo.StepPartitions
	}
	shards := map[string][]string{}
	for _, k := range slices.Sorted(maps.Keys(salts)) {
		shards[salts[k]] = append(shards[salts[k]], fmt.Sprint(k))
	}
	var cases strings.Builder
	for _, salt := range slices.Sorted(maps.Keys(shards)) {
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
	ids := newIDs()
	for _, salt := range suffixes {
		ids.reset()
		if r.walk(ids, salt, p); !ids.twice {
			return salt, nil
		}
	}
	return "", errNoSalt(r.name)
}

// walk goes through the names as Argo makes them. Steps are part of identifiers in
// expressions.
func (r run) walk(ids *idSet, salt string, p path) {
	at := ids.root(r.name)
	if r.job.Setup != nil {
		ids.retried(at.next(argo.StepSetup+salt), r.attempts)
	}
	if r.job.Teardown != nil {
		exit := ids.enter(fnv(fnvBasis, r.name+".onExit"))
		ids.retried(exit.next(argo.StepTeardown), r.attempts)
	}
	if n := len(r.plan.Canary); n > 0 {
		ids.fanOut(at.next(argo.StepCanary+salt), 0, n, r.attempts)
	}
	if r.query != nil {
		ids.retried(at.next(argo.StepQuery+salt), r.attempts)
		at = ids.enter(at.next(argo.StepFirstWave + salt + "(0:0)"))
	}
	if p.count > 0 {
		ids.fanOut(at.next(argo.StepPartitions+salt), p.from, p.count, r.attempts)
	}
	if p.launching == nil {
		return
	}
	for i, wave := range r.plan.Waves {
		if i > 0 && r.gated(i, *p.launching) {
			then := at.next(argo.StepThen + salt)
			ids.verdict(&at, salt)
			at = ids.enter(then)
		}
		prefix := at.next(shardsStep(i, salt))
		for k, item := range p.launching.items(wave) {
			ids.retried(fnv(prefix, fmt.Sprintf("(%d:%s)", k, item)), launcherAttempts)
		}
	}
	ids.verdict(&at, salt)
}

// idSet holds the node ids of a Workflow.
type idSet struct {
	seen  map[uint32]struct{}
	twice bool // some id came twice
}

func newIDs() *idSet { return &idSet{seen: map[uint32]struct{}{}} }

func (s *idSet) reset() {
	clear(s.seen)
	s.twice = false
}

func (s *idSet) add(id uint32) uint32 {
	before := len(s.seen)
	s.seen[id] = struct{}{}
	s.twice = s.twice || len(s.seen) == before
	return id
}

// retried adds a retried node and each of its attempts, name(0), name(1) and so on.
func (s *idSet) retried(name uint32, attempts int) {
	open := fnv(s.add(name), "(")
	for n := range attempts {
		s.add(fnv(open, strconv.Itoa(n)+")"))
	}
}

// fanOut adds a step that calls the fan-out over partitions from … from+count-1,
// and everything below it.
func (s *idSet) fanOut(step uint32, from int64, count, attempts int) {
	item := func(prefix uint32, index int, item int64) uint32 {
		return fnv(prefix, strconv.Itoa(index)+":"+decimal(item)+")")
	}
	groups := s.enter(step)
	group := groups.next("g(")
	for g := range groupsOf(count) {
		leaves, before := s.enter(item(group, g, int64(g))), g*groupSize
		leaf := leaves.next("p(")
		for i := range min(groupSize, count-before) {
			s.retried(item(leaf, i, from+int64(before+i)), attempts)
		}
	}
}

// verdict adds the last step of a template with waves.
func (s *idSet) verdict(at *steps, salt string) {
	fails := s.enter(at.next(argo.StepVerdict + salt))
	fails.next(argo.TemplateVerdict)
}

// steps are those of a node in the order in which Argo names them.
type steps struct {
	*idSet
	node  uint32
	group int
}

// root are the steps that a Workflow begins with. The id of their node is the
// Workflow's name, and no hash.
func (s *idSet) root(workflow string) steps {
	return steps{idSet: s, node: s.add(fnv(fnvBasis, workflow+"(0)"))}
}

// enter are the steps of a node, which is retried and has one attempt.
func (s *idSet) enter(name uint32) steps {
	return steps{idSet: s, node: s.add(fnv(s.add(name), "(0)"))}
}

// next is the next step, alone in its group.
func (s *steps) next(name string) uint32 {
	group := s.add(fnv(s.node, "["+strconv.Itoa(s.group)+"]"))
	s.group++
	return fnv(group, "."+name)
}

const (
	fnvBasis = uint32(2166136261)
	fnvPrime = uint32(16777619)
)

// fnv continues an FNV-1a hash, see RFC 9923. That of package hash/fnv cannot be
// continued from a state at hand.
func fnv(h uint32, text string) uint32 {
	for i := range len(text) {
		h = (h ^ uint32(text[i])) * fnvPrime
	}
	return h
}
