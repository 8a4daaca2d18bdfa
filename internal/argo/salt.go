// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// Argo identifies a node by the 32-bit FNV-1a hash of its full name. When two
// names of one Workflow share a hash, one of the two never runs, or the
// controller fails; with 5,000 nodes that is one Workflow in a hundred or
// fewer. All names are known beforehand, so a step on the path is given the
// first name that keeps them apart, for every attempt there may be.

// Names of the steps on the path, before they are told apart.
const (
	stepPartitions = "partitions" // of a Workflow that runs partitions
	stepCanary     = "canary"     // of a run that has a canary
	stepShards     = "shards"     // of a run that launches, with the number of the wave from the second on
	stepThen       = "then"       // of a run with a failure budget: what comes after a wave
	stepSetup      = "setup"      // of a run with a setup
	stepTeardown   = "teardown"   // of the exit handler of a run; never given another name
)

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
	return fmt.Errorf("no name of its steps keeps the node ids of Workflow %s apart; lower shard_size or retry.limit", workflow)
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
		salt, err := shardSalt(ids, childName(r.name, k), from, shard.Count, r.attempts)
		if err != nil {
			return nil, err
		}
		if salt != stepPartitions {
			exceptions[k] = salt
		}
	}
	return exceptions, nil
}

// shardSalt names the step that calls the fan-out over partitions from …
// from+count-1 in a Workflow.
func shardSalt(ids *idSet, workflow string, from int64, count, attempts int) (string, error) {
	for salt := range salted(stepPartitions) {
		ids.reset(fanOutNodes(count, attempts) + 4 + idleNodes)
		at, fresh := ids.root(workflow)
		group := fnv(at, "[0]")
		if fresh && ids.add(group) && ids.addIdle(workflow) && ids.addFanOut(fnv(group, "."+salt), from, count, attempts) {
			return salt, nil
		}
	}
	return "", errNoSalt(workflow)
}

// idSet is a set of hashes: open addressing, emptied by counting generations.
// It is what makes a million partitions, some 16 million names, a matter of a
// second.
type idSet struct {
	slots      []uint64 // generation<<32 | hash
	mask       uint32   // of the slots in use, a power of two
	generation uint64
}

// idSets are sets to be used again: a new one would have to be cleared.
var idSets = sync.Pool{New: func() any { return new(idSet) }}

func borrowIDs() *idSet {
	ids, _ := idSets.Get().(*idSet)
	return ids
}

func (s *idSet) reset(n int) {
	size := 16
	for size < 2*n {
		size *= 2
	}
	if len(s.slots) < size {
		s.slots, s.generation = make([]uint64, size), 0
	}
	s.mask = uint32(size - 1)
	s.generation++
}

// add tells whether h was not there yet.
func (s *idSet) add(h uint32) bool {
	entry := s.generation<<32 | uint64(h)
	// FNV's low bits are its weakest; the multiplication mixes the high ones in.
	for at := (h * 2654435769) >> 7 & s.mask; ; at = (at + 1) & s.mask {
		if s.slots[at] == entry {
			return false
		}
		if s.slots[at]>>32 != s.generation {
			s.slots[at] = entry
			return true
		}
	}
}

// addAttempts adds a retried node and each of its attempts, name(0), name(1) and so on.
func (s *idSet) addAttempts(name uint32, attempts int) bool {
	if !s.add(name) {
		return false
	}
	open := fnv(name, "(")
	for _, end := range attemptEnds(attempts) {
		if !s.add(fnv(open, end)) {
			return false
		}
	}
	return true
}

// attemptEnds are what the names of a node's attempts end in: 0), 1) and so on.
func attemptEnds(attempts int) []string {
	ends, _ := endsOfAttempts.Load().([]string)
	if len(ends) < attempts {
		ends = make([]string, attempts)
		for n := range ends {
			ends[n] = strconv.Itoa(n) + ")"
		}
		endsOfAttempts.Store(ends)
	}
	return ends[:attempts]
}

var endsOfAttempts atomic.Value

// addOnlyOnce adds a node of steps, which is retried and has one attempt; what
// the steps are named by is the attempt.
func (s *idSet) addOnlyOnce(name uint32) (attempt uint32, fresh bool) {
	attempt = fnv(name, "(0)")
	return attempt, s.add(name) && s.add(attempt)
}

// root is the node that a Workflow begins with. Its id is the Workflow's name,
// and no hash.
func (s *idSet) root(workflow string) (attempt uint32, fresh bool) {
	attempt = fnv(fnvBasis, workflow+"(0)")
	return attempt, s.add(attempt)
}

// idleNodes bounds the names that addIdle adds.
const idleNodes = 4

// addIdle adds the exit handler of a child, see silent.
func (s *idSet) addIdle(workflow string) bool {
	at, fresh := s.addOnlyOnce(fnv(fnvBasis, workflow+".onExit"))
	group := fnv(at, "[0]")
	return fresh && s.add(group) && s.add(fnv(group, "."+exitName))
}

// fanOutNodes bounds the names that addFanOut adds: three for the step, and three
// for each group, are the retried node, its attempt, and its steps.
func fanOutNodes(count, attempts int) int { return 3 + 3*groupsOf(count) + count*(attempts+1) }

// addFanOut adds a step that calls the fan-out over partitions from …
// from+count-1, and everything below it.
func (s *idSet) addFanOut(step uint32, from int64, count, attempts int) bool {
	at, fresh := s.addOnlyOnce(step)
	steps := fnv(at, "[0]")
	fresh = fresh && s.add(steps)
	prefix := fnv(steps, ".g(")
	for g := 0; fresh && g < groupsOf(count); g++ {
		var name [48]byte
		before := g * groupSize
		fresh = s.addGroup(fnv(prefix, appendItem(name[:0], g, int64(g))), from+int64(before), min(groupSize, count-before), attempts)
	}
	return fresh
}

// addGroup adds a group of partitions from … from+count-1.
func (s *idSet) addGroup(group uint32, from int64, count, attempts int) bool {
	at, fresh := s.addOnlyOnce(group)
	steps := fnv(at, "[0]")
	fresh = fresh && s.add(steps)
	prefix := fnv(steps, ".p(")
	for i := 0; fresh && i < count; i++ {
		var name [48]byte
		fresh = s.addAttempts(fnv(prefix, appendItem(name[:0], i, from+int64(i))), attempts)
	}
	return fresh
}

// appendItem appends what the name of an expanded step ends in.
func appendItem(text []byte, index int, item int64) []byte {
	text = append(strconv.AppendInt(text, int64(index), 10), ':')
	return append(strconv.AppendInt(text, item, 10), ')')
}

const (
	fnvBasis = uint32(2166136261)
	fnvPrime = uint32(16777619)
)

// fnv continues an FNV-1a hash, see RFC 9923.
func fnv[T string | []byte](h uint32, text T) uint32 {
	for i := range len(text) {
		h = (h ^ uint32(text[i])) * fnvPrime
	}
	return h
}

// numbers are the whole numbers from first on.
func numbers(first, n int) list {
	out := make(list, n)
	for i := range out {
		out[i] = first + i
	}
	return out
}

func sortedInts[V any](m map[int]V) []int { return slices.Sorted(maps.Keys(m)) }
