// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package domain

import "iter"

// Kind is the meaning of the positions of an axis.
type Kind int

// The kinds of axis.
const (
	// Integer positions are the keys themselves.
	Integer Kind = iota
	// Instant positions are Unix seconds.
	Instant
	// Value axes have no positions; their cells are named by text.
	Value
)

// String is the name of the kind in messages.
func (k Kind) String() string {
	return [...]string{"integers", "instants", "values"}[k]
}

// Axis is one direction of a key space with its grid. Exactly one of the
// concrete types Range, Boundaries, Windows, Values and Open implements it.
type Axis interface {
	Kind() Kind
	// Count is the number of grid cells.
	Count() int64
	// Cell returns the grid cell at an ascending position 0 ≤ i < Count.
	Cell(i int64) Part
	// Split splits [start, end) at the grid's lines, ascending, without parts
	// outside of the axis. It panics for an axis of kind Value.
	Split(start, end int64) iter.Seq[Part]
	sealed()

	check() []*Error
	ready() Axis
	keyOf(p Part) string
	partOf(key string) (Part, bool)
	// longestKey is the maximum length of a key of this axis, in bytes.
	longestKey() int
	facts(p Part) []Fact
}

// Grid is an axis whose cells are adjacent on a line of positions: Range,
// Boundaries and Windows.
//
// Its lines are numbered from 0 at the start of the axis, and step n is between the
// lines n and n+1. A step is not always a cell: the last may be clipped, and a
// Windows axis may exclude some.
type Grid interface {
	Axis
	// Extent lists the intervals that the axis covers: ascending, disjoint, not
	// touching.
	Extent() []Interval
	// Cells returns the first of the cells that share a position with
	// [start, end) and their number.
	Cells(start, end int64) (first, count int64)
	// StepOf returns the number of the step of a cell.
	StepOf(cell int64) int64
	// Line returns the position of line n ≥ 0; ok is false if the axis has no
	// such line.
	Line(n int64) (pos int64, ok bool)
	// LineAt returns the number of the line at exactly pos.
	LineAt(pos int64) (n int64, ok bool)
	// Text writes a position for people: an integer, or RFC 3339 with the
	// zone's offset.
	Text(pos int64) string
	// ParsePosition reads what Text writes.
	ParsePosition(text string) (int64, error)
}

// Interval is a half-open interval [Start, End) of positions.
type Interval struct{ Start, End int64 }

// Part is one dimension of a partition. Start and End are positions, [Start, End),
// and Cell is the position of the surrounding grid cell. For an axis of kind Value,
// only Text and Cell are set.
type Part struct {
	Start, End int64
	Text       string
	Cell       int64
}

// Fact is one value about a partition that a runner gets, for example
// {"start", "1000000"} or {"country.key", "de"}. Name is the reference below
// `partition.`.
type Fact struct{ Name, Text string }

// split is Axis.Split for every grid.
func split(g Grid, start, end int64) iter.Seq[Part] {
	return func(yield func(Part) bool) {
		first, count := g.Cells(start, end)
		for i := first; i < first+count; i++ {
			p := g.Cell(i)
			p.Start, p.End = max(p.Start, start), min(p.End, end)
			if !yield(p) {
				return
			}
		}
	}
}

// whole is true if a part is a full step of the grid.
func whole(g Grid, p Part) (step int64, ok bool) {
	step = g.StepOf(p.Cell)
	lo, ok1 := g.Line(step)
	hi, ok2 := g.Line(step + 1)
	return step, ok1 && ok2 && lo == p.Start && hi == p.End
}
