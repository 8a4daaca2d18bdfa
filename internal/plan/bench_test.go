// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package plan

import (
	"runtime"
	"testing"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// holed is a million partitions of which 10,000 scattered ones are done.
func holed(t testing.TB, axis domain.Axis) Input {
	d := alone(t, axis)
	done := ledger.Of(d, func(yield func(domain.Partition) bool) {
		for i := int64(0); i < 10_000 && yield(d.At(i*100+i%97)); i++ {
		}
	})
	return Input{Domain: d, Remaining: ledger.Full(d).Minus(done), Order: NewestFirst, ShardSize: 500}
}

func millionIDs() domain.Axis { return domain.Range{Start: 1, End: 1_000_000_000_000, Size: 1_000_000} }

func millionHours(t testing.TB) domain.Axis {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(1970, 1, 1, 0, 0, 0, 0, zone)
	return domain.Windows{
		Start: start,
		End:   start.Add(500_000 * time.Hour).Add(500_000 * time.Hour),
		Every: domain.Step{N: 1, Unit: domain.Hour},
		Zone:  zone,
	}
}

func walk(t testing.TB, in Input) {
	p := Make(in)
	var n int64
	for k := range p.ShardCount() {
		n += int64(p.Shard(k).Count)
	}
	if n != p.Partitions || n != 990_000 {
		t.Fatalf("%d partitions in shards, %d in the plan", n, p.Partitions)
	}
}

func BenchmarkMake(b *testing.B) {
	for name, axis := range map[string]domain.Axis{"range": millionIDs(), "hours": millionHours(b)} {
		in := holed(b, axis)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				walk(b, in)
			}
		})
	}
}

// A plan grows with its holes, not with its partitions.
func TestPlanOfAMillionPartitionsStaysSmall(t *testing.T) {
	const most = 64 << 20
	for name, axis := range map[string]domain.Axis{"range": millionIDs(), "hours": millionHours(t)} {
		in := holed(t, axis)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		walk(t, in)
		runtime.ReadMemStats(&after)
		used := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %d bytes", name, used)
		if used > most {
			t.Errorf("%s: planning takes %d bytes, more than %d", name, used, most)
		}
	}
}

// BenchmarkCanaryByKey looks for the last of a million partitions.
func BenchmarkCanaryByKey(b *testing.B) {
	d := alone(b, millionHours(b))
	in := Input{
		Domain:    d,
		Remaining: ledger.Full(d),
		ShardSize: 500,
		Canary:    Canary{Keys: []string{d.Key(d.At(d.Count() - 1))}},
	}
	b.ReportAllocs()
	for b.Loop() {
		if p := Make(in); len(p.Canary) != 1 {
			b.Fatal("not found")
		}
	}
}
