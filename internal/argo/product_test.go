// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

func drawAxis(t *rapid.T) domain.Axis {
	switch rapid.SampledFrom([]string{"range", "boundaries", "values", "windows"}).Draw(t, "axis") {
	case "range":
		start, size := rapid.Int64Range(-1<<40, 1<<40).Draw(t, "start"), rapid.Int64Range(1, 1000).Draw(t, "size")
		return domain.Range{Start: start, End: start + rapid.Int64Range(1, 4*size).Draw(t, "length"), Size: size}
	case "boundaries":
		points := rapid.SliceOfNDistinct(rapid.Int64Range(-100, 100), 2, 4, rapid.ID).Draw(t, "points")
		slices.Sort(points)
		return domain.Boundaries{Points: points}
	case "values":
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab_-.%F5 ü{$(")), 1, 4, -1)
		return domain.Values{Items: rapid.SliceOfNDistinct(text, 1, 4, rapid.ID).Draw(t, "values")}
	}
	return drawWindows(t)
}

func drawProduct(t *rapid.T) domain.Domain {
	var dims []domain.Dimension
	for _, name := range []string{"a", "b_c", "d"}[:rapid.IntRange(2, 3).Draw(t, "dimensions")] {
		dims = append(dims, domain.Dimension{Name: name, Axis: drawAxis(t)})
	}
	d, err := domain.New(dims...)
	if err != nil || d.Count() > 60 {
		t.Skip(err)
	}
	return d
}

// TestArgoAgreesOnAnyProduct draws products, what is left of them, the order
// and the size of shards.
func TestArgoAgreesOnAnyProduct(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := drawProduct(rt)
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

// TestIndexedIsTheCellsItNames compares the pieces of a stretch of indexes with
// the cells one by one.
func TestIndexedIsTheCellsItNames(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := drawProduct(rt)
		lo := rapid.Int64Range(0, d.Count()-1).Draw(rt, "lo")
		hi := rapid.Int64Range(lo+1, d.Count()).Draw(rt, "hi")
		for _, dim := range d.Dimensions {
			if w, ok := dim.Axis.(domain.Windows); ok && !gapless(w) {
				rt.Skip("no formula serves it")
			}
		}
		one := ledger.Of(d, func(yield func(domain.Partition) bool) {
			for i := lo; i < hi && yield(d.At(i)); i++ {
			}
		})
		if got := ledger.Of(d, slices.Values(indexed(d, lo, hi))); !got.Equal(one) {
			rt.Fatalf("[%d, %d) of %v is %s, not %s", lo, hi, d, got.Text(d), one.Text(d))
		}
	})
}

// What is emitted must not grow with the number of combinations.
func TestProductsHaveConstantSize(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, berlin)
	tenants := make([]string, 400)
	for i := range tenants {
		tenants[i] = fmt.Sprintf("tenant-%03d", i)
	}
	d := mustDomain(t,
		domain.Dimension{Name: "tenant", Axis: domain.Values{Items: tenants}},
		domain.Dimension{Name: "day", Axis: domain.Windows{Start: start, End: start.AddDate(6, 0, 0), Every: domain.Step{N: 1, Unit: domain.Day}, Zone: berlin}})
	j := sample(d)
	objects := compile(t, j, planOf(j, ledger.Full(d)))
	var kinds []string
	for _, o := range objects {
		kinds = append(kinds, o.GetKind()+"/"+o.GetName())
	}
	text, err := manifest.Encode(objects, "yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(objects) != 3 || len(text) > 60_000 {
		t.Errorf("%d bytes in %d objects for %d partitions: %s", len(text), len(objects), d.Count(), strings.Join(kinds, ", "))
	}
}

// A run may outlive the declaration that it was cut by; its indexes mean
// nothing in another grid.
func TestReadRefusesAnotherGrid(t *testing.T) {
	of := func(items ...string) domain.Domain {
		return mustDomain(t,
			domain.Dimension{Name: "country", Axis: domain.Values{Items: items}},
			domain.Dimension{Name: "ids", Axis: domain.Range{End: 20, Size: 10}})
	}
	d := of("de", "at")
	j := sample(d)
	objects := compile(t, j, planOf(j, ledger.Full(d)))
	c, run := newController(t, objects...)
	c.run(run)
	if _, err := Read(of("de", "at", "ch"), observed(t, c, objects, run, false)); err == nil || !strings.Contains(err.Error(), `"count0" has the value "2"`) {
		t.Errorf("Read says %v", err)
	}
}
