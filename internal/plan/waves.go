// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package plan

import (
	"cmp"
	"slices"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// MaxWaves is the most waves of a run, not counting its canary; the last one
// takes all that is left.
const MaxWaves = 40

// Canary chooses the partitions that run before all others and must all
// succeed: the first in run order, or those with certain keys. The zero value
// chooses none.
type Canary struct {
	Partitions int
	Keys       []string
}

// Waves says how the groups of shards grow: the first has Shards of them, each
// further one Growth times as many, at most Max (0: no bound). The zero value
// makes one wave of everything.
type Waves struct{ Shards, Growth, Max int }

// Doubling is how waves grow when something needs waves and nobody said how.
var Doubling = Waves{Shards: 1, Growth: 2}

// Gates says after what a run waits for approval: its canary, and each wave. A
// run ends at a closed gate; another one goes on behind it.
// See internal/decisions/0024-manual-gates-end-runs.md.
type Gates struct{ Canary, Waves bool }

// closed tells whether wave n may not start yet.
func (g Gates) closed(in Input, n int) bool {
	if n == 1 {
		return g.Canary && in.Approved < n
	}
	return g.Waves && in.Approved < n
}

// Budget says how many partitions may fail for good before no further wave
// starts.
type Budget struct {
	// MaxFailed bounds their number; negative for no bound.
	MaxFailed int64
	// MaxRatio bounds their share of the partitions of the canary and of the
	// waves that have run, in millionths; negative for no bound.
	MaxRatio int64
}

// Unlimited is the budget that is never exceeded.
var Unlimited = Budget{MaxFailed: -1, MaxRatio: -1}

// million is the scale of MaxRatio.
const million = 1_000_000

// Allowed is how many of the partitions run so far may have failed for the next
// wave to start; negative when there is no bound.
func (b Budget) Allowed(run int64) int64 {
	allowed := b.MaxFailed
	if b.MaxRatio >= 0 {
		share := run/million*b.MaxRatio + run%million*b.MaxRatio/million
		if allowed < 0 || share < allowed {
			allowed = share
		}
	}
	return allowed
}

// Wave is a group of shards, all of which end before the next wave starts.
type Wave struct {
	Number int // from 1; the canary is wave 0
	First  int // number of its first shard
	Shards int
	// Partitions is how many it has, Before how many of the run come before it,
	// the canary's included.
	Partitions, Before int64
	// Allowed is how many partitions of the run may have failed before this wave
	// for it to start; negative when there is no bound. It is so in a run's
	// first wave, too: a canary that fails ends the run by itself.
	Allowed int64
}

// sizes are the numbers of shards of the waves from number first on, until all
// are in one. Wave 40 takes the rest.
func (w Waves) sizes(shards, first int) []int {
	if shards == 0 {
		return nil
	}
	if w.Shards <= 0 {
		return []int{shards}
	}
	var out []int
	for n := first; shards > 0; n++ {
		size := shards
		if n < MaxWaves {
			size = min(shards, w.size(n))
		}
		out = append(out, size)
		shards -= size
	}
	return out
}

// size is the number of shards of wave n, from 1, as declared.
func (w Waves) size(n int) int {
	const most = 1 << 30
	size := w.Shards
	for i := 1; i < n && size < most; i++ {
		if w.Growth <= 1 || w.Max > 0 && size >= w.Max {
			break
		}
		size *= w.Growth
	}
	if w.Max > 0 {
		size = min(size, w.Max)
	}
	return size
}

// group puts the shards into waves.
func (p *Plan) group(w Waves, b Budget, first int) {
	shard, before := 0, int64(len(p.Canary))
	for i, size := range w.sizes(p.ShardCount(), first) {
		wave := Wave{Number: first + i, First: shard, Shards: size, Before: before, Allowed: -1}
		last := p.Shard(shard + size - 1)
		wave.Partitions = last.Offset + int64(last.Count) - p.Shard(shard).Offset
		if i > 0 {
			wave.Allowed = b.Allowed(before)
		}
		p.Waves = append(p.Waves, wave)
		shard, before = shard+size, before+wave.Partitions
	}
}

// Uniform is a plan of n partitions in shards of one size, without a canary, of
// which only the numbers matter: the keys are not known yet.
func Uniform(d domain.Domain, n int64, shardSize int, w Waves, b *Budget) Plan {
	p := Plan{Domain: d, ShardSize: shardSize, Partitions: n, Order: OldestFirst, inShards: n}
	p.Segments = []Segment{{Lo: 0, Hi: n, Step: 1, Count: n}}
	budget := Unlimited
	if b != nil {
		budget = *b
	}
	p.group(w, budget, 1)
	return p
}

// choose finds the partitions of the canary in what remains, in run order, and
// the keys that are not there as a whole.
func choose(c Canary, all Plan) (chosen []domain.Partition, absent []string) {
	if len(c.Keys) == 0 {
		n := min(int64(c.Partitions), all.inShards)
		if n <= 0 {
			return nil, nil
		}
		return slices.Collect(all.stretch(0, n)), nil
	}
	left := all.Covers
	for _, key := range c.Keys {
		p, ok := all.Domain.Find(key)
		if ok {
			piece := ledger.Of(all.Domain, slices.Values([]domain.Partition{p}))
			if ok = left.Contains(piece); ok {
				chosen, left = append(chosen, p), left.Minus(piece)
			}
		}
		if !ok {
			absent = append(absent, key)
		}
	}
	slices.SortFunc(chosen, inOrder)
	if all.Order == NewestFirst {
		slices.Reverse(chosen)
	}
	return chosen, absent
}

// inOrder compares partitions by the first part that differs.
func inOrder(a, b domain.Partition) int {
	for i, part := range a.Parts {
		if c := cmp.Or(cmp.Compare(part.Cell, b.Parts[i].Cell), cmp.Compare(part.Start, b.Parts[i].Start)); c != 0 {
			return c
		}
	}
	return 0
}

// until is what the first n partitions of the run cover.
func (p Plan) until(n int) ledger.Set {
	return ledger.Of(p.Domain, func(yield func(domain.Partition) bool) {
		for _, partition := range p.Canary[:min(n, len(p.Canary))] {
			if !yield(partition) {
				return
			}
		}
		if n <= len(p.Canary) {
			return
		}
		for partition := range p.stretch(0, int64(n-len(p.Canary))) {
			if !yield(partition) {
				return
			}
		}
	})
}

// without is what remains beside the canary.
func without(d domain.Domain, remaining ledger.Set, canary []domain.Partition) ledger.Set {
	if len(canary) == 0 {
		return remaining
	}
	return remaining.Minus(ledger.Of(d, slices.Values(canary)))
}
