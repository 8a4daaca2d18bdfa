// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package domain

import (
	"math"
	"sort"
	"time"
)

// The instants that RFC 3339 can express in every zone, with a margin of a year.
var (
	firstInstant = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	lastInstant  = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
)

// calendar is the grid of a Windows axis.
type calendar struct {
	clock
	start, end int64 // instants
	wallStart  int64
	every      Step
	stretches  []stretch
	count      int64
}

// stretch is a part of the axis without excluded steps: the numbers of cells and of
// steps increase together.
type stretch struct {
	Interval
	cell, step int64 // of the first cell
}

func newCalendar(w Windows) *calendar {
	c := &calendar{start: w.Start.Unix(), end: w.End.Unix(), every: w.Every}
	c.clock = newClock(w.Zone, c.start-margin, c.end+margin)
	c.wallStart = c.wall(c.start)
	for _, iv := range without(Interval{c.start, c.end}, w.Exclude) {
		c.addStretch(iv)
	}
	return c
}

// without returns the remaining parts of iv, ascending.
func without(iv Interval, holes []Interval) []Interval {
	sorted := append([]Interval(nil), holes...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Start < sorted[j].Start })
	var out []Interval
	for _, hole := range sorted {
		if hole.Start > iv.Start {
			out = append(out, Interval{iv.Start, min(hole.Start, iv.End)})
		}
		iv.Start = max(iv.Start, hole.End)
		if iv.Start >= iv.End {
			return out
		}
	}
	return append(out, iv)
}

// addStretch appends iv, split where the calendar skips a whole step: two lines are
// equal there, because clocks went forward by a step or more.
func (c *calendar) addStretch(iv Interval) {
	for i, p := range c.periods {
		if i == 0 || c.every.Unit < Day || p.offset-c.periods[i-1].offset < c.every.seconds() || p.start < iv.Start ||
			p.start >= iv.End {
			continue
		}
		for n := c.stepAt(p.start); ; n++ {
			at, ok := c.line(n)
			if !ok || at >= iv.End || at > p.start+margin {
				break
			}
			if before, _ := c.line(n - 1); before == at && at > iv.Start {
				c.addUnbroken(Interval{iv.Start, at})
				iv.Start = at
			}
		}
	}
	c.addUnbroken(iv)
}

func (c *calendar) addUnbroken(iv Interval) {
	s := stretch{Interval: iv, cell: c.count, step: c.stepAt(iv.Start)}
	c.count += c.stepAt(iv.End-1) - s.step + 1
	c.stretches = append(c.stretches, s)
}

// seconds is the minimum length of a step, ignoring clock changes.
func (s Step) seconds() int64 {
	return int64(s.N) * [...]int64{minute, hour, day, 7 * day, 28 * day, 365 * day}[s.Unit]
}

// months is the length of a step of months or years.
func (s Step) months() int64 {
	if s.Unit == Year {
		return 12 * int64(s.N)
	}
	return int64(s.N)
}

// line returns the instant of line n, for all lines whose wall time is certain to
// fit, far beyond lastInstant.
func (c *calendar) line(n int64) (int64, bool) {
	if n < 0 || n > (2*lastInstant-c.wallStart)/c.every.seconds() {
		return 0, false
	}
	if n == 0 {
		return c.start, true // also where clocks show it a second time
	}
	if c.every.Unit < Day {
		return c.start + n*c.every.seconds(), true
	}
	return c.instant(c.wallOf(n)), true
}

// wallOf returns the wall time of line n, for units of days and longer.
func (c *calendar) wallOf(n int64) int64 {
	if c.every.Unit <= Week {
		return c.wallStart + n*c.every.seconds()
	}
	at := time.Unix(c.wallStart, 0).UTC()
	return at.AddDate(0, int(n*c.every.months()), 0).Unix()
}

// stepAt returns the step that contains an instant ≥ start; of several lines at the
// same instant, the last.
func (c *calendar) stepAt(instant int64) int64 {
	if c.every.Unit < Day {
		return (instant - c.start) / c.every.seconds()
	}
	n := max(0, c.guess(c.wall(instant)))
	for {
		at, ok := c.line(n)
		if ok && at <= instant {
			break
		}
		n--
	}
	for {
		at, ok := c.line(n + 1)
		if !ok || at > instant {
			return n
		}
		n++
	}
}

// guess is the step that contains a wall time, or one of its neighbors.
func (c *calendar) guess(wall int64) int64 {
	if c.every.Unit <= Week {
		return (wall - c.wallStart) / c.every.seconds()
	}
	return (monthOf(wall) - monthOf(c.wallStart)) / c.every.months()
}

func monthOf(wall int64) int64 {
	y, m, _ := time.Unix(wall, 0).UTC().Date()
	return 12*int64(y) + int64(m)
}

func (c *calendar) stretchOfCell(cell int64) stretch {
	i := sort.Search(len(c.stretches), func(i int) bool { return c.stretches[i].cell > cell })
	return c.stretches[i-1]
}

func (c *calendar) cell(i int64) Part {
	s := c.stretchOfCell(i)
	step := s.step + i - s.cell
	p := Part{Start: s.Start, End: s.End, Cell: i}
	if at, ok := c.line(step); ok {
		p.Start = max(p.Start, at)
	}
	if at, ok := c.line(step + 1); ok {
		p.End = min(p.End, at)
	}
	return p
}

func (c *calendar) cells(start, end int64) (first, count int64) {
	start, end = max(start, c.start), min(end, c.end)
	i := sort.Search(len(c.stretches), func(i int) bool { return c.stretches[i].End > start })
	j := sort.Search(len(c.stretches), func(j int) bool { return c.stretches[j].Start >= end })
	if start >= end || i >= j {
		return 0, 0
	}
	a, b := c.stretches[i], c.stretches[j-1]
	first = a.cell + c.stepAt(max(start, a.Start)) - a.step
	last := b.cell + c.stepAt(min(end, b.End)-1) - b.step
	return first, last - first + 1
}

// stepOfKey finds the step for the key of a whole window.
func (c *calendar) stepOfKey(key string) (int64, bool) {
	if c.every.Unit < Day {
		at, ok := parseStamp(key)
		if !ok || at < c.start || at >= c.end {
			return 0, false
		}
		n := c.stepAt(at)
		line, _ := c.line(n)
		return n, line == at
	}
	date, err := time.Parse(time.DateOnly, key)
	if err != nil {
		return 0, false
	}
	wall := date.Unix() + mod(c.wallStart, day)
	if wall < c.wallStart || wall > c.end+margin {
		return 0, false
	}
	n := c.guess(wall)
	return n, n < math.MaxInt32 && c.wallOf(n) == wall
}
