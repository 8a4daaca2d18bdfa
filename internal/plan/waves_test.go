// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package plan

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

func TestWaveSizes(t *testing.T) {
	for _, c := range []struct {
		waves         Waves
		shards, first int
		want          []int
	}{
		{Waves{}, 200, 1, []int{200}},
		{Waves{}, 0, 1, nil},
		{Doubling, 10, 1, []int{1, 2, 4, 3}},
		{Waves{1, 10, 0}, 200, 1, []int{1, 10, 100, 89}},
		{Waves{2, 3, 9}, 40, 1, []int{2, 6, 9, 9, 9, 5}},
		{Waves{20, 2, 9}, 20, 1, []int{9, 9, 2}},
		{Waves{1, 1, 0}, 42, 1, append(slices.Repeat([]int{1}, 39), 3)},
		{Doubling, 10, 3, []int{4, 6}},
		{Doubling, 7, 40, []int{7}},
		{Doubling, 7, 99, []int{7}},
	} {
		if got := c.waves.sizes(c.shards, c.first); !slices.Equal(got, c.want) {
			t.Errorf("%+v of %d from wave %d: %v, want %v", c.waves, c.shards, c.first, got, c.want)
		}
	}
}

func TestBudgetAllows(t *testing.T) {
	for _, c := range []struct {
		budget    Budget
		run, want int64
	}{
		{Unlimited, 100, -1},
		{Budget{25, -1}, 10, 25},
		{Budget{0, -1}, 10, 0},
		{Budget{-1, 50_000}, 199, 9},
		{Budget{3, 50_000}, 199, 3},
		{Budget{-1, million}, math.MaxInt64, math.MaxInt64},
	} {
		if got := c.budget.Allowed(c.run); got != c.want {
			t.Errorf("%+v after %d allows %d, want %d", c.budget, c.run, got, c.want)
		}
	}
}

func TestCanary(t *testing.T) {
	ids := alone(t, domain.Range{End: 60, Size: 10})
	for _, c := range []struct {
		name         string
		canary       Canary
		remaining    string
		order        Order
		want, absent []string
	}{
		{"the first", Canary{Partitions: 2}, "[5,60)", OldestFirst, []string{"5--10", "10--20"}, nil},
		{"the first of the newest", Canary{Partitions: 2}, "[5,60)", NewestFirst, []string{"50--60", "40--50"}, nil},
		{"more than there are", Canary{Partitions: 9}, "[5,12)", OldestFirst, []string{"5--10", "10--12"}, nil},
		{"keys, in run " +
			"order", Canary{Keys: []string{"20--30", "50--60"}}, "[0,60)", NewestFirst, []string{"50--60", "20--30"}, nil},
		{"keys elsewhere", Canary{Keys: []string{"nowhere", "20--30", "0--10"}}, "[5,60)", OldestFirst, []string{"20--30"}, []string{"nowhere", "0--10"}},
		{"no key is there", Canary{Keys: []string{"0--10"}}, "[5,60)", OldestFirst, nil, []string{"0--10"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			remaining, err := ledger.Parse(ids, c.remaining)
			if err != nil {
				t.Fatal(err)
			}
			p := Make(Input{Domain: ids, Remaining: remaining, Order: c.order, ShardSize: 3, Canary: c.canary})
			var got []string
			for _, partition := range p.Canary {
				got = append(got, ids.Key(partition))
			}
			if !slices.Equal(got, c.want) || !slices.Equal(p.Absent, c.absent) {
				t.Errorf("canary %v, absent %v; want %v, %v", got, p.Absent, c.want, c.absent)
			}
		})
	}
}

// TestRunsWithWaves demands of any run that canary and waves cover what remains
// exactly once, each in order, that waves are as large as was asked for, and that
// budgets hold.
func TestRunsWithWaves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDomain(t)
		budget := Budget{rapid.Int64Range(-1, 9).Draw(t, "max failed"), rapid.Int64Range(-1, million).Draw(t, "max ratio")}
		in := Input{
			Domain:    d,
			Remaining: drawRemaining(t, d),
			ShardSize: rapid.IntRange(1, 4).Draw(t, "shard size"),
			Order:     rapid.SampledFrom([]Order{OldestFirst, NewestFirst}).Draw(t, "order"),
			Waves: Waves{
				rapid.IntRange(0, 3).Draw(t, "shards"),
				rapid.IntRange(1, 3).Draw(t, "growth"),
				rapid.IntRange(0, 5).Draw(t, "max shards"),
			},
			Budget: &budget,
		}
		want := slices.Collect(in.Remaining.Partitions(d))
		if in.Order == NewestFirst {
			slices.Reverse(want)
		}
		if rapid.Bool().Draw(t, "by key") {
			for range rapid.IntRange(0, 3).Draw(t, "keys") {
				in.Canary.Keys = append(in.Canary.Keys, d.Key(d.At(rapid.Int64Range(0, d.Count()-1).Draw(t, "key"))))
			}
		} else {
			in.Canary.Partitions = rapid.IntRange(0, 5).Draw(t, "canary")
		}
		p := Make(in)
		checkCanary(t, in, p, want)
		// In a product, pieces of a cell that the canary leaves may become one.
		rest := slices.Collect(in.Remaining.Minus(ledger.Of(d, slices.Values(p.Canary))).Partitions(d))
		if in.Order == NewestFirst {
			slices.Reverse(rest)
		}
		run := checkWaves(t, in, p)
		if fmt.Sprint(run) != fmt.Sprint(rest) || p.Partitions != int64(len(p.Canary)+len(rest)) ||
			p.InShards() != int64(len(rest)) {
			t.Fatalf("the waves run %v, want %v", run, rest)
		}
		for i, q := range append(slices.Clone(p.Canary), rest...) {
			if fmt.Sprint(p.At(int64(i))) != fmt.Sprint(q) {
				t.Fatalf("At(%d) is %v, not %v", i, p.At(int64(i)), q)
			}
		}
		if !p.Covers.Equal(in.Remaining) {
			t.Fatal("the run does not cover what remains")
		}
	})
}

func checkCanary(t *rapid.T, in Input, p Plan, order []domain.Partition) {
	want := order[:min(in.Canary.Partitions, len(order))]
	if len(in.Canary.Keys) > 0 {
		for cell := range in.Domain.All() {
			if slices.Contains(in.Canary.Keys, in.Domain.Key(cell)) &&
				in.Remaining.Contains(ledger.Of(in.Domain, slices.Values([]domain.Partition{cell}))) {
				want = append(want, cell)
			}
		}
		if in.Order == NewestFirst {
			slices.Reverse(want)
		}
	}
	if fmt.Sprint(p.Canary) != fmt.Sprint(want) {
		t.Fatalf("the canary is %v, want %v", p.Canary, want)
	}
}

// checkWaves returns the partitions of the waves, in the order in which they run.
func checkWaves(t *rapid.T, in Input, p Plan) []domain.Partition {
	var run []domain.Partition
	shard, asked := 0, 0
	for i, w := range p.Waves {
		if asked = in.Waves.Shards; i > 0 && in.Waves.Shards > 0 {
			for range i {
				asked = min(asked*in.Waves.Growth, 1000)
			}
		}
		if in.Waves.Max > 0 {
			asked = min(asked, in.Waves.Max)
		}
		last := i == len(p.Waves)-1
		if w.Number != i+1 || w.First != shard || !last && w.Shards != asked ||
			last && w.Shards > asked && asked > 0 && w.Number < MaxWaves ||
			w.Number > MaxWaves {
			t.Fatalf("wave %d of %d is %+v; %d shards were asked for", i+1, len(p.Waves), w, asked)
		}
		before := int64(len(p.Canary) + len(run))
		if w.Before != before {
			t.Fatalf("wave %+v comes after %d partitions", w, before)
		}
		checkAllowed(t, *in.Budget, w)
		for ; shard < w.First+w.Shards; shard++ {
			run = append(run, slices.Collect(p.PartitionsOf(shard))...)
		}
		if w.Partitions != int64(len(p.Canary)+len(run))-before {
			t.Fatalf("wave %+v has %d partitions", w, int64(len(p.Canary)+len(run))-before)
		}
	}
	if shard != p.ShardCount() {
		t.Fatalf("%d of %d shards are in waves", shard, p.ShardCount())
	}
	return run
}

func checkAllowed(t *rapid.T, b Budget, w Wave) {
	if w.Number == 1 || b.MaxFailed < 0 && b.MaxRatio < 0 {
		if w.Allowed >= 0 {
			t.Fatalf("wave %+v has a gate", w)
		}
		return
	}
	share := new(big.Rat).SetFrac64(b.MaxRatio*w.Before, million)
	fits := func(n int64) bool {
		return (b.MaxFailed < 0 || n <= b.MaxFailed) && (b.MaxRatio < 0 || new(big.Rat).SetInt64(n).Cmp(share) <= 0)
	}
	if !fits(w.Allowed) || fits(w.Allowed+1) {
		t.Fatalf("wave %+v allows %d failures under %+v", w, w.Allowed, b)
	}
}

// TestGatesAreApprovedOneByOne demands that runs which end at gates cover what
// remains exactly once and in order, and start no wave that was not approved.
func TestGatesAreApprovedOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDomain(t)
		in := Input{
			Domain: d, Remaining: drawRemaining(t, d), ShardSize: rapid.IntRange(1, 4).Draw(t, "shard size"),
			Order:  rapid.SampledFrom([]Order{OldestFirst, NewestFirst}).Draw(t, "order"),
			Waves:  Waves{rapid.IntRange(0, 3).Draw(t, "shards"), rapid.IntRange(1, 3).Draw(t, "growth"), 0},
			Canary: Canary{Partitions: rapid.IntRange(0, 3).Draw(t, "canary")},
		}
		in.Gates = Gates{
			Canary: in.Canary.Partitions > 0 && rapid.Bool().Draw(t, "canary gate"),
			Waves:  rapid.Bool().Draw(t, "wave gates"),
		}
		in.Approved = rapid.IntRange(0, 3).Draw(t, "approved")
		open := in
		open.Gates = Gates{}
		all := Make(open)
		var want, run []string
		for i := range all.Partitions {
			want = append(want, d.Key(all.At(i)))
		}
		left := in.Remaining
		for {
			p := Make(in)
			if !left.Contains(p.Covers) {
				t.Fatalf("%s runs twice", p.Covers.Minus(left).Text(d))
			}
			left = left.Minus(p.Covers)
			for i := range p.Partitions {
				run = append(run, d.Key(p.At(i)))
			}
			for _, w := range p.Waves {
				if w.Number > in.Approved && (w.Number > 1 && in.Gates.Waves || w.Number == 1 && in.Gates.Canary) {
					t.Fatalf("wave %d starts, and %d are approved under %+v", w.Number, in.Approved, in.Gates)
				}
			}
			if p.Until == 0 {
				break
			}
			if p.Covers.Empty() || p.Until <= in.Approved {
				t.Fatalf("a run of %s ends before wave %d, and %d are approved", p.Covers.Text(d), p.Until, in.Approved)
			}
			in.Remaining, in.First, in.Approved, in.Canary = in.Remaining.Minus(p.Covers), p.Until, p.Until, Canary{}
		}
		if !left.Empty() {
			t.Fatalf("nothing covers %s", left.Text(d))
		}
		// In a product, pieces of a cell may become one.
		if len(d.Dimensions) == 1 && !slices.Equal(run, want) {
			t.Fatalf("the runs cover %v, want %v", run, want)
		}
	})
}
