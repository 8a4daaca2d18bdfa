// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package domain

import (
	"math"
	"sort"
	"time"
)

const (
	minute = 60
	hour   = 60 * minute
	day    = 24 * hour
	// margin is greater than any zone's offset and change of offset.
	margin = 3 * day
)

// clock converts instants to wall times of a zone, and back. Both are Unix seconds:
// a wall time is the instant at which clocks in UTC show the same.
//
// It caches the zone's changes between two instants, because calling the standard
// library for each of a million windows is ten times slower.
type clock struct {
	zone    *time.Location
	lo, hi  int64
	periods []period
}

// period is a period of time with one offset from UTC.
type period struct {
	start  int64 // instant
	offset int64 // seconds east
	// passed is the earliest wall time that does not occur again before the
	// end of this period or of an earlier one.
	passed int64
}

// newClock caches the changes from lo to hi. Other instants are slower.
func newClock(zone *time.Location, lo, hi int64) clock {
	c := clock{zone: zone, lo: lo, hi: hi}
	at := time.Unix(lo, 0).In(zone)
	start := int64(math.MinInt64)
	for {
		_, offset := at.Zone()
		end, ok := nextChange(at)
		last := !ok || end.Unix() > hi
		if n := len(c.periods); n == 0 || c.periods[n-1].offset != int64(offset) {
			c.periods = append(c.periods, period{start: start, offset: int64(offset)})
		}
		if last {
			break
		}
		at, start = end, end.Unix()
	}
	passed := int64(math.MinInt64)
	for i := range c.periods {
		if i+1 == len(c.periods) {
			passed = math.MaxInt64
		} else {
			passed = max(passed, c.periods[i+1].start+c.periods[i].offset)
		}
		c.periods[i].passed = passed
	}
	return c
}

// nextChange returns when the offset may change next; ok is false if never.
func nextChange(at time.Time) (end time.Time, ok bool) {
	_, end = at.ZoneBounds()
	if end.IsZero() {
		return end, false
	}
	if !end.After(at) {
		// On the last day of a leap year beyond the zone's table, the standard
		// library says that the year has already ended (golang/go#81583).
		end = time.Date(at.UTC().Year()+1, 1, 1, 0, 0, 0, 0, time.UTC).In(at.Location())
	}
	return end, true
}

// around is a clock for times near t, which are outside of this clock's cache.
func (c *clock) around(t int64) *clock {
	near := newClock(c.zone, t-margin, t+margin)
	return &near
}

// wall returns the wall time of an instant.
func (c *clock) wall(instant int64) int64 {
	if instant < c.lo || instant > c.hi {
		c = c.around(instant)
	}
	i := sort.Search(len(c.periods), func(i int) bool { return c.periods[i].start > instant })
	return instant + c.periods[i-1].offset
}

// instant returns the instant of a wall time, by the rules of RFC 5545, section
// 3.3.5: the first one if the wall time occurs twice; if it is skipped, the offset
// before the change applies.
func (c *clock) instant(wall int64) int64 {
	if wall-margin/2 < c.lo || wall+margin/2 > c.hi {
		c = c.around(wall)
	}
	i := sort.Search(len(c.periods), func(i int) bool { return c.periods[i].passed > wall })
	p := c.periods[i]
	if i > 0 && wall-p.offset < p.start {
		p = c.periods[i-1]
	}
	return wall - p.offset
}

// startsDay is true if a local day starts at an instant.
func (c *clock) startsDay(instant int64) bool {
	wall := c.wall(instant)
	return c.instant(wall-mod(wall, day)) == instant
}

// mod is the non-negative remainder.
func mod(a, b int64) int64 { return (a%b + b) % b }
