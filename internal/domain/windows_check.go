// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package domain

import (
	"time"
)

// maxStep limits the multiple of a unit; it is 114 years in minutes.
const maxStep = 60_000_000

// lastSafeDay is the last day that every month has.
const lastSafeDay = 28

func (w Windows) check() []*Error {
	for _, rule := range []func(Windows) *Error{
		Windows.checkZone, Windows.checkBounds, Windows.checkEvery, Windows.checkOffsets, Windows.checkFormat,
	} {
		if e := rule(w); e != nil {
			return []*Error{e}
		}
	}
	return w.checkExclude()
}

func (w Windows) checkZone() *Error {
	if w.Zone == nil {
		return fault("timezone", "The time zone is missing. Use an IANA name such as UTC or Europe/Berlin.")
	}
	if w.Zone == time.Local {
		return fault("timezone", "The local time zone differs between machines. Use an IANA name such as UTC or "+
			"Europe/Berlin.")
	}
	return nil
}

func (w Windows) checkBounds() *Error {
	for _, b := range []struct {
		field string
		at    time.Time
	}{{"start", w.Start}, {"end", w.End}} {
		if b.at.Unix() < firstInstant || b.at.Unix() > lastInstant {
			return fault(b.field, "The time %s is not between the years 1 and 9998. Use a time in this range.",
				b.at.Format(time.RFC3339))
		}
		if b.at.Nanosecond() != 0 {
			return fault(b.field, "The time %s has a fraction of a second. Use whole seconds.", b.at.Format(time.RFC3339Nano))
		}
	}
	if !w.Start.Before(w.End) {
		return fault("end", "The range [%s, %s) is empty. The end is exclusive and must be after the start.",
			w.Text(w.Start.Unix()), w.Text(w.End.Unix()))
	}
	return nil
}

func (w Windows) checkEvery() *Error {
	if w.Every.Unit < Minute || w.Every.Unit > Year {
		return fault("every", "The unit of the step is unknown. Use m, h, d, w, mo or y.")
	}
	if w.Every.N < 1 || w.Every.N > maxStep {
		return fault("every", "The step %s is not between 1 and %d units. Use a step such as 1h, 1d or 2mo.", w.Every,
			maxStep)
	}
	if d := w.Start.In(w.Zone).Day(); w.Every.Unit >= Month && d > lastSafeDay {
		return fault("start", "Windows of %s would start on day %d, which some months do not have. Start on day %d or "+
			"earlier, such as the first of the month.", w.Every, d, lastSafeDay)
	}
	return nil
}

// checkOffsets rejects historical local mean times, because RFC 3339 and keys cannot
// express their seconds.
func (w Windows) checkOffsets() *Error {
	start, end := w.Start.Unix(), w.End.Unix()
	for _, p := range newClock(w.Zone, start, end).periods {
		if p.offset%minute != 0 {
			at := time.Unix(max(start, p.start), 0).UTC().Format(time.RFC3339)
			return fault("timezone", "The offset of %s from UTC was %s at %s. It is not a whole number of minutes, which RFC "+
				"3339 does not support. Use UTC, or start later.",
				w.Zone, time.Duration(p.offset)*time.Second, at)
		}
		if p.offset <= -day || p.offset >= day {
			return fault("timezone", "The offset of %s is more than a day. Use an IANA name such as UTC or Europe/Berlin.",
				w.Zone)
		}
	}
	return nil
}

func (w Windows) checkFormat() *Error {
	switch w.Format {
	case "", FormatRFC3339, FormatUnix, FormatUnixMS:
		return nil
	case FormatDate:
		return w.checkDates()
	}
	return fault("format", "The format %q is unknown. Use date, rfc3339, unix or unix_ms.", w.Format)
}

func (w Windows) checkDates() *Error {
	if w.Every.Unit < Day {
		return fault("format", "Windows of %s are shorter than a day, and the format date cannot express their bounds. "+
			"Use the format rfc3339, or windows of a day or longer.", w.Every)
	}
	clock := newClock(w.Zone, w.Start.Unix()-margin, w.End.Unix()+margin)
	bounds := []Interval{{w.Start.Unix(), w.End.Unix()}}
	for _, iv := range append(bounds, w.Exclude...) {
		for _, at := range []int64{iv.Start, iv.End} {
			if !clock.startsDay(at) {
				return fault("format", "The bound %s is not the start of a day in %s, and the format date cannot express it. "+
					"Use the format rfc3339, or bounds at midnight.", w.Text(at), w.Zone)
			}
		}
	}
	return nil
}

func (w Windows) checkExclude() []*Error {
	var errs []*Error
	for i, iv := range w.Exclude {
		if iv.Start >= iv.End {
			errs = append(errs, faultAt("exclude", i, "The excluded range [%s, %s) is empty. The end is exclusive and "+
				"must be after the start.", w.Text(iv.Start), w.Text(iv.End)))
		}
	}
	if errs == nil && len(without(Interval{w.Start.Unix(), w.End.Unix()}, w.Exclude)) == 0 {
		errs = append(errs, fault("exclude", "The excluded ranges cover everything from %s to %s. Exclude less.",
			w.Text(w.Start.Unix()), w.Text(w.End.Unix())))
	}
	return errs
}
