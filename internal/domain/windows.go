// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package domain

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Unit is a calendar or clock step of a Windows axis.
type Unit int

// The units of a step. Hours and minutes are elapsed time; the others follow the
// calendar of the zone.
const (
	Minute Unit = iota
	Hour
	Day
	Week
	Month
	Year
)

// Step is a multiple of a unit, such as 15 minutes or 2 months.
type Step struct {
	N    int
	Unit Unit
}

// String writes the step as job files do: 15m, 1h, 1d, 1w, 2mo, 1y.
func (s Step) String() string {
	return fmt.Sprint(s.N, [...]string{"m", "h", "d", "w", "mo", "y"}[s.Unit])
}

// The formats of the bounds of a window for runners.
const (
	FormatDate    = "date"
	FormatRFC3339 = "rfc3339"
	FormatUnix    = "unix"
	FormatUnixMS  = "unix_ms"
)

// Windows splits [Start, End) every Step in the calendar of Zone, without Exclude.
// Format is the format of the bounds for the runner: date, rfc3339 (also if empty),
// unix or unix_ms.
//
// Line n of the grid is Start plus n steps. Steps of minutes and hours are elapsed
// time. Longer steps are added to the wall time of Start, and the line is the instant
// of the resulting wall time: the first one if it occurs twice; if it is skipped, the
// offset before the change applies (RFC 5545, section 3.3.5). A day therefore starts
// at its first midnight, or at 01:00 if clocks go from 00:00 to 01:00. A step of
// length zero, such as the day that Samoa skipped, is not a cell.
type Windows struct {
	Start, End time.Time
	Every      Step
	Zone       *time.Location
	Format     string
	Exclude    []Interval

	// grid is computed by New.
	grid *calendar
}

func (w Windows) sealed() {}

// Kind is Instant.
func (w Windows) Kind() Kind { return Instant }

func (w Windows) ready() Axis {
	w.grid = newCalendar(w)
	return w
}

func (w Windows) calendar() *calendar {
	if w.grid != nil {
		return w.grid
	}
	return newCalendar(w)
}

// Count is the number of windows, clipped ones included.
func (w Windows) Count() int64 { return w.calendar().count }

// Cell returns window i.
func (w Windows) Cell(i int64) Part { return w.calendar().cell(i) }

// Extent are the intervals between Start and End without Exclude.
func (w Windows) Extent() []Interval {
	var out []Interval
	for _, s := range w.calendar().stretches {
		if n := len(out); n > 0 && out[n-1].End == s.Start {
			out[n-1].End = s.End
			continue
		}
		out = append(out, s.Interval)
	}
	return out
}

// Cells returns the windows that meet [start, end).
func (w Windows) Cells(start, end int64) (first, count int64) {
	return w.calendar().cells(start, end)
}

// Split splits [start, end) at the lines of the calendar.
func (w Windows) Split(start, end int64) iter.Seq[Part] {
	w.grid = w.calendar()
	return split(w, start, end)
}

// StepOf returns the number of the step of a window. It is greater than the number of
// the window if earlier steps are excluded.
func (w Windows) StepOf(cell int64) int64 {
	c := w.calendar()
	s := c.stretchOfCell(cell)
	return s.step + cell - s.cell
}

// Line returns the instant of line n, also beyond End.
func (w Windows) Line(n int64) (int64, bool) { return w.calendar().line(n) }

// LineAt returns the number of the line at an instant.
func (w Windows) LineAt(pos int64) (int64, bool) {
	c := w.calendar()
	if pos < c.start || pos > lastInstant {
		return 0, false
	}
	n := c.stepAt(pos)
	at, ok := c.line(n)
	return n, ok && at == pos
}

// Text writes an instant in RFC 3339 with the zone's offset; in UTC if the offset is
// not a whole number of minutes, which RFC 3339 cannot express.
func (w Windows) Text(pos int64) string {
	at := time.Unix(pos, 0).In(w.Zone)
	if _, offset := at.Zone(); offset%minute != 0 {
		at = at.UTC()
	}
	return at.Format(time.RFC3339)
}

// ParsePosition reads an instant of whole seconds in RFC 3339, with any offset.
func (w Windows) ParsePosition(text string) (int64, error) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, errors.New("is not an RFC 3339 time, such as 2026-03-29T00:00:00+01:00")
	}
	if at.Nanosecond() != 0 {
		return 0, errors.New("is not a whole second")
	}
	return at.Unix(), nil
}

func (w Windows) keyOf(p Part) string {
	c := w.calendar()
	w.grid = c
	step, ok := whole(w, p)
	switch {
	case !ok:
		return w.stamp(p.Start) + keyBounds + w.stamp(p.End)
	case c.every.Unit < Day:
		return w.stamp(p.Start)
	}
	// The calendar date of the window, not the local date at its start: only the
	// former is unique if clocks skip midnight.
	return time.Unix(c.wallOf(step), 0).UTC().Format(time.DateOnly)
}

const (
	stampMinutes = "2006-01-02T15:04-0700"
	stampSeconds = "2006-01-02T15:04:05-0700"
)

// stamp writes an instant for a key.
func (w Windows) stamp(pos int64) string {
	if pos%minute != 0 {
		return time.Unix(pos, 0).In(w.Zone).Format(stampSeconds)
	}
	return time.Unix(pos, 0).In(w.Zone).Format(stampMinutes)
}

func parseStamp(text string) (int64, bool) {
	for _, layout := range []string{stampMinutes, stampSeconds} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.Unix(), true
		}
	}
	return 0, false
}

func (w Windows) partOf(key string) (Part, bool) {
	c := w.calendar()
	w.grid = c
	if a, b, ok := strings.Cut(key, keyBounds); ok {
		start, ok1 := parseStamp(a)
		end, ok2 := parseStamp(b)
		if !ok1 || !ok2 {
			return Part{}, false
		}
		return within(w, start, end)
	}
	step, ok := c.stepOfKey(key)
	if !ok {
		return Part{}, false
	}
	start, ok1 := c.line(step)
	end, ok2 := c.line(step + 1)
	if !ok1 || !ok2 {
		return Part{}, false
	}
	return within(w, start, end)
}

// longestKey is the length for a part whose bounds have seconds.
func (w Windows) longestKey() int { return 2*len(stampSeconds) + len(keyBounds) }

func (w Windows) facts(p Part) []Fact {
	return []Fact{{"start", w.fact(p.Start)}, {"end", w.fact(p.End)}}
}

// fact writes a bound in the declared format. The format date cannot express a bound
// that is not the start of a day. It is written in RFC 3339 then: a runner that
// expects a date fails, instead of silently skipping hours. (Only bounds of partial
// cells are affected, after windows of hours were replaced with windows of days.)
func (w Windows) fact(pos int64) string {
	at := time.Unix(pos, 0).In(w.Zone)
	switch w.Format {
	case FormatUnix:
		return decimal(pos)
	case FormatUnixMS:
		return decimal(pos * 1000)
	case FormatDate:
		if w.calendar().startsDay(pos) {
			return at.Format(time.DateOnly)
		}
	}
	return at.Format(time.RFC3339)
}
