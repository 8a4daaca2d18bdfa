// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package ledger

import (
	"slices"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
)

// BenchmarkAlgebra unites, subtracts and intersects sets over a million
// partitions of which one in a hundred failed.
func BenchmarkAlgebra(b *testing.B) {
	d := alone(b, domain.Range{Start: 1, End: 1_000_000_000_000, Size: 1_000_000})
	failed := scattered(d)
	full := Full(d)
	for b.Loop() {
		done := full.Minus(failed)
		if !done.Union(failed).Equal(full) || !done.Intersect(failed).Empty() {
			b.Fatal("the algebra is wrong")
		}
	}
}

func BenchmarkCount(b *testing.B) {
	d := alone(b, domain.Range{Start: 1, End: 1_000_000_000_000, Size: 1_000_000})
	s := Full(d).Minus(scattered(d))
	for b.Loop() {
		s.Count(d)
	}
}

// BenchmarkText writes and reads what is done of 100,000 partitions.
func BenchmarkText(b *testing.B) {
	for name, d := range hundredThousand(b) {
		s := Full(d).Minus(scattered(d))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				text := s.Text(d)
				if _, err := Parse(d, text); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(text)), "bytes")
			}
		})
	}
}

// BenchmarkOf builds the set of 100,000 outcomes, in no order.
func BenchmarkOf(b *testing.B) {
	for name, d := range hundredThousand(b) {
		all := slices.Collect(d.All())
		for i := range all {
			j := i * 7919 % len(all)
			all[i], all[j] = all[j], all[i]
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !Of(d, slices.Values(all)).Equal(Full(d)) {
					b.Fatal("the set is not full")
				}
			}
		})
	}
}
