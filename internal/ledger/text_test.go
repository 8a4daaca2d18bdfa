// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package ledger

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
)

func TestTextInCells(t *testing.T) {
	ids := alone(t, domain.Range{Start: 1, End: 2500, Size: 1000})
	lands := domain.Values{Items: []string{"us", "de", "fr"}}
	berlin := days(t, "Europe/Berlin", "2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00")
	product := space(t, domain.Dimension{Name: "day", Axis: berlin}, domain.Dimension{Name: "land", Axis: lands})
	points := alone(t, domain.Boundaries{Points: []int64{0, 5, 50, 60}})
	for _, c := range []struct {
		d             domain.Domain
		bounds, cells string
	}{
		{ids, "[1,2001) [2100,2200)", "cells of 1000 from 1: 0-1 [2100,2200)"},
		{ids, "[-5,1) [1001,2001)", "cells of 1000 from 1: [-5,1) 1"},
		{alone(t, lands), `["us","fr"]`, "cells of 3 values 5e9c7dea3ba1031c: 0 2"},
		{alone(t, lands), `["us","de","zz"]`, `cells of 3 values 5e9c7dea3ba1031c: 0-1 ["zz"]`},
		{points, "[0,50) [55,60)", "cells of 4 boundaries 7d88f6a4fb8de8ca: 0-1 [55,60)"},
		{
			product, `[2026-03-01T00:00:00+01:00,2026-03-30T00:00:00+02:00) x ["us","de","fr"]; [2026-03-30T00:00:00+02:00,2026-03-31T12:00:00+02:00) x ["fr"]`,
			"cells of 1d from 2026-03-01T00:00:00+01:00 in Europe/Berlin x 3 values 5e9c7dea3ba1031c: 0-28 x 0-2; " +
				"[2026-03-30T00:00:00+02:00,2026-03-31T12:00:00+02:00) x 2",
		},
	} {
		s := parse(t, c.d, c.bounds)
		if got := s.Text(c.d); got != c.bounds {
			t.Errorf("in bounds: got %s, want %s", got, c.bounds)
		}
		if got := inCells(c.d, s); got != c.cells {
			t.Errorf("in cells: got %s, want %s", got, c.cells)
		}
		if !parse(t, c.d, c.cells).Equal(s) {
			t.Errorf("%s is not read as %s", c.cells, c.bounds)
		}
	}
}

// The head tells the grid, so that a range may have been cut anew since.
func TestCellsOfARangeNeedNoGrid(t *testing.T) {
	d := alone(t, domain.Range{Start: 1, End: 2500, Size: 7})
	if got := parse(t, d, "cells of 1000 from 501: 0 2-3").Text(d); got != "[501,1501) [2501,4501)" {
		t.Errorf("got %s", got)
	}
}

func TestParseRefuses(t *testing.T) {
	ids := alone(t, domain.Range{Start: 1, End: 2500, Size: 1000})
	lands := alone(t, domain.Values{Items: []string{"us", "de", "fr"}})
	time := alone(t, days(t, "Europe/Berlin", "2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00"))
	product := space(
		t,
		domain.Dimension{Name: "land", Axis: lands.Dimensions[0].Axis},
		domain.Dimension{Name: "id", Axis: ids.Dimensions[0].Axis},
	)
	for _, c := range []struct {
		name, text, want string
		d                domain.Domain
	}{
		{"reversed", "[1,5) [9,7)", "at byte 6: [9,7) is reversed or empty", ids},
		{"overlapping", "[1,5) [4,7)", "at byte 6: [4,7) is not above the previous interval", ids},
		{"descending", "[5,7) [1,2)", "at byte 6: [1,2) is not above", ids},
		{"overflow", "[1,9223372036854775808)", `at byte 3: "9223372036854775808" does not fit in 64 bits`, ids},
		{"two spellings of a number", "[1,+5)", `at byte 3: "+5" is not a whole number`, ids},
		{"unfinished", "[1,5", `at byte 0: "[1,5" starts an incomplete interval`, ids},
		{"trailing", "[1,5);", `at byte 5: unexpected ";" after the set`, ids},
		{"trailing space", "[1,5) ", "at byte 6: the end of the text instead of an interval", ids},
		{"not UTF-8", "[1,\xff5)", "at byte 3: the text is not UTF-8", ids},
		{"values for integers", `["de"]`, `at byte 0: "[\"de\"]" starts an incomplete interval`, ids},
		{"times for integers", "[2026-03-01T00:00:00Z,2026-03-02T00:00:00Z)", `at byte 1: "2026-03-01T00:00:00Z" is not a whole number`, ids},
		{"integers for times", "[1,5)", `at byte 1: "1" is not an RFC 3339 time`, time},
		{"fractions of seconds", "[2026-03-01T00:00:00.5Z,2026-03-02T00:00:00Z)", `at byte 1: "2026-03-01T00:00:00.5Z" is not a whole second`, time},
		{"intervals for values", "[1,5)", `at byte 0: "[1,5)" does not start a JSON array of strings`, lands},
		{"a value twice", `["de","fr","de"]`, "at byte 0: this row repeats keys of an earlier row", lands},
		{"an empty value", `["de",""]`, "at byte 0: a value is empty", lands},
		{"nothing", " ", `at byte 0: " " instead of a JSON array`, lands},
		{"one dimension of two", `["de"]`, `at byte 6: the end of the text instead of " x " and dimension "id"`, product},
		{"rows that overlap", `["de"] x [1,5); ["fr","de"] x [2,3)`, "at byte 16: this row repeats keys", product},
		{"empty array in a product", `[] x [1,5)`, "at byte 0: the array is empty", product},
		{"cells of another list", "cells of 3 values 0000000000000000: 1", `at byte 9: the cells belong to another grid; the grid of this domain is "3 values 5e9c7dea3ba1031c"`, lands},
		{"cells of other days", "cells of 1d from 2026-03-01T00:00:00Z in UTC: 1", "at byte 9: the cells belong to " +
			"another grid", time},
		{"cells beyond int64", "cells of 9223372036854775807 from 1: 1", "at byte 37: the cells 1 are beyond the end of " +
			"the grid", ids},
		{"cells beyond the list", "cells of 3 values 5e9c7dea3ba1031c: 1-3", "at byte 36: the cells 1-3 are beyond the " +
			"end of the list", lands},
		{"cells twice", "cells of 3 values 5e9c7dea3ba1031c: 1-2 2", "at byte 40: the cells 2 are not above", lands},
		{"cells reversed", "cells of 5 from 0: 3-2", "at byte 19: the run 3-2 of cells is reversed", ids},
		{"cells overlapping", "cells of 5 from 0: 3 [17,30)", "at byte 21: [17,30) is not above", ids},
		{"no size", "cells of 0 from 0: 3", `at byte 9: the grid must have the form "1000 from 1"`, ids},
		{"no colon", "cells of 5 from 0 3", `at byte 17: " 3" instead of ": " before the list of cells`, ids},
		{"half a head", "cells of 3 values 5e9c7dea3ba1031c: 1", `at byte 34: the grid of dimension "id" is missing`, product},
		{"cells without a head", "1-3", `at byte 0: "1-3" instead of an interval`, ids},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.d, c.text)
			var at *ParseError
			if !errors.As(err, &at) || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestEmptySetIsWrittenAndRead(t *testing.T) {
	ids := alone(t, domain.Range{Start: 1, End: 2500, Size: 1000})
	lands := alone(t, domain.Values{Items: []string{"us"}})
	if got := (Set{}).Text(ids) + (Set{}).Text(lands); got != "[]" {
		t.Errorf("got %q", got)
	}
	if !parse(t, ids, "").Empty() || !parse(t, lands, "").Empty() || !parse(t, lands, "[]").Empty() {
		t.Error("the empty text is not the empty set")
	}
}

// scattered returns the partitions of d that fail when one in a hundred does,
// at places that look random and are always the same.
func scattered(d domain.Domain) Set {
	return Of(d, func(yield func(domain.Partition) bool) {
		state := uint64(1)
		for i := range d.Count() {
			state = state*6364136223846793005 + 1442695040888963407
			if state>>32%100 == 0 && !yield(d.At(i)) {
				return
			}
		}
	})
}

func manyValues(n int) domain.Values {
	var v domain.Values
	for i := range n {
		v.Items = append(v.Items, fmt.Sprintf("customer-%05d", i))
	}
	return v
}

// hundredThousand are domains of 100,000 partitions.
func hundredThousand(t testing.TB) map[string]domain.Domain {
	hours := days(t, "Europe/Berlin", "2014-01-01T00:00:00+01:00", "2014-01-01T00:00:00+01:00")
	hours.Every.Unit = domain.Hour
	hours.End = hours.Start.Add(100_000 * time.Hour)
	thousandDays := days(t, "America/New_York", "2022-01-01T00:00:00-05:00", "2022-01-01T00:00:00-05:00")
	thousandDays.End = thousandDays.Start.AddDate(0, 0, 1000)
	return map[string]domain.Domain{
		"range": alone(t, domain.Range{Start: 1, End: 100_000_000_000, Size: 1_000_000}),
		"hours": alone(t, hours),
		"days times values": space(
			t,
			domain.Dimension{Name: "day", Axis: thousandDays},
			domain.Dimension{Name: "v", Axis: manyValues(100)},
		),
		"values times days": space(
			t,
			domain.Dimension{Name: "v", Axis: manyValues(100)},
			domain.Dimension{Name: "day", Axis: thousandDays},
		),
	}
}

func TestScatteredFailuresOfAHundredThousandPartitionsStayShort(t *testing.T) {
	for name, d := range hundredThousand(t) {
		t.Run(name, func(t *testing.T) {
			failed := scattered(d)
			if n := failed.Count(d); n < 900 || n > 1100 {
				t.Fatalf("%d failed", n)
			}
			done := Full(d).Minus(failed)
			total := 0
			for _, s := range []Set{failed, done} {
				text := s.Text(d)
				total += len(text)
				if !parse(t, d, text).Equal(s) {
					t.Error("the text does not lead back")
				}
			}
			t.Logf("%d bytes, of which %d for the failed", total, len(failed.Text(d)))
			if total >= 100_000 {
				t.Errorf("the ledger has %d bytes", total)
			}
		})
	}
}

// Rows that overlap in their first dimension make a set that is quadratic in
// the text, which once took gigabytes.
func TestParseRefusesRowsThatExplode(t *testing.T) {
	axis := domain.Range{End: 100_000, Size: 1}
	d := space(t, domain.Dimension{Name: "a", Axis: axis}, domain.Dimension{Name: "b", Axis: axis})
	var rows []string
	for i := 1; i < 6000; i++ {
		rows = append(rows, fmt.Sprintf("[0,%d) x [%d,%d)", i, 2*i, 2*i+1))
	}
	_, err := Parse(d, strings.Join(rows, rowEnd))
	if err == nil || err.Error() != "at byte 0: the rows overlap in more than 4000000 ways" {
		t.Errorf("got %v", err)
	}
}
