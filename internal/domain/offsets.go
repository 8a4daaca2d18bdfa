// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package domain

// Offset is how far the clocks of a zone are ahead of UTC.
type Offset struct {
	From    int64 // instant from which on it holds
	Seconds int64 // east of UTC, whole minutes
}

// Offsets lists the offsets of the zone, ascending, from some days before
// Start until some days after End; the last holds from then on. They are all
// that anybody needs who computes the windows without the zone's own data.
func (w Windows) Offsets() []Offset {
	c := w.calendar()
	out := make([]Offset, len(c.periods))
	for i, p := range c.periods {
		out[i] = Offset{From: p.start, Seconds: p.offset}
	}
	out[0].From = c.lo
	return out
}
