// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
)

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
	return fresh && s.add(group) && s.add(fnv(group, "."+argo.TemplateExit))
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
