// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package plan decides what one run does: which partitions remain, in what
// order, and how they are cut into a canary, shards and waves.
//
// It is pure and knows nothing of Argo.
package plan

import (
	"iter"
	"slices"
	"sort"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// Order is the direction in which partitions run.
type Order string

// The orders.
const (
	OldestFirst Order = "oldest_first"
	NewestFirst Order = "newest_first"
)

// Input is what a plan is made from.
type Input struct {
	Domain    domain.Domain
	Remaining ledger.Set
	Order     Order
	// ShardSize is the most partitions of a shard, 1 to 1000.
	ShardSize int
	Canary    Canary
	Waves     Waves
	// Budget is what ends the run early; nil for Unlimited.
	Budget *Budget
	// Gates are the places that a run does not pass without approval.
	Gates Gates
	// First is the number of the first wave; 0 for 1.
	First int
	// Approved is the number of the last wave that may start in spite of Gates.
	Approved int
}

// Plan is the work of one run. Its size does not grow with the number of
// partitions but with the number of holes between them.
type Plan struct {
	Domain    domain.Domain
	Covers    ledger.Set
	Order     Order
	ShardSize int
	// Partitions counts all, those of the canary included.
	Partitions int64
	// Canary holds the partitions that run first, and in no shard.
	Canary []domain.Partition
	// Absent are the keys wanted in the canary that the run does not cover.
	Absent []string
	// Waves are the groups of shards, in the order in which they run.
	Waves []Wave
	// Until is the number of the wave that waits for approval and is left out
	// with all that follows; 0 when there is none.
	Until int
	// Segments are the unbroken stretches of the keys in shards, in run order.
	Segments []Segment

	// rows are the keys in shards of the other domains, ascending.
	rows []row
	// inShards counts the partitions beside the canary.
	inShards int64
}

// row is a ledger.Row with the number of partitions in the rows before it.
type row struct {
	ledger.Row
	before int64
}

// Segment is an unbroken stretch of positions [Lo, Hi) on the only axis of a
// domain. Number i of its Count partitions, in run order, lies in grid cell
// First + Step·i and is that cell cut to [Lo, Hi).
//
// In a domain without positions (values, products), it is a stretch of whole
// cells with the indexes [Lo, Hi), and partition i has the index First + Step·i;
// a Step of 0 stands for partitions that are less than a cell.
type Segment struct {
	Lo, Hi      int64
	First, Step int64
	// Line is the number of the grid line at which cell First begins, as
	// domain.Grid counts them: cell First + Step·i lies between the lines
	// Line + Step·i and Line + Step·i + 1. It differs from First only after
	// windows that are excluded or that the calendar skips.
	Line  int64
	Count int64
	// Offset is the number of partitions of the segments before it.
	Offset int64
}

// Shard is a group of partitions that one Workflow runs.
type Shard struct {
	// Number counts from 0 in run order.
	Number int
	// Offset is the number of partitions in the shards before it; those of the
	// canary are in none.
	Offset int64
	Count  int
	// Segment is the stretch that holds the whole shard, or nil when the
	// shard spans a hole, or holds pieces of a product's cells; then its
	// partitions must be written out.
	Segment *Segment
}

// Make plans a run over what remains. Keys outside of the domain are left out.
//
// A plan that ends at a gate covers less, maybe nothing.
func Make(in Input) Plan {
	p := in.whole()
	end := len(p.Canary)
	for _, w := range p.Waves {
		if in.Gates.closed(in, w.Number) {
			in.Remaining = p.until(end)
			in.Gates = Gates{}
			p = in.whole()
			p.Until = w.Number
			return p
		}
		end += int(w.Partitions)
	}
	return p
}

// whole plans a run without regard to gates.
func (in Input) whole() Plan {
	p := Plan{
		Domain:    in.Domain,
		Covers:    in.Remaining.Intersect(ledger.Full(in.Domain)),
		Order:     in.Order,
		ShardSize: max(1, in.ShardSize),
	}
	if p.Covers.Empty() {
		return p
	}
	p.spread(p.Covers)
	if p.Canary, p.Absent = choose(in.Canary, p); len(p.Canary) > 0 {
		p.spread(without(p.Domain, p.Covers, p.Canary))
	}
	// In a product, pieces of a cell that the canary leaves may become one.
	p.Partitions = int64(len(p.Canary)) + p.inShards
	budget := Unlimited
	if in.Budget != nil {
		budget = *in.Budget
	}
	p.group(in.Waves, budget, max(1, in.First))
	return p
}

// spread lays keys out over the shards.
func (p *Plan) spread(keys ledger.Set) {
	p.Segments, p.rows, p.inShards = nil, nil, 0
	if grid, ok := p.grid(); ok {
		p.segment(grid, keys)
		return
	}
	p.product(keys)
}

// grid is the only axis of a domain that has positions.
func (p Plan) grid() (domain.Grid, bool) {
	if len(p.Domain.Dimensions) != 1 {
		return nil, false
	}
	grid, ok := p.Domain.Dimensions[0].Axis.(domain.Grid)
	return grid, ok
}

// segment fills in the segments and counts their partitions.
func (p *Plan) segment(grid domain.Grid, keys ledger.Set) {
	for iv := range keys.Intervals() {
		p.Segments = appendSegments(p.Segments, grid, iv)
	}
	if p.Order == NewestFirst {
		slices.Reverse(p.Segments)
		for i := range p.Segments {
			p.Segments[i].reverse()
		}
	}
	for i := range p.Segments {
		p.Segments[i].Offset = p.inShards
		p.inShards += p.Segments[i].Count
	}
}

// reverse turns the order of a segment's partitions.
func (s *Segment) reverse() {
	if s.Step != 0 {
		s.First, s.Line, s.Step = s.First+s.Count-1, s.Line+s.Count-1, -s.Step
	}
}

// appendSegments adds one unbroken interval, ascending: as one segment, or as
// more where the calendar skips a step, so that lines stay arithmetic.
func appendSegments(out []Segment, grid domain.Grid, iv domain.Interval) []Segment {
	cell, left := grid.Cells(iv.Start, iv.End)
	for lo := iv.Start; left > 0; {
		line := grid.StepOf(cell)
		n := int64(sort.Search(int(left), func(i int) bool { return grid.StepOf(cell+int64(i)) != line+int64(i) }))
		hi := iv.End
		if n < left {
			hi = grid.Cell(cell + n).Start
		}
		out = append(out, Segment{Lo: lo, Hi: hi, First: cell, Step: 1, Line: line, Count: n})
		lo, cell, left = hi, cell+n, left-n
	}
	return out
}

// ShardCount is the number of shards.
func (p Plan) ShardCount() int {
	if p.inShards == 0 {
		return 0
	}
	return int((p.inShards-1)/int64(p.ShardSize)) + 1
}

// Shard returns shard k, 0 ≤ k < ShardCount.
func (p Plan) Shard(k int) Shard {
	s := Shard{Number: k, Offset: int64(k) * int64(p.ShardSize)}
	s.Count = int(min(int64(p.ShardSize), p.inShards-s.Offset))
	if len(p.Segments) == 0 {
		return s
	}
	seg := &p.Segments[p.segmentOf(s.Offset)]
	if seg.Step != 0 && s.Offset+int64(s.Count) <= seg.Offset+seg.Count {
		s.Segment = seg
	}
	return s
}

// segmentOf finds the segment that holds partition i of the shards.
func (p Plan) segmentOf(i int64) int {
	return sort.Search(len(p.Segments), func(k int) bool { return p.Segments[k].Offset > i }) - 1
}

// PartitionsOf yields the partitions of shard k in run order.
func (p Plan) PartitionsOf(k int) iter.Seq[domain.Partition] {
	s := p.Shard(k)
	return p.stretch(s.Offset, int64(s.Count))
}

// InShards is the number of partitions beside the canary.
func (p Plan) InShards() int64 { return p.inShards }

// At returns partition i of the run, 0 ≤ i < Partitions, in run order: the
// canary's come first.
func (p Plan) At(i int64) domain.Partition {
	if i < int64(len(p.Canary)) {
		return p.Canary[i]
	}
	for found := range p.stretch(i-int64(len(p.Canary)), 1) {
		return found
	}
	panic("plan: partition out of range")
}

// stretch yields n partitions of the shards from number i on.
func (p Plan) stretch(i, n int64) iter.Seq[domain.Partition] {
	switch {
	case len(p.rows) == 0:
		return p.fromSegments(i, n)
	case p.Order == NewestFirst:
		return func(yield func(domain.Partition) bool) {
			found := slices.Collect(p.fromRows(p.inShards-i-n, n))
			for _, partition := range slices.Backward(found) {
				if !yield(partition) {
					return
				}
			}
		}
	}
	return p.fromRows(i, n)
}

func (p Plan) fromSegments(i, n int64) iter.Seq[domain.Partition] {
	return func(yield func(domain.Partition) bool) {
		for k := p.segmentOf(i); n > 0; k++ {
			for s := p.Segments[k]; n > 0 && i < s.Offset+s.Count; i, n = i+1, n-1 {
				if !yield(p.piece(s, i-s.Offset)) {
					return
				}
			}
		}
	}
}

// piece is partition i of a segment.
func (p Plan) piece(s Segment, i int64) domain.Partition {
	part := p.Domain.Dimensions[0].Axis.Cell(s.First + s.Step*i)
	part.Start, part.End = max(part.Start, s.Lo), min(part.End, s.Hi)
	return domain.Partition{Index: part.Cell, Parts: []domain.Part{part}}
}

// fromRows yields n partitions, ascending, from the i-th on.
func (p Plan) fromRows(i, n int64) iter.Seq[domain.Partition] {
	return func(yield func(domain.Partition) bool) {
		k := sort.Search(len(p.rows), func(k int) bool { return p.rows[k].before > i }) - 1
		for skip := i - p.rows[k].before; n > 0; k, skip = k+1, 0 {
			for last := range p.rows[k].Parts(skip) {
				parts := make([]domain.Part, 0, len(p.rows[k].Lead)+1)
				parts = append(append(parts, p.rows[k].Lead...), last)
				if !yield(p.Domain.Partition(parts)) {
					return
				}
				if n--; n == 0 {
					break
				}
			}
		}
	}
}
