// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// TestArgoAgreesOnAnyProduct draws products, what is left of them, the order
// and the size of shards.
func TestArgoAgreesOnAnyProduct(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := argotest.DrawProduct(rt)
		remaining := ledger.Full(d)
		for range rapid.IntRange(0, 2).Draw(rt, "holes") {
			p := d.At(rapid.Int64Range(0, d.Count()-1).Draw(rt, "hole"))
			if part := &p.Parts[len(p.Parts)-1]; rapid.Bool().Draw(rt, "half") && part.Text == "" && part.End-part.Start > 1 {
				part.End -= (part.End - part.Start) / 2
			}
			remaining = remaining.Minus(ledger.Of(d, slices.Values([]domain.Partition{p})))
		}
		in := plan.Input{
			Domain: d, Remaining: remaining,
			Order:     rapid.SampledFrom([]plan.Order{plan.OldestFirst, plan.NewestFirst}).Draw(rt, "order"),
			ShardSize: rapid.SampledFrom([]int{1, 3, 7, 500}).Draw(rt, "shard size"),
			Canary:    plan.Canary{Partitions: rapid.IntRange(0, 2).Draw(rt, "canary")},
		}
		if p := plan.Make(in); p.Partitions > 0 {
			execute(t, d, p, in.Order, in.ShardSize)
		}
	})
}

// What is emitted must not grow with the number of combinations.
func TestProductsHaveConstantSize(t *testing.T) {
	berlin := argotest.Zone(t, "Europe/Berlin")
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, berlin)
	tenants := make([]string, 400)
	for i := range tenants {
		tenants[i] = fmt.Sprintf("tenant-%03d", i)
	}
	d := argotest.MustDomain(
		t,
		domain.Dimension{Name: "tenant", Axis: domain.Values{Items: tenants}},
		domain.Dimension{
			Name: "day",
			Axis: domain.Windows{
				Start: start,
				End:   start.AddDate(6, 0, 0),
				Every: domain.Step{N: 1, Unit: domain.Day},
				Zone:  berlin,
			},
		},
	)
	j := argotest.Sample(d)
	objects := compile(t, j, argotest.PlanOf(j, ledger.Full(d)))
	var kinds []string
	for _, o := range objects {
		kinds = append(kinds, o.GetKind()+"/"+o.GetName())
	}
	text, err := manifest.Encode(objects, "yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(objects) != 3 || len(text) > 60_000 {
		t.Errorf(
			"%d bytes in %d objects for %d partitions: %s",
			len(text),
			len(objects),
			d.Count(),
			strings.Join(kinds, ", "),
		)
	}
}
