// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package plan

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

func drawAxis(t *rapid.T) domain.Axis {
	switch rapid.IntRange(0, 3).Draw(t, "axis") {
	case 0:
		size := rapid.Int64Range(1, 20).Draw(t, "size")
		return domain.Range{Start: 3, End: rapid.Int64Range(4, 100).Draw(t, "end"), Size: size}
	case 1:
		return domain.Boundaries{Points: []int64{3, 10, 11, 50, 90}}
	case 2:
		zone, err := time.LoadLocation("Pacific/Apia") // whose calendar skips a day
		if err != nil {
			t.Fatal(err)
		}
		start := time.Date(2011, 12, 25, 0, 0, 0, 0, zone)
		return domain.Windows{
			Start: start,
			End:   start.AddDate(0, 0, rapid.IntRange(1, 12).Draw(t, "days")),
			Zone:  zone,
			Every: domain.Step{
				N:    1,
				Unit: domain.Day,
			},
			Exclude: []domain.Interval{{Start: start.Unix() + 200_000, End: start.Unix() + 260_000}},
		}
	}
	return domain.Values{Items: []string{"us", "de", "fr"}}
}

func drawDomain(t *rapid.T) domain.Domain {
	dims := []domain.Dimension{{Axis: drawAxis(t)}}
	if rapid.IntRange(0, 2).Draw(t, "product") == 0 {
		dims = []domain.Dimension{{Name: "a", Axis: drawAxis(t)}, {Name: "b", Axis: drawAxis(t)}}
	}
	d, err := domain.New(dims...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// drawRemaining takes pieces away from d, and cells from a finer grid, so that
// what remains does not respect the grid.
func drawRemaining(t *rapid.T, d domain.Domain) ledger.Set {
	var done []domain.Partition
	for range rapid.IntRange(0, 8).Draw(t, "done") {
		p := d.At(rapid.Int64Range(0, d.Count()-1).Draw(t, "cell"))
		for i, part := range p.Parts {
			if part.Text == "" && rapid.Bool().Draw(t, "cut") {
				p.Parts[i].Start = rapid.Int64Range(part.Start, part.End-1).Draw(t, "start")
			}
		}
		done = append(done, p)
	}
	return ledger.Full(d).Minus(ledger.Of(d, slices.Values(done)))
}

func TestShardsPartitionWhatRemainsInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDomain(t)
		in := Input{
			Domain: d, Remaining: drawRemaining(t, d), ShardSize: rapid.IntRange(1, 12).Draw(t, "shard size"),
			Order: rapid.SampledFrom([]Order{OldestFirst, NewestFirst}).Draw(t, "order"),
		}
		p := Make(in)
		want := slices.Collect(in.Remaining.Partitions(d))
		if in.Order == NewestFirst {
			slices.Reverse(want)
		}
		var run []domain.Partition
		for k := range p.ShardCount() {
			s, got := p.Shard(k), slices.Collect(p.PartitionsOf(k))
			if s.Number != k || s.Offset != int64(len(run)) || s.Count != len(got) {
				t.Fatalf("shard %d is %+v after %d partitions and holds %d", k, s, len(run), len(got))
			}
			if last := k == p.ShardCount()-1; s.Count != in.ShardSize && !last || s.Count == 0 {
				t.Fatalf("shard %d of %d holds %d partitions", k, p.ShardCount(), s.Count)
			}
			checkArithmetic(t, d, s, got)
			run = append(run, got...)
		}
		if fmt.Sprint(run) != fmt.Sprint(want) || p.Partitions != int64(len(want)) {
			t.Fatalf("the run of %d is %v, want %v", p.Partitions, run, want)
		}
		for i := range run {
			if got := p.At(int64(i)); fmt.Sprint(got) != fmt.Sprint(run[i]) {
				t.Fatalf("At(%d) is %v, not %v", i, got, run[i])
			}
		}
		if !ledger.Of(d, slices.Values(run)).Equal(in.Remaining) || !p.Covers.Equal(in.Remaining) {
			t.Fatal("the run does not cover what remains")
		}
	})
}

// checkArithmetic computes the bounds of a shard's partitions from its segment
// and the lines of the grid alone.
func checkArithmetic(t *rapid.T, d domain.Domain, s Shard, want []domain.Partition) {
	if s.Segment == nil {
		return
	}
	grid, ok := d.Dimensions[0].Axis.(domain.Grid)
	if !ok || len(d.Dimensions) > 1 {
		for j, p := range want {
			index := s.Segment.First + s.Segment.Step*(s.Offset-s.Segment.Offset+int64(j))
			if p.Index != index || fmt.Sprint(p) != fmt.Sprint(d.At(index)) || index < s.Segment.Lo || index >= s.Segment.Hi {
				t.Fatalf("partition %d of %+v is %v, not the whole cell %d", j, *s.Segment, p, index)
			}
		}
		return
	}
	for j, p := range want {
		i := s.Offset - s.Segment.Offset + int64(j)
		n := s.Segment.Line + s.Segment.Step*i
		lo, _ := grid.Line(n)
		hi, ok := grid.Line(n + 1)
		if !ok {
			hi = s.Segment.Hi
		}
		lo, hi = max(lo, s.Segment.Lo), min(hi, s.Segment.Hi)
		if p.Index != s.Segment.First+s.Segment.Step*i || p.Parts[0].Start != lo || p.Parts[0].End != hi {
			t.Fatalf("partition %d of %+v is %v, computed as [%d, %d)", i, *s.Segment, p, lo, hi)
		}
	}
}

// After an edit of the grid, a run covers exactly what was not done.
func TestRechunkedRunCoversWhatRemains(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := drawRange(t, 1000)
		done := ledger.Full(before).Minus(drawRemaining(t, before))
		after := drawRange(t, rapid.Int64Range(500, 2000).Draw(t, "end"))
		p := Make(Input{Domain: after, Remaining: ledger.Full(after).Minus(done), Order: OldestFirst, ShardSize: 500})
		covered := ledger.Of(after, func(yield func(domain.Partition) bool) {
			for k := range p.ShardCount() {
				for partition := range p.PartitionsOf(k) {
					if !yield(partition) {
						return
					}
				}
			}
		})
		if !covered.Intersect(done).Empty() || !covered.Union(done).Contains(ledger.Full(after)) ||
			!ledger.Full(after).Contains(covered) {
			t.Fatalf("done %s, the run covers %s", done.Text(before), covered.Text(after))
		}
	})
}

func drawRange(t *rapid.T, end int64) domain.Domain {
	d, err := domain.New(
		domain.Dimension{Axis: domain.Range{Start: 0, End: end, Size: rapid.Int64Range(1, 100).Draw(t, "size")}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
