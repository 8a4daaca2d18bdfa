// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package domain

import (
	"testing"
	"time"
)

// million is a domain of a million windows, with changes of the clock.
func million(b *testing.B, every Step) Domain {
	b.Helper()
	start := time.Date(1970, 1, 1, 0, 0, 0, 0, zone(b, "America/New_York"))
	d := one(b, Windows{Start: start, End: start.AddDate(4000, 0, 0), Every: every, Zone: start.Location()})
	w := d.Dimensions[0].Axis.(Windows)
	w.End = time.Unix(w.Cell(1_000_000).Start, 0)
	d = one(b, w)
	if d.Count() != 1_000_000 {
		b.Fatalf("%d windows", d.Count())
	}
	return d
}

// BenchmarkWindows enumerates a million windows with their grid made anew.
func BenchmarkWindows(b *testing.B) {
	for _, every := range []Step{{1, Hour}, {1, Day}} {
		d := million(b, every)
		b.Run(every.String(), func(b *testing.B) {
			for b.Loop() {
				again, err := New(d.Dimensions...)
				if err != nil {
					b.Fatal(err)
				}
				last := int64(0)
				for p := range again.All() {
					if last != 0 && p.Parts[0].Start != last {
						b.Fatal("windows are not side by side")
					}
					last = p.Parts[0].End
				}
			}
		})
		b.Run(every.String()+"/keys", func(b *testing.B) {
			for b.Loop() {
				for p := range d.All() {
					d.Key(p)
				}
			}
		})
		b.Run(every.String()+"/at", func(b *testing.B) {
			for i := int64(0); b.Loop(); i++ {
				d.At(i * 7919 % 1_000_000)
			}
		})
	}
}
