// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package ledger is the algebra of done keys: sets over the key space of a job, their
// text form and their counts.
//
// A Set contains positions of the axes (package domain), not partition numbers. A job
// can therefore be extended, shrunk or split differently, and its finished keys stay
// done. The domain is needed only to count a set or to list its partitions (Count,
// Partitions, Rows).
//
// Sets are immutable, and equal sets have the same internal form. Union, Minus and
// Intersect are linear in the size of their sets, which is the number of intervals,
// not of keys. Text writes a set, and Parse reads it back.
//
// The package does not know runs and records.
package ledger

import (
	"iter"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
)

// Set is an immutable set of keys. The zero value is the empty set of any
// domain.
//
// A set over a product maps intervals of the leading dimensions to sets over the
// rest. The leading dimensions are positions too, not cells: any dimension can be
// split differently without losing done keys.
//
// Sets do not know their domain. Do not mix sets over different spaces (see
// domain.SameSpace). If their shapes differ (positions and values, or another number
// of dimensions), they have no keys in common, and Union panics.
// See internal/decisions/0001-the-ledger-is-in-key-space.md.
type Set struct{ root *tree }

// Full is the set of all keys of d.
func Full(d domain.Domain) Set {
	if len(d.Dimensions) == 0 || !d.Bounded() {
		return Set{}
	}
	var below *tree
	for i := len(d.Dimensions) - 1; i >= 0; i-- {
		t := &tree{}
		switch axis := d.Dimensions[i].Axis.(type) {
		case domain.Grid:
			for _, iv := range axis.Extent() {
				t.spans = append(t.spans, span{iv.Start, iv.End, below})
			}
		case domain.Values:
			for _, item := range axis.Items {
				t.names = append(t.names, name{item, below})
			}
			sortNames(t.names)
		}
		below = t
	}
	return Set{below}
}

// Of is the set of the keys of some partitions of d, in any order; they may
// overlap.
func Of(d domain.Domain, ps iter.Seq[domain.Partition]) Set {
	if len(d.Dimensions) == 1 {
		return Set{new(builder).level(only(d.Dimensions[0].Axis, ps), nil)}
	}
	var rs []row
	for p := range ps {
		r := make(row, len(p.Parts))
		for i, part := range p.Parts {
			if d.Dimensions[i].Axis.Kind() == domain.Value {
				r[i].names = []string{part.Text}
			} else {
				r[i].spans = []domain.Interval{{Start: part.Start, End: part.End}}
			}
		}
		rs = append(rs, r)
	}
	return Set{new(builder).build(rs)}
}

// only collects the members of a single dimension.
func only(axis domain.Axis, ps iter.Seq[domain.Partition]) (all items) {
	for p := range ps {
		switch part := p.Parts[0]; {
		case axis.Kind() == domain.Value:
			all.names = append(all.names, part.Text)
		default:
			all.spans = append(all.spans, domain.Interval{Start: part.Start, End: part.End})
		}
	}
	return all
}

// Span is the set of the positions [start, end) on the only axis of a domain.
func Span(start, end int64) Set {
	if start >= end {
		return Set{}
	}
	return Set{&tree{spans: []span{{lo: start, hi: end}}}}
}

// Union returns the keys of either.
func (s Set) Union(o Set) Set {
	return Set{merge(s.root, o.root, operation{left: true, right: true, both: true})}
}

// Minus returns the keys of s that are not in o.
func (s Set) Minus(o Set) Set {
	if !sameShape(s.root, o.root) {
		return s
	}
	return Set{merge(s.root, o.root, operation{left: true})}
}

// Intersect returns the keys of both.
func (s Set) Intersect(o Set) Set {
	if !sameShape(s.root, o.root) {
		return Set{}
	}
	return Set{merge(s.root, o.root, operation{both: true})}
}

// Empty is true if the set has no keys.
func (s Set) Empty() bool { return s.root == nil }

// Equal is true if both sets have the same keys.
func (s Set) Equal(o Set) bool { return equal(s.root, o.root) }

// Contains is true if every key of o is in s.
func (s Set) Contains(o Set) bool { return o.Minus(s).Empty() }

// Intervals yields the contiguous intervals of a set over one axis of positions,
// ascending. It yields nothing for other sets.
func (s Set) Intervals() iter.Seq[domain.Interval] {
	return func(yield func(domain.Interval) bool) {
		if s.root == nil || s.root.depth() != 1 {
			return
		}
		for _, sp := range s.root.spans {
			if !yield(domain.Interval{Start: sp.lo, End: sp.hi}) {
				return
			}
		}
	}
}

// Count is the number of partitions of s in the grid of d. Keys outside of d do not
// count.
func (s Set) Count(d domain.Domain) int64 { return count(s.root, d.Dimensions) }

func count(t *tree, dims []domain.Dimension) int64 {
	if t == nil || len(dims) == 0 {
		return 0
	}
	below := func(sub *tree) int64 {
		if len(dims) == 1 {
			return 1
		}
		return count(sub, dims[1:])
	}
	var n int64
	switch axis := dims[0].Axis.(type) {
	case domain.Grid:
		for _, sp := range t.spans {
			if _, cells := axis.Cells(sp.lo, sp.hi); cells > 0 {
				n += cells * below(sp.sub)
			}
		}
	case domain.Values:
		for _, nm := range t.names {
			if _, ok := axis.Find(nm.text); ok {
				n += below(nm.sub)
			}
		}
	}
	return n
}

// Partitions yields the partitions of s in the grid of d, ascending: values in the
// order of d's list, and in a product the last dimension varies fastest. Keys outside
// of d are skipped. If the set contains a cell of a leading dimension in several
// parts, the whole first part comes before the second: indexes may repeat and
// decrease.
func (s Set) Partitions(d domain.Domain) iter.Seq[domain.Partition] {
	return func(yield func(domain.Partition) bool) {
		for r := range s.Rows(d) {
			for last := range r.Parts(0) {
				parts := make([]domain.Part, 0, len(r.Lead)+1)
				parts = append(append(parts, r.Lead...), last)
				if !yield(d.Partition(parts)) {
					return
				}
			}
		}
	}
}

// Row is the part of a set in one part of the leading dimensions.
type Row struct {
	// Lead has one part for every dimension except the last.
	Lead []domain.Part
	axis domain.Axis
	last *tree
}

// Rows yields the parts of the leading dimensions in the grid of d, ascending, each
// with the set's keys of the last dimension. A domain of one dimension has one row.
func (s Set) Rows(d domain.Domain) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		if s.root == nil || len(d.Dimensions) == 0 || s.root.depth() != len(d.Dimensions) {
			return
		}
		rows(s.root, d.Dimensions, nil, yield)
	}
}

func rows(t *tree, dims []domain.Dimension, lead []domain.Part, yield func(Row) bool) bool {
	if len(dims) == 1 {
		return yield(Row{Lead: lead, axis: dims[0].Axis, last: t})
	}
	for part, sub := range pieces(t, dims[0].Axis) {
		next := append(append(make([]domain.Part, 0, len(lead)+1), lead...), part)
		if !rows(sub, dims[1:], next, yield) {
			return false
		}
	}
	return true
}

// Is is true if the row's keys of the last dimension are that set, a set over this
// dimension only.
func (r Row) Is(s Set) bool { return equal(r.last, s.root) }

// Count is the number of partitions in the row.
func (r Row) Count() int64 { return count(r.last, []domain.Dimension{{Axis: r.axis}}) }

// Parts yields the parts of the last dimension, ascending, without the first skip
// ones. On an axis of positions, skipping takes no time per part.
func (r Row) Parts(skip int64) iter.Seq[domain.Part] {
	return func(yield func(domain.Part) bool) {
		t := r.last
		if grid, ok := r.axis.(domain.Grid); ok {
			t, skip = dropCells(t, grid, skip)
		}
		for part := range pieces(t, r.axis) {
			if skip > 0 {
				skip--
				continue
			}
			if !yield(part) {
				return
			}
		}
	}
}

// dropCells returns a tree of one dimension without its first n parts. It also
// returns the part of n that exceeds the number of parts.
func dropCells(t *tree, grid domain.Grid, n int64) (*tree, int64) {
	for i, sp := range t.spans {
		first, cells := grid.Cells(sp.lo, sp.hi)
		if n < cells {
			rest := &tree{spans: append([]span(nil), t.spans[i:]...)}
			rest.spans[0].lo = max(sp.lo, grid.Cell(first+n).Start)
			return rest, 0
		}
		n -= cells
	}
	return &tree{}, n
}

// pieces splits the first dimension of a tree at the lines of its axis.
func pieces(t *tree, axis domain.Axis) iter.Seq2[domain.Part, *tree] {
	values, ok := axis.(domain.Values)
	if !ok {
		return func(yield func(domain.Part, *tree) bool) {
			for _, sp := range t.spans {
				for part := range axis.Split(sp.lo, sp.hi) {
					if !yield(part, sp.sub) {
						return
					}
				}
			}
		}
	}
	return func(yield func(domain.Part, *tree) bool) {
		for i, item := range values.Items {
			sub, found := t.find(item)
			if found && !yield(domain.Part{Text: item, Cell: int64(i)}, sub) {
				return
			}
		}
	}
}
