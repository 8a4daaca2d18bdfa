// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
)

// drawSpace draws a small domain, so that a plain map can hold its keys.
func drawSpace(t *rapid.T) domain.Domain {
	names := []string{"a", "b", "c"}[:rapid.IntRange(1, 3).Draw(t, "dimensions")]
	var dims []domain.Dimension
	for _, name := range names {
		dim := domain.Dimension{Axis: drawAxis(t)}
		if len(names) > 1 {
			dim.Name = name
		}
		dims = append(dims, dim)
	}
	d, err := domain.New(dims...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const universe = 12

func drawAxis(t *rapid.T) domain.Axis {
	switch rapid.IntRange(0, 3).Draw(t, "axis") {
	case 0:
		return domain.Range{Start: 0, End: universe, Size: rapid.Int64Range(1, universe).Draw(t, "size")}
	case 1:
		inner := rapid.SliceOfDistinct(rapid.Int64Range(1, universe-1), rapid.ID).Draw(t, "points")
		slices.Sort(inner)
		return domain.Boundaries{Points: append(append([]int64{0}, inner...), universe)}
	case 2: // in which the positions are seconds
		return domain.Windows{
			Start: time.Unix(0, 0),
			End:   time.Unix(universe, 0),
			Every: domain.Step{N: 1, Unit: domain.Hour},
			Zone:  time.UTC,
		}
	}
	return domain.Values{Items: rapid.Permutation([]string{"de", "fr", "u s", `"`}).Draw(t, "values")}
}

// keys are the smallest keys of a domain: one position or value per dimension.
type keys map[string]bool

// atoms lists the smallest keys of one axis.
func atoms(axis domain.Axis) []domain.Part {
	if values, ok := axis.(domain.Values); ok {
		return slices.Collect(func(yield func(domain.Part) bool) {
			for i := range values.Items {
				if !yield(values.Cell(int64(i))) {
					return
				}
			}
		})
	}
	var out []domain.Part
	for i := range int64(universe) {
		out = append(out, slices.Collect(axis.Split(i, i+1))...)
	}
	return out
}

// explode lists the smallest keys of a partition.
func explode(d domain.Domain, p domain.Partition) (out []string) {
	out = []string{""}
	for i, dim := range d.Dimensions {
		var next []string
		for _, atom := range atoms(dim.Axis) {
			if in := p.Parts[i]; atom.Text != in.Text || atom.Text == "" && (atom.Start < in.Start || atom.Start >= in.End) {
				continue
			}
			for _, prefix := range out {
				next = append(next, fmt.Sprint(prefix, "|", atom.Start, atom.Text))
			}
		}
		out = next
	}
	return out
}

// drawBox draws a partition whose bounds need not be those of the grid.
func drawBox(t *rapid.T, d domain.Domain) domain.Partition {
	parts := make([]domain.Part, len(d.Dimensions))
	for i, dim := range d.Dimensions {
		parts[i] = rapid.SampledFrom(atoms(dim.Axis)).Draw(t, "at")
		if dim.Axis.Kind() != domain.Value {
			parts[i].End = rapid.Int64Range(parts[i].Start+1, universe).Draw(t, "end")
		}
	}
	return domain.Partition{Parts: parts}
}

func drawSet(t *rapid.T, d domain.Domain) (Set, keys) {
	model := keys{}
	var boxes []domain.Partition
	for range rapid.IntRange(0, 6).Draw(t, "boxes") {
		boxes = append(boxes, drawBox(t, d))
		for _, key := range explode(d, boxes[len(boxes)-1]) {
			model[key] = true
		}
	}
	return Of(d, slices.Values(boxes)), model
}

// modelOf reads a set back, and checks that its partitions are disjoint,
// ascending and counted, and that each lies in one grid cell.
func modelOf(t *rapid.T, d domain.Domain, s Set) keys {
	out, n, last := keys{}, int64(0), domain.Partition{}
	for p := range s.Partitions(d) {
		n++
		if slices.CompareFunc(p.Parts, last.Parts, byPlace) <= 0 {
			t.Fatalf("%v follows %v", p, last)
		}
		last = p
		cell := d.At(p.Index)
		for i, part := range p.Parts {
			if part.Text != cell.Parts[i].Text || part.Start < cell.Parts[i].Start || part.End > cell.Parts[i].End {
				t.Fatalf("%v does not lie in the cell %v", p, cell)
			}
		}
		for _, key := range explode(d, p) {
			if out[key] {
				t.Fatalf("%v shares keys with a partition before it", p)
			}
			out[key] = true
		}
	}
	if n != s.Count(d) {
		t.Fatalf("%d partitions, counted as %d", n, s.Count(d))
	}
	if s.Empty() != (len(out) == 0) {
		t.Fatalf("the set of %d keys is empty: %v", len(out), s.Empty())
	}
	return out
}

// byPlace orders parts: by cell, and pieces of one cell by position.
func byPlace(a, b domain.Part) int {
	return cmp.Or(cmp.Compare(a.Cell, b.Cell), cmp.Compare(a.Start, b.Start))
}

func TestSetsBehaveAsPlainMaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawSpace(t)
		a, ma := drawSet(t, d)
		b, mb := drawSet(t, d)
		for name, c := range map[string]struct {
			got  Set
			want func(key string) bool
		}{
			"a":         {a, func(k string) bool { return ma[k] }},
			"union":     {a.Union(b), func(k string) bool { return ma[k] || mb[k] }},
			"minus":     {a.Minus(b), func(k string) bool { return ma[k] && !mb[k] }},
			"intersect": {a.Intersect(b), func(k string) bool { return ma[k] && mb[k] }},
			"full":      {Full(d), func(string) bool { return true }},
		} {
			got := modelOf(t, d, c.got)
			for key := range modelOf(t, d, Full(d)) {
				if got[key] != c.want(key) {
					t.Fatalf("%s: key %s is in the set: %v", name, key, got[key])
				}
			}
			if back := Of(d, c.got.Partitions(d)); !back.Equal(c.got) {
				t.Fatalf("%s: the partitions of %q make %q", name, c.got.Text(d), back.Text(d))
			}
		}
	})
}

func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawSpace(t)
		a, _ := drawSet(t, d)
		b, _ := drawSet(t, d)
		c, _ := drawSet(t, d)
		full := Full(d)
		not := full.Minus
		for law, pair := range map[string][2]Set{
			"union commutes":          {a.Union(b), b.Union(a)},
			"union associates":        {a.Union(b).Union(c), a.Union(b.Union(c))},
			"intersect commutes":      {a.Intersect(b), b.Intersect(a)},
			"intersect distributes":   {a.Intersect(b.Union(c)), a.Intersect(b).Union(a.Intersect(c))},
			"De Morgan":               {not(a.Union(b)), not(a).Intersect(not(b))},
			"minus is intersect not":  {a.Minus(b), a.Intersect(not(b))},
			"what is left and shared": {a.Minus(b).Union(a.Intersect(b)), a},
			"not not":                 {not(not(a)), a},
			"union with itself":       {a.Union(a), a},
			"minus itself":            {a.Minus(a), Set{}},
			"union with nothing":      {Set{}.Union(a), a},
		} {
			if !pair[0].Equal(pair[1]) {
				t.Fatalf("%s: %q is not %q", law, pair[0].Text(d), pair[1].Text(d))
			}
		}
		if a.Contains(b) != a.Union(b).Equal(a) || !a.Union(b).Contains(b) || a.Equal(b) != (a.Contains(b) && b.Contains(a)) {
			t.Fatal("Contains disagrees with Union or Equal")
		}
	})
}

// inCells is the spelling in cells, however short.
func inCells(d domain.Domain, s Set) string {
	if s.Empty() {
		return s.Text(d)
	}
	return head(d) + strings.Join(compose(s.root, d.Dimensions, true), rowEnd)
}

func TestTextLeadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawSpace(t)
		s, _ := drawSet(t, d)
		for _, text := range []string{s.Text(d), inCells(d, s)} {
			back, err := Parse(d, text)
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if !back.Equal(s) {
				t.Fatalf("%q is read as %q", text, back.Text(d))
			}
		}
	})
}

// Cutting any dimension differently loses nothing and adds nothing.
func TestRechunkingKeepsTheKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawSpace(t)
		s, _ := drawSet(t, d)
		dims := slices.Clone(d.Dimensions)
		for i, dim := range dims {
			if _, ok := dim.Axis.(domain.Range); ok {
				dims[i].Axis = domain.Range{End: universe, Size: rapid.Int64Range(1, universe).Draw(t, "new size")}
			}
		}
		other, err := domain.New(dims...)
		if err != nil {
			t.Fatal(err)
		}
		if back := Of(other, s.Partitions(other)); !back.Equal(s) {
			t.Fatalf("%q became %q", s.Text(d), back.Text(d))
		}
	})
}

func FuzzParse(f *testing.F) {
	values := domain.Dimension{Name: "v", Axis: domain.Values{Items: []string{"de", "fr", "us"}}}
	ids := domain.Dimension{Name: "id", Axis: domain.Range{Start: 1, End: 3000, Size: 1000}}
	days := domain.Dimension{
		Name: "day",
		Axis: days(f, "Europe/Berlin", "2026-03-01T00:00:00+01:00", "2026-11-01T00:00:00+01:00"),
	}
	points := domain.Dimension{Name: "p", Axis: domain.Boundaries{Points: []int64{0, 5, 50}}}
	var spaces []domain.Domain
	for _, dims := range [][]domain.Dimension{
		{values}, {ids}, {days}, {points}, {values, ids}, {days, values}, {ids, points, days},
	} {
		if len(dims) == 1 {
			dims = []domain.Dimension{{Axis: dims[0].Axis}}
		}
		d := space(f, dims...)
		f.Add(len(spaces), Full(d).Text(d))
		f.Add(len(spaces), inCells(d, Full(d)))
		spaces = append(spaces, d)
	}
	f.Add(1, "cells of 9223372036854775807 from -9223372036854775808: 0-1")
	f.Fuzz(func(t *testing.T, which int, text string) {
		d := spaces[uint(which)%uint(len(spaces))]
		s, err := Parse(d, text)
		if err != nil {
			var at *ParseError
			if !errors.As(err, &at) || at.Offset < 0 || at.Offset > len(text) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		for _, again := range []string{s.Text(d), inCells(d, s)} {
			if back, err := Parse(d, again); err != nil || !back.Equal(s) {
				t.Fatalf("%q is written as %q, which is not read back: %v", text, again, err)
			}
		}
	})
}
