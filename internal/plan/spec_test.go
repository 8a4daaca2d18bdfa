// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package plan_test

import (
	"math/rand"
	"reflect"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// What is cut from a RunSpec is what was planned, whatever gates, canaries and
// holes there were.
func TestARunSpecIsCutAsItWasPlanned(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for range 500 {
		size := 1 + random.Int63n(5)
		d, err := domain.New(domain.Dimension{Axis: domain.Range{Start: 0, End: 1 + random.Int63n(200), Size: size}})
		if err != nil {
			t.Fatal(err)
		}
		remaining := ledger.Full(d)
		for p := range ledger.Full(d).Partitions(d) {
			if random.Intn(4) == 0 {
				remaining = remaining.Minus(ledger.Of(d, func(yield func(domain.Partition) bool) { yield(p) }))
			}
		}
		in := plan.Input{
			Domain:    d,
			Remaining: remaining,
			Order:     []plan.Order{plan.OldestFirst, plan.NewestFirst}[random.Intn(2)],
			ShardSize: 1 + random.Intn(20),
			Canary:    plan.Canary{Partitions: random.Intn(3)},
			Waves: plan.Waves{
				Shards: random.Intn(3),
				Growth: 2,
			},
			Budget: &plan.Budget{MaxFailed: random.Int63n(3), MaxRatio: -1},
			Gates: plan.Gates{
				Canary: random.Intn(2) == 0,
				Waves:  random.Intn(2) == 0,
			},
			First:    random.Intn(4),
			Approved: random.Intn(4),
		}
		want, got := plan.Make(in), in.Spec().Plan()
		if !reflect.DeepEqual(want, got) {
			t.Fatalf("%+v\nplanned %+v\ncut     %+v", in, want, got)
		}
	}
}
