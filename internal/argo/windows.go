// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"slices"
	"strings"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
)

// Controllers and this program may carry different zone data, and Go's own
// AddDate and Date do not say which of two equal wall times they mean. So a
// run carries the offsets of its zone as an argument, and pods compute their
// windows from those alone: there is nothing that could disagree, and a run
// can be read back after any of the two was updated.

// The arguments that describe calendar windows, besides those of a range:
// origin is the instant of line 0 in Unix seconds, lo and hi are instants, and
// first + step·i only numbers the cell, which lies between the lines
// line + step·i and line + step·i + 1.
const (
	argLine = "line"
	argUnit = "unit" // of size: unitSeconds, unitDays or unitMonths
	argWall = "wall" // what clocks show at line 0
	// argClock lists the offsets of the zone, the latest first, as
	// "<from>/<offset>" with a blank between two, for example
	// "1774746000/+02:00 1774306800/+01:00".
	argClock = "clock"
)

const (
	unitSeconds = "s"
	unitDays    = "d"
	unitMonths  = "mo"
)

// wallLayout is how expressions write wall times.
const wallLayout = "2006-01-02T15:04:05"

// maxClock bounds the list of offsets, in bytes; it is enough for four
// centuries with summer time. The windows of a longer axis are written out.
const maxClock = 16 << 10

// lastWall stands in for wall times after the year 9998, which is where every
// axis ends: RFC 3339 could not express them.
const lastWall = "9999-01-02"

var windowUnits = map[domain.Unit]struct {
	name string
	size int
}{
	domain.Minute: {unitSeconds, 60}, domain.Hour: {unitSeconds, 60 * 60},
	domain.Day: {unitDays, 1}, domain.Week: {unitDays, 7},
	domain.Month: {unitMonths, 1}, domain.Year: {unitMonths, 12},
}

// windowsGrid returns the arguments that all segments of the axis share; ok is
// false when they would be too long.
func windowsGrid(w domain.Windows, suffix string) (params list, ok bool) {
	offsets := w.Offsets()
	slices.Reverse(offsets)
	entries := make([]string, len(offsets))
	for i, o := range offsets {
		entries[i] = decimal(o.From) + "/" + time.Unix(0, 0).In(time.FixedZone("", int(o.Seconds))).Format("-07:00")
	}
	clock := strings.Join(entries, " ")
	if ok = len(clock) <= maxClock; !ok {
		clock = ""
	}
	unit := windowUnits[w.Every.Unit]
	return list{
		param(argOrigin+suffix, decimal(w.Start.Unix())),
		param(argSize+suffix, decimal(int64(w.Every.N)*int64(unit.size))),
		param(argUnit+suffix, unit.name),
		param(argWall+suffix, decimal(wallOf(w.Start.In(w.Zone)))),
		param(argClock+suffix, clock),
	}, ok
}

// wallOf is the wall time of an instant in its own zone.
func wallOf(at time.Time) int64 {
	_, offset := at.Zone()
	return at.Unix() + int64(offset)
}

// oddDate tells whether a shard of windows that are handed over as dates
// begins or ends within a day. Only a stretch that was left by windows of
// hours does, and then the bound is no date.
func (r run) oddDate(offset int64, count int) bool {
	w, ok := r.plan.Domain.Dimensions[0].Axis.(domain.Windows)
	if len(r.plan.Domain.Dimensions) > 1 || !ok || w.Format != domain.FormatDate {
		return false
	}
	offset += int64(len(r.plan.Canary))
	first, last := r.plan.At(offset), r.plan.At(offset+int64(count)-1)
	for _, p := range []domain.Partition{first, last} {
		for _, f := range r.plan.Domain.Facts(p)[:2] { // start and end
			if len(f.Text) != len(time.DateOnly) {
				return true
			}
		}
	}
	return false
}

// The expressions below use expr-lang's own functions alone. Instants and wall
// times are Unix seconds, a wall time being the instant at which clocks in UTC
// show the same.

// offsetAt is the entry of the zone's clock at an instant; the argument must
// not hold '#'. The clock is sorted for find, because findLast, and what
// expr-lang makes one of, leaves a value on the stack of expr-lang's machine
// that spoils the result around it.
func offsetAt(instant string) string { return "find(clock, {int(#[0]) <= " + instant + "})[1]" }

// dateOf makes a time of Unix seconds, which must be a name or in parentheses.
// A duration alone would reach 292 years.
func dateOf(seconds string) string {
	return "date('1970-01-01').AddDate(0, 0, int(" + seconds + " / 86400)).Add(duration(string(" + seconds + " % 86400) + 's'))"
}

// moved is the wall time k steps after the first, as a time.
func moved(k string) string {
	return dateOf("start") + ".AddDate(0, unit == 'mo' ? " + k + " * size : 0, unit == 'd' ? " + k + " * size : 0)"
}

// instantOf is the instant at which clocks show a wall time; see window for the
// rule.
func instantOf(wall string) string {
	return `let far = ` + wall + `;
		let wall = far.Year() > 9998 ? date('` + lastWall + `') : far;
		let text = wall.Format('` + wallLayout + `');
		let before = ` + offsetAt("wall.Unix() - 86400") + `;
		let after = ` + offsetAt("wall.Unix() + 86400") + `;
		let x = date(text + before).Unix();
		let y = date(text + after).Unix();
		` + offsetAt("x") + ` != before && ` + offsetAt("y") + ` == after ? y : x`
}

// cell is how expressions get at the place of one axis: the suffix of its
// arguments, and expressions for the number of the step and for what its bounds
// are cut to.
type cell struct{ suffix, step, lo, hi string }

func (c cell) int(arg string) string { return workflowInt(arg + c.suffix) }

// window binds a and b, the bounds of the partition; lines, those of its whole
// window; and clock and unit. Line n is what package domain calls so: clocks
// show the wall time that lies n steps after the first; the first time if they
// show it twice, and if they skip it, when they would have shown it had they
// not been changed (RFC 5545, section 3.3.5). Changes of a clock lie more than
// two days apart, so the offsets a day before and after are those that count:
// the earlier one unless only the later one leads to the wall time.
func (c cell) window() string {
	return oneLine(`
	let clock = map(split(workflow.parameters.` + argClock + c.suffix + `, ' '), {split(#, '/')});
	let unit = workflow.parameters.` + argUnit + c.suffix + `;
	let size = ` + c.int(argSize) + `;
	let start = ` + c.int(argWall) + `;
	let n = ` + c.step + `;
	let lines = map([n, n + 1], {
		let k = #;
		k == 0 || unit == 's' ? ` + c.int(argOrigin) + ` + k * size : (
			` + instantOf(moved("k")) + `)
	});
	let a = max(` + c.lo + `, lines[0]);
	let b = min(` + c.hi + `, lines[1]);`)
}

// shown binds offset, which is that of the zone at an instant, and shown, what
// its clocks show then, as a time.
func shown(instant string) string {
	return oneLine(`
		let offset = ` + offsetAt(instant) + `;
		let seconds = ` + instant + ` - date('1970-01-01T00:00:00' + offset).Unix();
		let shown = ` + dateOf("seconds") + `;`)
}

// bound writes an instant in the format of the axis.
func bound(instant, format string) string {
	switch format {
	case domain.FormatUnix:
		return instant
	case domain.FormatUnixMS:
		return instant + " * 1000"
	case domain.FormatDate:
		return shown(instant) + ` shown.Format('2006-01-02')`
	}
	return shown(instant) + ` shown.Format('` + wallLayout + `') + (offset == '+00:00' ? 'Z' : offset)`
}

// windowKey names a whole window by its date or by its start, and anything
// less by both bounds.
var windowKey = oneLine(`
	let stamps = map([a, b], {
		let at = #;
		` + shown("at") + `
		shown.Format(at % 60 == 0 ? '2006-01-02T15:04' : '` + wallLayout + `') + replace(offset, ':', '')
	});
	a != lines[0] || b != lines[1] ? stamps[0] + '--' + stamps[1] :
	unit == 's' ? stamps[0] :
	` + moved("n") + `.Format('2006-01-02')`)

func (c cell) windowProof() string { return "(" + c.window() + " a < b)" }

// windowFacts computes the facts of a calendar window in the pod's environment.
func (c cell) windowFacts(prefix, format string) list {
	window := c.window()
	return list{
		fact(prefix+"start", expression("%s", window+" "+bound("a", format))),
		fact(prefix+"end", expression("%s", window+" "+bound("b", format))),
		fact(prefix+"key", expression("%s", window+" "+windowKey)),
	}
}

// oneLine writes an expression of several lines as one.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
