// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package domain

// Offset is the offset of a zone from UTC.
type Offset struct {
	From    int64 // instant at which it starts
	Seconds int64 // east of UTC, whole minutes
}

// Offsets lists the offsets of the zone, ascending, from some days before Start until
// some days after End. The last one applies from then on. They are sufficient to
// compute the windows without the zone's data.
// See internal/decisions/0015-runs-carry-zone-offsets.md.
func (w Windows) Offsets() []Offset {
	c := w.calendar()
	out := make([]Offset, len(c.periods))
	for i, p := range c.periods {
		out[i] = Offset{From: p.start, Seconds: p.offset}
	}
	out[0].From = c.lo
	return out
}
