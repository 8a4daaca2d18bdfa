// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package domain

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// table reads the rows of a file in testdata as fields.
func table(t testing.TB, file string) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] != "#" {
			rows = append(rows, fields)
		}
	}
	return rows
}

func parseStep(t testing.TB, text string) Step {
	t.Helper()
	unit := strings.TrimLeft(text, "0123456789")
	n, err := strconv.Atoi(strings.TrimSuffix(text, unit))
	u, known := map[string]Unit{"m": Minute, "h": Hour, "d": Day, "w": Week, "mo": Month, "y": Year}[unit]
	if err != nil || !known {
		t.Fatalf("step %q", text)
	}
	return Step{n, u}
}

func TestWindowsWrittenByHand(t *testing.T) {
	rows := table(t, "windows.txt")
	zones := map[string]bool{}
	for _, row := range rows {
		zones[row[0]] = true
		t.Run(strings.Join(row[:4], " "), func(t *testing.T) {
			start, from, to := at(t, row[1]), at(t, row[4]), at(t, row[5])
			n, err := strconv.ParseInt(row[3], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			d := one(t, Windows{Start: start, End: to.AddDate(3, 0, 0), Every: parseStep(t, row[2]), Zone: zone(t, row[0])})
			got := d.At(n).Parts[0]
			if got.Start != from.Unix() || got.End != to.Unix() {
				t.Errorf("got [%s, %s)", time.Unix(got.Start, 0).UTC().Format(time.RFC3339),
					time.Unix(got.End, 0).UTC().Format(time.RFC3339))
			}
		})
	}
	if len(rows) < 50 || len(zones) < 10 {
		t.Errorf("%d windows in %d zones, want 50 in 10", len(rows), len(zones))
	}
}

// lineOracle says when clocks show a wall time by trying every offset that the
// standard library knows around it.
func lineOracle(loc *time.Location, wall int64) int64 {
	shows := func(instant int64) int64 {
		_, offset := time.Unix(instant, 0).In(loc).Zone()
		return instant + int64(offset)
	}
	found, before := int64(0), int64(0)
	exists := false
	for t := time.Unix(wall-30*hour, 0).In(loc); t.Unix() < wall+30*hour; {
		_, offset := t.Zone()
		candidate := wall - int64(offset)
		if shows(candidate) == wall && (!exists || candidate < found) {
			found, exists = candidate, true
		}
		end, ok := nextChange(t)
		if !ok {
			break
		}
		// The clock jumps over the wall time at this change.
		if shows(end.Unix()-1) < wall && shows(end.Unix()) > wall {
			before = candidate
		}
		t = end
	}
	if exists {
		return found
	}
	return before
}

// TestDaysInEveryZone checks each day near each change of each zone's clock
// from 1970 to 2040 against the standard library.
func TestDaysInEveryZone(t *testing.T) {
	names := table(t, "zones.txt")
	if len(names) < 500 {
		t.Fatalf("only %d zones", len(names))
	}
	changes := 0
	for i, row := range names {
		if testing.Short() && i%20 != 0 {
			continue
		}
		loc := zone(t, row[0])
		for _, timeOfDay := range []time.Duration{0, 90 * time.Minute} {
			changes += checkDays(t, loc, timeOfDay)
		}
	}
	t.Logf("%d changes of clocks", changes)
	if changes < 1000 {
		t.Errorf("only %d changes of clocks were checked", changes)
	}
}

func checkDays(t *testing.T, loc *time.Location, timeOfDay time.Duration) (changes int) {
	first := time.Date(1970, 1, 10, 0, 0, 0, 0, loc).Add(timeOfDay)
	if loc.String() == "Africa/Monrovia" { // its mean time had seconds
		first = time.Date(1972, 1, 10, 0, 0, 0, 0, loc).Add(timeOfDay)
	}
	d := one(t, Windows{Start: first, End: time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC), Every: Step{1, Day}, Zone: loc})
	axis := d.Dimensions[0].Axis.(Windows)
	firstWall := axis.grid.wallStart
	for _, p := range axis.grid.periods {
		if p.start < first.Unix()+3*day {
			continue
		}
		changes++
		cell, n := axis.Cells(p.start-2*day, p.start+2*day)
		last := ""
		for c := cell; c < cell+n; c++ {
			part := axis.Cell(c)
			step := axis.StepOf(c)
			if want := lineOracle(loc, firstWall+step*day); part.Start != want && c > 0 {
				t.Errorf("%s: day %s starts at %s, the standard library says %s", loc, d.Key(d.At(c)), axis.Text(part.Start),
					axis.Text(want))
			}
			if next := axis.Cell(c + 1); part.End != next.Start {
				t.Errorf("%s: day %s ends at %s, the next starts at %s", loc, d.Key(d.At(c)), axis.Text(part.End),
					axis.Text(next.Start))
			}
			if part.End <= part.Start || part.End-part.Start > 2*day {
				t.Errorf("%s: the day at %s has %d seconds", loc, axis.Text(part.Start), part.End-part.Start)
			}
			key := d.Key(d.At(c))
			if key <= last {
				t.Errorf("%s: the key %s follows %s", loc, key, last)
			}
			if back, ok := d.Find(key); !ok || back.Index != c {
				t.Errorf("%s: the key %s leads back to cell %d %v, not %d", loc, key, back.Index, ok, c)
			}
			last = key
		}
	}
	return changes
}

// The standard library gives an end before the instant there, which once made
// the walk over a zone's changes endless (golang/go#81583).
func TestClockPassesTheLastDayOfALeapYear(t *testing.T) {
	d := one(t, Windows{
		Start: at(t, "2040-12-31T12:00:00Z"),
		End:   at(t, "2041-04-02T00:00:00+02:00"),
		Every: Step{1, Day},
		Zone:  zone(t, "Europe/Berlin"),
	})
	p := d.At(89).Parts[0] // until 2041-03-31, when clocks go forward
	if p.End-p.Start != 23*hour {
		t.Errorf("%+v has %d hours", p, (p.End-p.Start)/hour)
	}
}
