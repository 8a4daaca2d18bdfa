// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package domain

import (
	"errors"
	"iter"
	"math"
	"strconv"
	"strings"
)

// Range splits [Start, End) every Size integers; the last cell may be shorter.
type Range struct{ Start, End, Size int64 }

func (r Range) sealed() {}

// Kind is Integer.
func (r Range) Kind() Kind { return Integer }

func (r Range) ready() Axis { return r }

func (r Range) check() []*Error {
	if r.Size <= 0 {
		return []*Error{fault("size", "The size is %d; it must be at least 1. Set it to the number of keys per partition.",
			r.Size)}
	}
	if r.Start >= r.End {
		return []*Error{fault("end", "The range [%d, %d) is empty. The end is exclusive and must be greater "+
			"than the start.", r.Start, r.End)}
	}
	if r.End-r.Start < 0 {
		return []*Error{fault("end", "The range [%d, %d) has more than %d keys. Use a smaller range.", r.Start, r.End,
			int64(math.MaxInt64))}
	}
	if r.End > math.MaxInt64-r.Size {
		return []*Error{fault("size", "The end %d plus the size %d exceeds the greatest 64-bit integer, %d. Lower the "+
			"size or the end.", r.End, r.Size, int64(math.MaxInt64))}
	}
	return nil
}

// Count is the number of cells, the last of which may be clipped.
func (r Range) Count() int64 { return (r.End-r.Start-1)/r.Size + 1 }

// Cell returns cell i.
func (r Range) Cell(i int64) Part {
	start := r.Start + i*r.Size
	return Part{Start: start, End: min(start+r.Size, r.End), Cell: i}
}

// Extent is the range itself.
func (r Range) Extent() []Interval { return []Interval{{r.Start, r.End}} }

// Cells returns the cells that meet [start, end).
func (r Range) Cells(start, end int64) (first, count int64) {
	start, end = max(start, r.Start), min(end, r.End)
	if start >= end {
		return 0, 0
	}
	first = (start - r.Start) / r.Size
	return first, (end-1-r.Start)/r.Size - first + 1
}

// Split splits [start, end) at the multiples of Size counted from Start.
func (r Range) Split(start, end int64) iter.Seq[Part] { return split(r, start, end) }

// StepOf returns the cell itself: a range excludes no steps.
func (r Range) StepOf(cell int64) int64 { return cell }

// Line returns Start + n·Size, also beyond End, as long as it fits an int64.
func (r Range) Line(n int64) (int64, bool) {
	room := uint64(math.MaxInt64) - uint64(r.Start) // exact: MaxInt64 ≥ Start
	if n < 0 || uint64(n) > room/uint64(r.Size) {
		return 0, false
	}
	return r.Start + n*r.Size, true
}

// LineAt returns the number of the line at pos.
func (r Range) LineAt(pos int64) (int64, bool) {
	if pos < r.Start {
		return 0, false
	}
	distance := uint64(pos) - uint64(r.Start)
	n := distance / uint64(r.Size)
	return int64(n), distance%uint64(r.Size) == 0 && n <= math.MaxInt64
}

// Text writes a decimal integer.
func (r Range) Text(pos int64) string { return strconv.FormatInt(pos, 10) }

// ParsePosition reads a decimal integer of 64 bits.
func (r Range) ParsePosition(text string) (int64, error) { return parseInteger(text) }

func (r Range) keyOf(p Part) string { return integerKey(p) }

func (r Range) partOf(key string) (Part, bool) { return integerPart(r, key) }

func (r Range) longestKey() int { return longestIntegerKey(r.Start, r.End) }

func (r Range) facts(p Part) []Fact { return integerFacts(p) }

// Boundaries splits at explicit ascending points. The first is the start of the axis
// and the last its end.
type Boundaries struct{ Points []int64 }

func (b Boundaries) sealed() {}

// Kind is Integer.
func (b Boundaries) Kind() Kind { return Integer }

func (b Boundaries) ready() Axis { return b }

func (b Boundaries) check() []*Error {
	if len(b.Points) < 2 {
		return []*Error{fault("boundaries", "There are %d boundaries; at least two are required: the start of the first "+
			"partition and the end of the last.", len(b.Points))}
	}
	for i := 1; i < len(b.Points); i++ {
		if b.Points[i] <= b.Points[i-1] {
			return []*Error{faultAt("boundaries", i, "The boundary %d is not greater than the previous one, %d. List the "+
				"boundaries in ascending order, each once.", b.Points[i], b.Points[i-1])}
		}
	}
	if first, last := b.Points[0], b.Points[len(b.Points)-1]; last-first < 0 {
		return []*Error{fault("boundaries", "The range [%d, %d) has more than %d keys. Use boundaries of a smaller range.",
			first, last, int64(math.MaxInt64))}
	}
	return nil
}

// Count is the number of cells: one less than there are points.
func (b Boundaries) Count() int64 { return int64(len(b.Points)) - 1 }

// Cell returns cell i.
func (b Boundaries) Cell(i int64) Part {
	return Part{Start: b.Points[i], End: b.Points[i+1], Cell: i}
}

// Extent is the interval from the first point to the last.
func (b Boundaries) Extent() []Interval {
	return []Interval{{b.Points[0], b.Points[len(b.Points)-1]}}
}

// Cells returns the cells that meet [start, end).
func (b Boundaries) Cells(start, end int64) (first, count int64) {
	start, end = max(start, b.Points[0]), min(end, b.Points[len(b.Points)-1])
	if start >= end {
		return 0, 0
	}
	first = cellHolding(b.Points, start)
	return first, cellHolding(b.Points, end-1) - first + 1
}

// Split splits [start, end) at the points.
func (b Boundaries) Split(start, end int64) iter.Seq[Part] { return split(b, start, end) }

// StepOf returns the cell itself.
func (b Boundaries) StepOf(cell int64) int64 { return cell }

// Line returns point n.
func (b Boundaries) Line(n int64) (int64, bool) {
	if n < 0 || n >= int64(len(b.Points)) {
		return 0, false
	}
	return b.Points[n], true
}

// LineAt returns the number of the point at pos.
func (b Boundaries) LineAt(pos int64) (int64, bool) {
	if pos < b.Points[0] {
		return 0, false
	}
	n := cellHolding(b.Points, pos)
	return n, b.Points[n] == pos
}

// Text writes a decimal integer.
func (b Boundaries) Text(pos int64) string { return strconv.FormatInt(pos, 10) }

// ParsePosition reads a decimal integer of 64 bits.
func (b Boundaries) ParsePosition(text string) (int64, error) { return parseInteger(text) }

func (b Boundaries) keyOf(p Part) string { return integerKey(p) }

func (b Boundaries) partOf(key string) (Part, bool) { return integerPart(b, key) }

func (b Boundaries) longestKey() int {
	return longestIntegerKey(b.Points[0], b.Points[len(b.Points)-1])
}

func (b Boundaries) facts(p Part) []Fact { return integerFacts(p) }

// cellHolding returns the last i with points[i] ≤ pos; points[0] ≤ pos.
func cellHolding(points []int64, pos int64) int64 {
	lo, hi := 0, len(points)
	for hi-lo > 1 {
		mid := int(uint(lo+hi) / 2)
		if points[mid] <= pos {
			lo = mid
		} else {
			hi = mid
		}
	}
	return int64(lo)
}

func parseInteger(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return 0, errors.New("does not fit in 64 bits")
	}
	if err != nil || strconv.FormatInt(n, 10) != text {
		return 0, errors.New("is not a whole number")
	}
	return n, nil
}

// keyBounds separates the two bounds of a key.
const keyBounds = "--"

func integerKey(p Part) string {
	return strconv.FormatInt(p.Start, 10) + keyBounds + strconv.FormatInt(p.End, 10)
}

// integerPart finds the part of a grid cell for a key.
func integerPart(g Grid, key string) (Part, bool) {
	// A leading minus belongs to the first bound.
	at := strings.Index(key[min(1, len(key)):], keyBounds)
	if at < 0 {
		return Part{}, false
	}
	at += min(1, len(key))
	start, err1 := parseInteger(key[:at])
	end, err2 := parseInteger(key[at+len(keyBounds):])
	if err1 != nil || err2 != nil {
		return Part{}, false
	}
	return within(g, start, end)
}

// within returns [start, end) as a part if it is in a single cell.
func within(g Grid, start, end int64) (Part, bool) {
	first, count := g.Cells(start, end)
	if count != 1 {
		return Part{}, false
	}
	cell := g.Cell(first)
	if start < cell.Start || end > cell.End {
		return Part{}, false
	}
	return Part{Start: start, End: end, Cell: first}, true
}

func longestIntegerKey(start, end int64) int {
	width := max(len(strconv.FormatInt(start, 10)), len(strconv.FormatInt(end, 10)))
	return 2*width + len(keyBounds)
}

func integerFacts(p Part) []Fact {
	return []Fact{{"start", strconv.FormatInt(p.Start, 10)}, {"end", strconv.FormatInt(p.End, 10)}}
}
