// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argotest

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
)

func drawAxis(t *rapid.T) domain.Axis {
	switch rapid.SampledFrom([]string{"range", "boundaries", "values", "windows"}).Draw(t, "axis") {
	case "range":
		start, size := rapid.Int64Range(-1<<40, 1<<40).Draw(t, "start"), rapid.Int64Range(1, 1000).Draw(t, "size")
		return domain.Range{Start: start, End: start + rapid.Int64Range(1, 4*size).Draw(t, "length"), Size: size}
	case "boundaries":
		points := rapid.SliceOfNDistinct(rapid.Int64Range(-100, 100), 2, 4, rapid.ID).Draw(t, "points")
		slices.Sort(points)
		return domain.Boundaries{Points: points}
	case "values":
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab_-.%F5 ü{$(")), 1, 4, -1)
		return domain.Values{Items: rapid.SliceOfNDistinct(text, 1, 4, rapid.ID).Draw(t, "values")}
	}
	return DrawWindows(t)
}

func DrawProduct(t *rapid.T) domain.Domain {
	var dims []domain.Dimension
	for _, name := range []string{"a", "b_c", "d"}[:rapid.IntRange(2, 3).Draw(t, "dimensions")] {
		dims = append(dims, domain.Dimension{Name: name, Axis: drawAxis(t)})
	}
	d, err := domain.New(dims...)
	if err != nil || d.Count() > 60 {
		t.Skip(err)
	}
	return d
}

// restless are zones whose clocks do what breaks naive calendars.
var restless = []string{
	"UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Havana", "America/St_Johns",
	"Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati", "Asia/Kathmandu", "Africa/Casablanca",
	"Antarctica/Troll", "Antarctica/Casey", "Asia/Beirut", "Asia/Amman", "Asia/Pyongyang",
}

func DrawWindows(t *rapid.T) domain.Windows {
	loc, err := time.LoadLocation(rapid.SampledFrom(restless).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	every := domain.Step{
		N:    rapid.IntRange(1, 3).Draw(t, "n"),
		Unit: domain.Unit(rapid.IntRange(int(domain.Minute), int(domain.Year)).Draw(t, "unit")),
	}
	year := rapid.SampledFrom([]int{1980, 2005, 2011, 2018, 2026, 2039}).Draw(t, "year")
	wall := time.Date(
		year,
		time.Month(rapid.IntRange(1, 12).Draw(t, "month")),
		rapid.IntRange(1, 28).Draw(t, "day"),
		0,
		0,
		0,
		0,
		loc,
	)
	start := wall.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 0, 90, 150, 1439}).Draw(t, "minutes")) * time.Minute)
	start = start.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 0, 7}).Draw(t, "seconds")) * time.Second)
	if every.Unit >= domain.Month && start.In(loc).Day() > 28 {
		start = start.AddDate(0, 0, -4)
	}
	length := int64(every.N) * [...]int64{60, 3600, 86400, 7 * 86400, 28 * 86400, 365 * 86400}[every.Unit]
	w := domain.Windows{
		Start: start,
		End:   start.Add(time.Duration(rapid.Int64Range(1, 8*length).Draw(t, "length")) * time.Second),
		Every: every,
		Zone:  loc,
		Format: rapid.SampledFrom([]string{domain.FormatRFC3339, domain.FormatUnix, domain.FormatUnixMS, ""}).
			Draw(t, "format"),
	}
	for range rapid.IntRange(0, 2).Draw(t, "exclusions") {
		from := start.Unix() + rapid.Int64Range(-10, 8*length).Draw(t, "from")
		w.Exclude = append(w.Exclude, domain.Interval{Start: from, End: from + rapid.Int64Range(1, 3*length).Draw(t, "for")})
	}
	return w
}
