// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"strconv"
	"strings"
	"time"
)

// gridLines are the lines of the grid that the pods of a Workflow computed
// with, whatever grid the job declares by now.
type gridLines interface{ at(n int64) int64 }

// evenLines are those of ranges and of windows of elapsed time.
type evenLines struct{ origin, size int64 }

func (l evenLines) at(n int64) int64 { return l.origin + n*l.size }

// calendarLines are those of windows of days or longer. It repeats in Go what
// the expression named window does.
type calendarLines struct {
	origin       int64
	wall         time.Time    // what clocks show at line 0, as if in UTC
	days, months int          // of a step
	clock        []clockEntry // the latest first
}

type clockEntry struct{ from, offset int64 }

func (l calendarLines) at(n int64) int64 {
	if n == 0 {
		return l.origin
	}
	wall := l.wall.AddDate(0, int(n)*l.months, int(n)*l.days).Unix()
	if limit := mustDate(lastWall); wall > limit {
		wall = limit
	}
	return l.instant(wall)
}

// instant is when clocks show a wall time.
func (l calendarLines) instant(wall int64) int64 {
	const day = 24 * 60 * 60
	before, after := l.offsetAt(wall-day), l.offsetAt(wall+day)
	x, y := wall-before, wall-after
	if l.offsetAt(x) != before && l.offsetAt(y) == after {
		return y
	}
	return x
}

// startsDay tells whether a local day begins at an instant.
func (l calendarLines) startsDay(at int64) bool {
	const day = 24 * 60 * 60
	wall := at + l.offsetAt(at)
	return l.instant(wall-wall%day) == at
}

func (l calendarLines) offsetAt(instant int64) int64 {
	for _, entry := range l.clock {
		if entry.from <= instant {
			return entry.offset
		}
	}
	return l.clock[len(l.clock)-1].offset
}

func mustDate(text string) int64 {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err) // a constant of this package
	}
	return at.Unix()
}

// linesOf reads the grid from the arguments of a Workflow.
func linesOf(name string, args map[string]string) (gridLines, error) {
	if args[argCount+"0"] != "" {
		return evenLines{0, 1}, nil // the indexes of a product
	}
	numbers, err := integersOf(name, args, argOrigin, argSize)
	if err != nil {
		return nil, err
	}
	origin, size := numbers[0], numbers[1]
	l := calendarLines{origin: origin}
	switch args[argUnit] {
	case "", unitSeconds:
		return evenLines{origin, size}, nil
	case unitDays:
		l.days = int(size)
	case unitMonths:
		l.months = int(size)
	default:
		return nil, foreign{name, argUnit, args[argUnit]}
	}
	wall, err := integersOf(name, args, argWall)
	if err != nil {
		return nil, err
	}
	l.wall = time.Unix(wall[0], 0).UTC()
	for _, text := range strings.Fields(args[argClock]) {
		entry, ok := parseClockEntry(text)
		if !ok {
			return nil, foreign{name, argClock, text}
		}
		l.clock = append(l.clock, entry)
	}
	if len(l.clock) == 0 {
		return nil, foreign{name, argClock, args[argClock]}
	}
	return l, nil
}

func parseClockEntry(text string) (clockEntry, bool) {
	from, offset, _ := strings.Cut(text, "/")
	start, err1 := strconv.ParseInt(from, 10, 64)
	shift, err2 := time.Parse("-07:00", offset)
	_, seconds := shift.Zone()
	return clockEntry{start, int64(seconds)}, err1 == nil && err2 == nil
}

// integersOf reads arguments that are decimal integers.
func integersOf(name string, args map[string]string, wanted ...string) ([]int64, error) {
	out := make([]int64, len(wanted))
	for i, arg := range wanted {
		n, err := strconv.ParseInt(args[arg], 10, 64)
		if err != nil {
			return nil, foreign{name, arg, args[arg]}
		}
		out[i] = n
	}
	return out, nil
}
