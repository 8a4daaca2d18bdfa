// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package expr

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
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
	size int64
}{
	domain.Minute: {argo.UnitSeconds, 60}, domain.Hour: {argo.UnitSeconds, 60 * 60},
	domain.Day: {argo.UnitDays, 1}, domain.Week: {argo.UnitDays, 7},
	domain.Month: {argo.UnitMonths, 1}, domain.Year: {argo.UnitMonths, 12},
}

// windowsGrid returns the arguments that all segments of the axis share; ok is
// false when they would be too long.
// See internal/decisions/0015-runs-carry-zone-offsets.md.
func windowsGrid(w domain.Windows, suffix string) (args []argo.Arg, ok bool) {
	offsets := w.Offsets()
	slices.Reverse(offsets)
	entries := make([]string, len(offsets))
	for i, o := range offsets {
		shift := time.Unix(0, 0).In(time.FixedZone("", int(o.Seconds))).Format("-07:00")
		entries[i] = argo.Decimal(o.From) + "/" + shift
	}
	clock := strings.Join(entries, " ")
	if ok = len(clock) <= maxClock; !ok {
		clock = ""
	}
	unit, size := unitsOf(w.Every)
	_, offset := w.Start.In(w.Zone).Zone()
	return []argo.Arg{
		{Name: argo.ArgOrigin + suffix, Value: argo.Decimal(w.Start.Unix())},
		{Name: argo.ArgSize + suffix, Value: argo.Decimal(size)},
		{Name: argo.ArgUnit + suffix, Value: unit},
		{Name: argo.ArgWall + suffix, Value: argo.Decimal(w.Start.Unix() + int64(offset))},
		{Name: argo.ArgClock + suffix, Value: clock},
	}, ok
}

// unitsOf is a step in one of the three units that expressions know.
func unitsOf(every domain.Step) (unit string, size int64) {
	u := windowUnits[every.Unit]
	return u.name, int64(every.N) * u.size
}

// The expressions use expr-lang's own functions alone. Instants and wall
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
	return "date('1970-01-01').AddDate(0, 0, int(" + seconds + " / 86400))" +
		".Add(duration(string(" + seconds + " % 86400) + 's'))"
}

// moved is the wall time k steps after the first, as a time.
func moved(k string) string {
	return dateOf("start") +
		".AddDate(0, unit == 'mo' ? " + k + " * size : 0, unit == 'd' ? " + k + " * size : 0)"
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

func (c cell) int(arg string) string { return argo.WorkflowInt(arg + c.suffix) }

// window binds a and b, the bounds of the partition; lines, those of its whole
// window; and clock and unit. Line n is what package domain calls so: clocks
// show the wall time that lies n steps after the first; the first time if they
// show it twice, and if they skip it, when they would have shown it had they
// not been changed (RFC 5545, section 3.3.5). Changes of a clock lie more than
// two days apart, so the offsets a day before and after are those that count:
// the earlier one unless only the later one leads to the wall time.
func (c cell) window() string {
	return oneLine(`
	let clock = map(split(workflow.parameters.` + argo.ArgClock + c.suffix + `, ' '), {split(#, '/')});
	let unit = workflow.parameters.` + argo.ArgUnit + c.suffix + `;
	let size = ` + c.int(argo.ArgSize) + `;
	let start = ` + c.int(argo.ArgWall) + `;
	let n = ` + c.step + `;
	let lines = map([n, n + 1], {
		let k = #;
		k == 0 || unit == 's' ? ` + c.int(argo.ArgOrigin) + ` + k * size : (
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
func (c cell) windowFacts(prefix, format string) []any {
	window := c.window()
	return []any{
		fact(prefix+"start", argo.Tag("%s", window+" "+bound("a", format))),
		fact(prefix+"end", argo.Tag("%s", window+" "+bound("b", format))),
		fact(prefix+"key", argo.Tag("%s", window+" "+windowKey)),
	}
}

// oneLine writes an expression of several lines as one.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// grid is what the arguments of a Workflow say of lines without telling where
// they begin.
type grid struct {
	unit  string // "" for numbers
	size  int64
	clock []clockEntry // the latest first
}

type clockEntry struct{ from, offset int64 }

func gridOf(args argo.Arguments) (grid, error) {
	size, err := args.Integers(argo.ArgSize)
	if err != nil {
		return grid{}, err
	}
	g := grid{unit: args.Text(argo.ArgUnit), size: size[0]}
	switch g.unit {
	case "", argo.UnitSeconds:
		return g, nil
	case argo.UnitDays, argo.UnitMonths:
	default:
		return grid{}, args.Foreign(argo.ArgUnit)
	}
	for _, text := range strings.Fields(args.Text(argo.ArgClock)) {
		from, offset, _ := strings.Cut(text, "/")
		start, err1 := strconv.ParseInt(from, 10, 64)
		shift, err2 := time.Parse("-07:00", offset)
		if err1 != nil || err2 != nil {
			return grid{}, argo.Foreign(args.Workflow, argo.ArgClock, text)
		}
		_, seconds := shift.Zone()
		g.clock = append(g.clock, clockEntry{start, int64(seconds)})
	}
	if len(g.clock) == 0 {
		return grid{}, args.Foreign(argo.ArgClock)
	}
	return g, nil
}

// even tells that lines do not follow a calendar, as in ranges and in windows of
// elapsed time.
func (g grid) even() bool { return len(g.clock) == 0 }

func (g grid) offsetAt(instant int64) int64 {
	for _, entry := range g.clock {
		if entry.from <= instant {
			return entry.offset
		}
	}
	return g.clock[len(g.clock)-1].offset
}

// instant is when clocks show a wall time.
func (g grid) instant(wall int64) int64 {
	const day = 24 * 60 * 60
	before, after := g.offsetAt(wall-day), g.offsetAt(wall+day)
	x, y := wall-before, wall-after
	if g.offsetAt(x) != before && g.offsetAt(y) == after {
		return y
	}
	return x
}

// startsDay tells whether a local day begins at an instant.
func (g grid) startsDay(at int64) bool {
	const day = 24 * 60 * 60
	wall := at + g.offsetAt(at)
	return g.instant(wall-wall%day) == at
}

// Lines are the lines of the grid that the pods of a Workflow computed
// with, whatever grid the job declares by now.
type Lines struct {
	grid
	origin int64
	wall   time.Time // what clocks show at line 0, as if in UTC; only by a calendar
}

// At is where line n lies.
func (l Lines) At(n int64) int64 {
	if l.even() || n == 0 {
		return l.origin + n*l.size
	}
	months, days := 0, int(n*l.size)
	if l.unit == argo.UnitMonths {
		months, days = days, 0
	}
	wall := l.wall.AddDate(0, months, days)
	if limit, _ := time.Parse(time.DateOnly, lastWall); wall.After(limit) {
		wall = limit
	}
	return l.instant(wall.Unix())
}

// LinesOf reads the grid from the arguments of a Workflow.
func LinesOf(args argo.Arguments) (Lines, error) {
	if args.Text(argo.ArgCount+"0") != "" {
		return Lines{grid: grid{size: 1}}, nil // the indexes of a product
	}
	begin, err := args.Integers(argo.ArgOrigin)
	if err != nil {
		return Lines{}, err
	}
	g, err := gridOf(args)
	if err != nil || g.even() {
		return Lines{grid: g, origin: begin[0]}, err
	}
	wall, err := args.Integers(argo.ArgWall)
	if err != nil {
		return Lines{}, err
	}
	return Lines{g, begin[0], time.Unix(wall[0], 0).UTC()}, nil
}
