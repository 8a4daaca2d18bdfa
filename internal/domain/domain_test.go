// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package domain

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	out, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func one(t testing.TB, axis Axis) Domain {
	t.Helper()
	d, err := New(Dimension{Axis: axis})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// lines writes every partition: index, key and facts.
func lines(d Domain) string {
	var b strings.Builder
	for p := range d.All() {
		fmt.Fprintf(&b, "%d %s", p.Index, d.Key(p))
		for _, f := range d.Facts(p) {
			fmt.Fprintf(&b, " %s=%s", f.Name, f.Text)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestPartitions(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	product, err := New(Dimension{"country", Values{Items: []string{"de", "a__b", "_"}}}, Dimension{"id", Range{0, 4, 2}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		d    Domain
		want string
	}{
		{"range with a clipped end", one(t, Range{-3, 7, 4}), `
0 -3--1 start=-3 end=1 key=-3--1 index=0
1 1--5 start=1 end=5 key=1--5 index=1
2 5--7 start=5 end=7 key=5--7 index=2
`},
		{"boundaries", one(t, Boundaries{[]int64{-7, -5, 100}}), `
0 -7---5 start=-7 end=-5 key=-7---5 index=0
1 -5--100 start=-5 end=100 key=-5--100 index=1
`},
		{"values", one(t, Values{Items: []string{"b", "a b/ü", "a__b", ".."}}), `
0 b value=b key=b index=0
1 a%20b%2F%C3%BC value=a b/ü key=a%20b%2F%C3%BC index=1
2 a__b value=a__b key=a__b index=2
3 %2E%2E value=.. key=%2E%2E index=3
`},
		{"product", product, `
0 de__0--2 country.value=de country.key=de country.index=0 id.start=0 id.end=2 id.key=0--2 id.index=0 key=de__0--2 index=0
1 de__2--4 country.value=de country.key=de country.index=0 id.start=2 id.end=4 id.key=2--4 id.index=1 key=de__2--4 index=1
2 a%5F%5Fb__0--2 country.value=a__b country.key=a%5F%5Fb country.index=1 id.start=0 id.end=2 id.key=0--2 id.index=0 key=a%5F%5Fb__0--2 index=2
3 a%5F%5Fb__2--4 country.value=a__b country.key=a%5F%5Fb country.index=1 id.start=2 id.end=4 id.key=2--4 id.index=1 key=a%5F%5Fb__2--4 index=3
4 %5F__0--2 country.value=_ country.key=%5F country.index=2 id.start=0 id.end=2 id.key=0--2 id.index=0 key=%5F__0--2 index=4
5 %5F__2--4 country.value=_ country.key=%5F country.index=2 id.start=2 id.end=4 id.key=2--4 id.index=1 key=%5F__2--4 index=5
`},
		{"days across the start of summer time", one(t, Windows{
			Start: at(t, "2026-03-28T00:00:00+01:00"),
			End:   at(t, "2026-03-30T12:00:00+02:00"),
			Every: Step{1, Day},
			Zone:  berlin,
		}), `
0 2026-03-28 start=2026-03-28T00:00:00+01:00 end=2026-03-29T00:00:00+01:00 key=2026-03-28 index=0
1 2026-03-29 start=2026-03-29T00:00:00+01:00 end=2026-03-30T00:00:00+02:00 key=2026-03-29 index=1
2 2026-03-30T00:00+0200--2026-03-30T12:00+0200 start=2026-03-30T00:00:00+02:00 end=2026-03-30T12:00:00+02:00 key=2026-03-30T00:00+0200--2026-03-30T12:00+0200 index=2
`},
		{"hours across the end of summer time", one(t, Windows{
			Start:  at(t, "2026-10-25T01:00:00+02:00"),
			End:    at(t, "2026-10-25T03:00:00+01:00"),
			Every:  Step{1, Hour},
			Zone:   berlin,
			Format: FormatUnix,
		}), `
0 2026-10-25T01:00+0200 start=1792882800 end=1792886400 key=2026-10-25T01:00+0200 index=0
1 2026-10-25T02:00+0200 start=1792886400 end=1792890000 key=2026-10-25T02:00+0200 index=1
2 2026-10-25T02:00+0100 start=1792890000 end=1792893600 key=2026-10-25T02:00+0100 index=2
`},
		{"an excluded day, and a piece on each side of an excluded noon", one(t, Windows{
			Start: at(t, "2026-01-01T00:00:00Z"), End: at(t, "2026-01-04T00:00:00Z"), Every: Step{1, Day}, Zone: time.UTC,
			Format: FormatUnixMS,
			Exclude: []Interval{
				{at(t, "2026-01-03T12:00:00Z").Unix(), at(t, "2026-01-03T13:00:00Z").Unix()},
				{at(t, "2026-01-02T00:00:00Z").Unix(), at(t, "2026-01-03T00:00:00Z").Unix()},
			},
		}), `
0 2026-01-01 start=1767225600000 end=1767312000000 key=2026-01-01 index=0
1 2026-01-03T00:00+0000--2026-01-03T12:00+0000 start=1767398400000 end=1767441600000 key=2026-01-03T00:00+0000--2026-01-03T12:00+0000 index=1
2 2026-01-03T13:00+0000--2026-01-04T00:00+0000 start=1767445200000 end=1767484800000 key=2026-01-03T13:00+0000--2026-01-04T00:00+0000 index=2
`},
		{"a day that the calendar skips", one(t, Windows{
			Start:  at(t, "2011-12-29T00:00:00-10:00"),
			End:    at(t, "2012-01-01T00:00:00+14:00"),
			Every:  Step{1, Day},
			Zone:   zone(t, "Pacific/Apia"),
			Format: FormatDate,
		}), `
0 2011-12-29 start=2011-12-29 end=2011-12-31 key=2011-12-29 index=0
1 2011-12-31 start=2011-12-31 end=2012-01-01 key=2011-12-31 index=1
`},
		{"a clock that skips midnight to the next evening's date", one(t, Windows{
			Start:  at(t, "2018-11-03T00:00:00-03:00"),
			End:    at(t, "2018-11-05T00:00:00-02:00"),
			Every:  Step{1, Day},
			Zone:   zone(t, "America/Sao_Paulo"),
			Format: FormatDate,
		}), `
0 2018-11-03 start=2018-11-03 end=2018-11-04 key=2018-11-03 index=0
1 2018-11-04 start=2018-11-04 end=2018-11-05 key=2018-11-04 index=1
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := "\n" + lines(c.d); got != c.want {
				t.Errorf("got%swant%s", got, c.want)
			}
			for p := range c.d.All() {
				back, ok := c.d.Find(c.d.Key(p))
				if !ok || back.Index != p.Index {
					t.Errorf("key %s leads back to %v %v", c.d.Key(p), back, ok)
				}
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	day := func(start, end string, every Step, format string) Windows {
		return Windows{Start: at(t, start), End: at(t, end), Every: every, Zone: berlin, Format: format}
	}
	const jan, feb = "2026-01-01T00:00:00+01:00", "2026-02-01T00:00:00+01:00"
	named := func(names ...string) (dims []Dimension) {
		for _, n := range names {
			dims = append(dims, Dimension{n, Range{0, 1, 1}})
		}
		return dims
	}
	only := func(a Axis) []Dimension { return []Dimension{{Axis: a}} }
	excluding := day(jan, feb, Step{1, Day}, "")
	excluding.Exclude = []Interval{{5, 5}}
	everything := day(jan, feb, Step{1, Day}, "")
	everything.Exclude = []Interval{{0, math.MaxInt64}}
	monrovia := day("1970-01-01T00:00:00Z", feb, Step{1, Day}, "")
	monrovia.Zone = zone(t, "Africa/Monrovia")
	local, none := excluding, excluding
	local.Zone, none.Zone = time.Local, nil
	for _, c := range []struct {
		name string
		dims []Dimension
		want string
	}{
		{"no size", only(Range{0, 1, 0}), "size: The size is 0; it must be"},
		{"reversed", only(Range{1, 1, 5}), "end: The range [1, 1) is empty"},
		{"too wide", only(Range{math.MinInt64, math.MaxInt64, 1}), "end: The range [-9223372036854775808, " +
			"9223372036854775807) has more than"},
		{"end plus size", only(Range{0, math.MaxInt64, 1}), "size: The end 9223372036854775807 plus the size 1 exceeds"},
		{"one boundary", only(Boundaries{[]int64{1}}), "boundaries: There are 1 boundaries"},
		{"boundaries descend", only(Boundaries{[]int64{1, 2, 2}}), "boundaries[2]: The boundary 2 is not greater than the " +
			"previous one, 2."},
		{"boundaries too wide", only(Boundaries{[]int64{math.MinInt64, math.MaxInt64}}), "boundaries: The range"},
		{"no values", only(Values{}), "values: The list is empty"},
		{"values", only(Values{Items: []string{"a", "", "\xff", "a"}}), "values[1]: The value is empty, but it is the " +
			"name of its partition. Remove it, or set a text.\n" +
			"values[2]: The value \"\\xff\" is not valid UTF-8. Use a UTF-8 text.\n" +
			"values[3]: The value \"a\" is listed twice, at positions 0 and 3. Remove one of the two."},
		{"a long value", only(Values{Items: []string{"a", strings.Repeat("ü", 50)}}), "values[1]: The value is too long: " +
			"the key of its partition has up to 300 bytes"},
		{"no zone", only(none), "timezone: The time zone is missing."},
		{"local zone", only(local), "timezone: The local time zone differs"},
		{"old zone", only(monrovia), "timezone: The offset of Africa/Monrovia from UTC was -44m30s at " +
			"1970-01-01T00:00:00Z. It is not a whole number of minutes"},
		{"year", only(day("9999-06-01T00:00:00Z", feb, Step{1, Day}, "")), "start: The time 9999-06-01T00:00:00Z is not " +
			"between the years"},
		{"fraction", only(day(jan, "2026-02-01T00:00:00.5Z", Step{1, Day}, "")), "end: The time 2026-02-01T00:00:00.5Z " +
			"has a fraction"},
		{"no time", only(day(feb, jan, Step{1, Day}, "")), "end: The range [2026-02-01T00:00:00+01:00, " +
			"2026-01-01T00:00:00+01:00) is empty"},
		{"step", only(day(jan, feb, Step{0, Hour}, "")), "every: The step 0h is not between"},
		{"unit", only(day(jan, feb, Step{1, 9}, "")), "every: The unit of the step is unknown."},
		{"day 31", only(day("2026-01-31T00:00:00+01:00", feb, Step{1, Month}, "")), "start: Windows of 1mo would start on " +
			"day 31"},
		{"format", only(day(jan, feb, Step{1, Day}, "iso")), `format: The format "iso" is unknown.`},
		{"hours as dates", only(day(jan, feb, Step{1, Hour}, "date")), "format: Windows of 1h are shorter than a day"},
		{"dates at noon", only(day("2026-01-01T12:00:00+01:00", feb, Step{1, Day}, "date")),
			"format: The bound 2026-01-01T12:00:00+01:00 is not the start of a day in Europe/Berlin"},
		{"empty exclusion", only(excluding), "exclude[0]: The excluded range [1970-01-01T01:00:05+01:00, " +
			"1970-01-01T01:00:05+01:00) is empty"},
		{"all excluded", only(everything), "exclude: The excluded ranges cover everything"},
		{"no dimension", nil, "dimensions: There are 0 dimensions"},
		{"a name alone", named("a"), "dimensions: There is 1 dimension, but"},
		{"five", named("a", "b", "c", "d", "e"), "dimensions: There are 5 dimensions"},
		{"names", named("a", "a", "key", "Ä"), "a.dimensions[1]: Two dimensions have the name \"a\". Rename one of the " +
			"two.\n" +
			"key.dimensions[2]: The name \"key\" is reserved for partition.key. Choose another name for the dimension.\n" +
			"Ä.dimensions[3]: The name \"Ä\" is not valid in a reference. Use a lower-case letter, then lower-case letters, " +
			"digits and underscores."},
		{"in a dimension", []Dimension{{"a", Range{0, 1, 1}}, {"b", Range{0, 1, -1}}}, "b.size: The size is -1"},
		{"product too large", []Dimension{{"a", Range{0, math.MaxInt64 - 1, 1}}, {"b", Range{0, 2, 1}}},
			"dimensions: The dimensions have more than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(c.dims...)
			var all Errors
			if !errors.As(err, &all) || len(all) == 0 {
				t.Fatalf("got %v, want Errors", err)
			}
			if !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got  %s\nwant %s", err, c.want)
			}
		})
	}
}

func TestGreatIntegers(t *testing.T) {
	d := one(t, Range{math.MaxInt64 - 25, math.MaxInt64 - 10, 10})
	want := `0 9223372036854775782--9223372036854775792 start=9223372036854775782 end=9223372036854775792 key=9223372036854775782--9223372036854775792 index=0
1 9223372036854775792--9223372036854775797 start=9223372036854775792 end=9223372036854775797 key=9223372036854775792--9223372036854775797 index=1
`
	if got := lines(d); got != want {
		t.Errorf("got %s", got)
	}
	d = one(t, Range{math.MinInt64, -1, math.MaxInt64})
	if got := d.Key(d.At(0)) + " " + fmt.Sprint(d.Count()); got != "-9223372036854775808---1 1" {
		t.Errorf("got %s", got)
	}
}
