// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"regexp"
	"strconv"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
)

// timeWindows reads calendar windows.
func (d *decoder) timeWindows(t at) (axis, bool) {
	zone, zoned := d.zone(t.attr("timezone"))
	if !zoned {
		zone = time.UTC // any zone works for checks that do not depend on it
	}
	start, ok1 := d.instant(t.attr("start"), zone)
	end, ok2 := d.instant(t.attr("end"), zone)
	every, known := d.step(t.attr("every"))
	format := t.attr("format")
	if !format.value.IsNull() && !d.usable(format) {
		return axis{}, false
	}
	out := domain.Windows{Start: start, End: end, Every: every, Zone: zone, Format: format.textOr(domain.FormatRFC3339)}
	if !zoned || !ok1 || !ok2 {
		if !zoned || !ok1 {
			out.Start = fromWall(standInDay, zone)
		}
		year, month, day := out.Start.Date()
		out.End = fromWall(time.Date(year, month, day+1, 0, 0, 0, 0, time.UTC), zone)
		a, _ := d.exclusions(axis{axis: out, at: t}, out)
		if !zoned {
			a.axis = out // exclusions may be valid in another zone
		}
		d.alone(a)
		return axis{}, false
	}
	return d.exclusions(axis{axis: out, at: t, known: known}, out)
}

// standInDay is the placeholder for an unknown start: the first of a month that
// exists in every zone.
var standInDay = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)

// exclusions adds the excluded times to the windows.
func (d *decoder) exclusions(a axis, w domain.Windows) (axis, bool) {
	for _, e := range a.at.attr("exclude").elements() {
		if !d.usable(e) {
			a.known = false
			continue
		}
		start, ok1 := d.instant(e.attr("start"), w.Zone)
		end, ok2 := d.instant(e.attr("end"), w.Zone)
		if !ok1 || !ok2 {
			a.known = false
			continue
		}
		w.Exclude = append(w.Exclude, domain.Interval{Start: start.Unix(), End: end.Unix()})
		a.items = append(a.items, e)
	}
	if !a.at.attr("exclude").value.IsKnown() {
		a.known = false
	}
	a.axis = w
	return a, true
}

func (d *decoder) zone(z at) (*time.Location, bool) {
	if z.value.IsKnown() && z.value.IsNull() {
		return time.UTC, true
	}
	if !d.usable(z) {
		return nil, false
	}
	name := z.text()
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		d.report(diag.CodeTime, z.path, "%q is not a known time zone. Use an IANA name such as UTC, Europe/Berlin or "+
			"America/New_York.", name)
		return nil, false
	}
	return zone, true
}

// The forms of an instant without an offset. Their meaning depends on the zone.
var localForms = []string{"2006-01-02", "2006-01-02T15:04", "2006-01-02T15:04:05"}

func (d *decoder) instant(a at, zone *time.Location) (time.Time, bool) {
	if !d.usable(a) {
		return time.Time{}, false
	}
	if t, err := time.Parse(time.RFC3339, a.text()); err == nil {
		return t.In(zone), true
	}
	for _, form := range localForms {
		if wall, err := time.Parse(form, a.text()); err == nil {
			return fromWall(wall, zone), true
		}
	}
	d.report(diag.CodeTime, a.path, "%q is %q, which is not a valid time. Use a date such as 2026-01-01, a local time "+
		"such as 2026-01-01T06:00:00, or a time with an offset such as 2026-01-01T06:00:00Z.", a.name(), a.text())
	return time.Time{}, false
}

// fromWall returns the instant at which local time in the zone equals wall (read in
// UTC). If that local time occurs twice, it is the first; if it is skipped, the
// offset before the change applies (RFC 5545, section 3.3.5).
func fromWall(wall time.Time, zone *time.Location) time.Time {
	// Offsets are at most a day, and changes are more than two days apart.
	const day = 24 * time.Hour
	_, before := wall.Add(-day).In(zone).Zone()
	_, after := wall.Add(day).In(zone).Zone()
	for _, offset := range []int{max(before, after), min(before, after)} {
		t := wall.Add(-time.Duration(offset) * time.Second).In(zone)
		if _, actual := t.Zone(); actual == offset {
			return t
		}
	}
	return wall.Add(-time.Duration(before) * time.Second).In(zone)
}

var stepForm = regexp.MustCompile(`^([0-9]{1,9})(mo|[mhdwy])$`)

var stepUnits = map[string]domain.Unit{
	"m": domain.Minute, "h": domain.Hour, "d": domain.Day, "w": domain.Week, "mo": domain.Month, "y": domain.Year,
}

// step reads the length of a window. An unknown or wrong length is replaced with
// the longest step, to check the bounds.
func (d *decoder) step(a at) (step domain.Step, known bool) {
	standIn := domain.Step{N: 1, Unit: domain.Week}
	if !d.usable(a) {
		return standIn, false
	}
	m := stepForm.FindStringSubmatch(a.text())
	if m == nil {
		d.report(diag.CodeTime, a.path, "%q is %q, which is not a valid window length. Use a number and m, h, d, w, mo or "+
			"y, such as 15m, 1h, 1d or 2mo.", a.name(), a.text())
		return standIn, false
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return standIn, false // nine digits always fit
	}
	return domain.Step{N: n, Unit: stepUnits[m[2]]}, true
}
