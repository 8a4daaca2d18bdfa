// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package domain

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// restless are zones whose clocks do what breaks naive calendars.
var restless = []string{
	"UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Havana", "America/St_Johns",
	"Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati", "Asia/Kathmandu", "Africa/Casablanca",
	"Antarctica/Troll", "Antarctica/Casey", "Asia/Beirut", "Asia/Amman", "Asia/Pyongyang",
}

func drawGrid(t *rapid.T) Grid {
	switch rapid.SampledFrom([]string{"range", "boundaries", "windows", "windows"}).Draw(t, "axis") {
	case "range":
		start := rapid.Int64Range(-1<<62, 1<<62).Draw(t, "start")
		size := rapid.Int64Range(1, 1000).Draw(t, "size")
		return Range{start, start + rapid.Int64Range(1, 30*size).Draw(t, "length"), size}
	case "boundaries":
		points := rapid.SliceOfNDistinct(rapid.Int64Range(-100, 100), 2, 20, rapid.ID).Draw(t, "points")
		slices.Sort(points)
		return Boundaries{points}
	}
	return drawWindows(t)
}

func drawWindows(t *rapid.T) Windows {
	loc, err := time.LoadLocation(rapid.SampledFrom(restless).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	step := Step{rapid.IntRange(1, 3).Draw(t, "n"), Unit(rapid.IntRange(int(Minute), int(Year)).Draw(t, "unit"))}
	from := time.Date(1975, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	to := time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	start := rapid.Int64Range(from, to).Draw(t, "start")
	if changes := newClock(loc, from, to).periods[1:]; len(changes) > 0 && rapid.Bool().Draw(t, "near a change") {
		start = rapid.SampledFrom(changes).Draw(t, "change").start + rapid.Int64Range(-30*hour, 3*hour).Draw(t, "before")
	}
	if rapid.Bool().Draw(t, "at the full hour") {
		start -= mod(start, hour)
	}
	if step.Unit >= Month {
		for time.Unix(start, 0).In(loc).Day() > lastSafeDay {
			start += day
		}
	}
	w := Windows{Start: time.Unix(start, 0), Every: step, Zone: loc}
	length := rapid.Int64Range(1, 20*step.seconds()).Draw(t, "length")
	w.End = time.Unix(start+length, 0)
	for range rapid.IntRange(0, 3).Draw(t, "exclusions") {
		a := start + rapid.Int64Range(-10, length).Draw(t, "from")
		w.Exclude = append(w.Exclude, Interval{a, a + rapid.Int64Range(1, length).Draw(t, "for")})
	}
	if len(without(Interval{start, start + length}, w.Exclude)) == 0 {
		w.Exclude = nil
	}
	return w
}

func drawValues(t *rapid.T) Values {
	text := rapid.OneOf(rapid.StringOfN(rapid.SampledFrom([]rune("ab_-.%F5 ü")), 1, 4, -1), rapid.StringN(1, 5, 20))
	return Values{Items: rapid.SliceOfNDistinct(text, 1, 8, rapid.ID).Draw(t, "values")}
}

func drawDomain(t *rapid.T) Domain {
	names := []string{"a", "b", "c", "d"}[:rapid.SampledFrom([]int{1, 1, 2, 2, 3, 4}).Draw(t, "dimensions")]
	var dims []Dimension
	for _, name := range names {
		dim := Dimension{Name: name}
		if len(names) == 1 {
			dim.Name = ""
		}
		if rapid.Bool().Draw(t, "values") {
			dim.Axis = drawValues(t)
		} else {
			dim.Axis = drawGrid(t)
		}
		dims = append(dims, dim)
	}
	d, err := New(dims...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// checked passes an axis through New.
func checked[A Axis](t *rapid.T, axis A) A {
	d, err := New(Dimension{Axis: axis})
	if err != nil {
		t.Fatal(err)
	}
	return d.Dimensions[0].Axis.(A)
}

func TestCellsCoverTheAxisExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := checked(t, drawGrid(t))
		var covered []Interval
		for i := range g.Count() {
			p := g.Cell(i)
			if p.Cell != i || p.Start >= p.End {
				t.Fatalf("cell %d is %+v", i, p)
			}
			if n := len(covered); n > 0 && p.Start < covered[n-1].End {
				t.Fatalf("cell %d overlaps the one before", i)
			} else if n > 0 && p.Start == covered[n-1].End {
				covered[n-1].End = p.End
				continue
			}
			covered = append(covered, Interval{p.Start, p.End})
		}
		if !slices.Equal(covered, g.Extent()) {
			t.Fatalf("cells cover %v, the axis is %v", covered, g.Extent())
		}
	})
}

func TestSplitAgreesWithEveryCell(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := checked(t, drawGrid(t))
		all := g.Extent()
		lo, hi := all[0].Start-5, all[len(all)-1].End+5
		start := rapid.Int64Range(lo, hi).Draw(t, "start")
		end := rapid.Int64Range(lo, hi).Draw(t, "end")
		var want []Part
		for i := range g.Count() {
			p := g.Cell(i)
			p.Start, p.End = max(p.Start, start), min(p.End, end)
			if p.Start < p.End {
				want = append(want, p)
			}
		}
		if got := slices.Collect(g.Split(start, end)); !slices.Equal(got, want) {
			t.Fatalf("[%d, %d) is split into %v, want %v", start, end, got, want)
		}
		if _, n := g.Cells(start, end); n != int64(len(want)) {
			t.Fatalf("[%d, %d) meets %d cells, want %d", start, end, n, len(want))
		}
	})
}

func TestCellsLieBetweenTheLinesOfTheirStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := checked(t, drawGrid(t))
		for i := range g.Count() {
			p, step := g.Cell(i), g.StepOf(i)
			lo, ok1 := g.Line(step)
			hi, ok2 := g.Line(step + 1)
			if !ok1 || !ok2 || p.Start < lo || p.End > hi {
				t.Fatalf("cell %+v does not lie in step %d, [%d, %d)", p, step, lo, hi)
			}
			if n, ok := g.LineAt(lo); !ok || n != step {
				t.Fatalf("line %d is at %d, where line %d %v is found", step, lo, n, ok)
			}
			if back, err := g.ParsePosition(g.Text(p.Start)); err != nil || back != p.Start {
				t.Fatalf("%s is read as %d (%v), not %d", g.Text(p.Start), back, err, p.Start)
			}
		}
	})
}

// drawPiece draws a grid cell of d, or a piece of one.
func drawPiece(t *rapid.T, d Domain) Partition {
	p := d.At(rapid.Int64Range(0, d.Count()-1).Draw(t, "index"))
	for i := range p.Parts {
		part := &p.Parts[i]
		if part.Text == "" && rapid.Bool().Draw(t, "cut") {
			part.Start = rapid.Int64Range(part.Start, part.End-1).Draw(t, "start")
			part.End = rapid.Int64Range(part.Start+1, part.End).Draw(t, "end")
		}
	}
	return p
}

func TestKeysTellPartitionsApartAndLeadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDomain(t)
		seen := map[string]string{}
		for range 30 {
			p := drawPiece(t, d)
			key, is := d.Key(p), fmt.Sprint(p)
			if was, taken := seen[key]; taken && was != is {
				t.Fatalf("%s and %s share the key %s", was, is, key)
			}
			seen[key] = is
			if back, ok := d.Find(key); !ok || fmt.Sprint(back) != is {
				t.Fatalf("%s has the key %s, which leads to %v %v", is, key, back, ok)
			}
			if len(key) > longestFileName {
				t.Fatalf("the key %s has %d bytes", key, len(key))
			}
		}
	})
}

func TestIndexIsThePositionInAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDomain(t)
		var i int64
		for p := range d.All() {
			if p.Index != i || d.Partition(p.Parts).Index != i {
				t.Fatalf("partition %d has the index %d", i, p.Index)
			}
			if i++; i == 1000 {
				return
			}
		}
		if i != d.Count() {
			t.Fatalf("%d partitions, want %d", i, d.Count())
		}
	})
}

func TestExtensionKeepsTheKeysOfWholeCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWindows(t)
		longer := w
		longer.End = w.End.Add(time.Duration(rapid.Int64Range(1, 1000).Draw(t, "hours")) * time.Hour)
		keys := map[string]bool{}
		small, large := checked(t, w), checked(t, longer)
		for i := range large.Count() {
			keys[large.keyOf(large.Cell(i))] = true
		}
		for i := range small.Count() {
			p := small.Cell(i)
			if _, ok := whole(small, p); ok && !keys[small.keyOf(p)] && p.End < w.End.Unix() {
				t.Fatalf("the key %s is gone from the longer axis", small.keyOf(p))
			}
		}
	})
}

func FuzzFind(f *testing.F) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, berlin)
	windows := func(unit Unit) Dimension {
		return Dimension{"t", Windows{Start: start, End: start.AddDate(3, 0, 1), Every: Step{1, unit}, Zone: berlin}}
	}
	values := Dimension{"v", Values{Items: []string{"de", "a__b", "%", "."}}}
	ids := Dimension{"id", Range{-5, 3000, 1000}}
	var spaces []Domain
	for _, dims := range [][]Dimension{{values}, {ids}, {windows(Hour)}, {windows(Day)}, {windows(Month)},
		{values, ids}, {windows(Week), values, ids}} {
		if len(dims) == 1 {
			dims = []Dimension{{Axis: dims[0].Axis}}
		}
		d, err := New(dims...)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(len(spaces), d.Key(d.At(0)))
		f.Add(len(spaces), d.Key(d.At(d.Count()-1)))
		spaces = append(spaces, d)
	}
	f.Fuzz(func(t *testing.T, which int, key string) {
		d := spaces[uint(which)%uint(len(spaces))]
		p, ok := d.Find(key)
		if !ok {
			return
		}
		cell := d.At(p.Index)
		for i, part := range p.Parts {
			if part.Start < cell.Parts[i].Start || part.End > cell.Parts[i].End || part.Text != cell.Parts[i].Text {
				t.Fatalf("%q leads to %v, outside of the cell %v", key, p, cell)
			}
		}
		if d.Key(p) != key {
			t.Fatalf("%q leads to a partition with the key %q", key, d.Key(p))
		}
	})
}
