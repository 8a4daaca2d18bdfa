// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package ledger

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
)

func space(t testing.TB, dims ...domain.Dimension) domain.Domain {
	t.Helper()
	d, err := domain.New(dims...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func alone(t testing.TB, axis domain.Axis) domain.Domain {
	return space(t, domain.Dimension{Axis: axis})
}

func days(t testing.TB, name, start, end string) domain.Windows {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	from, err1 := time.Parse(time.RFC3339, start)
	to, err2 := time.Parse(time.RFC3339, end)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return domain.Windows{Start: from, End: to, Every: domain.Step{N: 1, Unit: domain.Day}, Zone: zone}
}

func parse(t testing.TB, d domain.Domain, text string) Set {
	t.Helper()
	s, err := Parse(d, text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

func TestAlgebra(t *testing.T) {
	ids := alone(t, domain.Range{Start: 1, End: 3000, Size: 1000})
	lands := alone(t, domain.Values{Items: []string{"us", "de", "fr"}})
	both := space(
		t,
		domain.Dimension{Name: "land", Axis: lands.Dimensions[0].Axis},
		domain.Dimension{Name: "id", Axis: ids.Dimensions[0].Axis},
	)
	grid := space(
		t,
		domain.Dimension{Name: "x", Axis: domain.Range{End: 10, Size: 5}},
		domain.Dimension{Name: "y", Axis: domain.Range{End: 10, Size: 5}},
	)
	for _, c := range []struct {
		name                     string
		d                        domain.Domain
		a, b                     string
		union, minus, both, keys string
	}{
		{"holes", ids, "[1,3000)", "[1001,2001)", "[1,3000)", "[1,1001) [2001,3000)", "[1001,2001)", "1--1001 2001--3000"},
		{"touching", ids, "[1,1001)", "[1001,1500)", "[1,1500)", "[1,1001)", "", "1--1001"},
		{"pieces of cells", ids, "[5,1500) [2500,2600)", "[2550,9000)", "[5,1500) [2500,9000)", "[5,1500) [2500,2550)", "[2550,2600)", "5--1001 1001--1500 2500--2550"},
		{"with nothing", ids, "[1,3)", "", "[1,3)", "[1,3)", "", "1--3"},
		{"values", lands, `["us","de"]`, `["fr","de"]`, `["us","de","fr"]`, `["us"]`, `["de"]`, "us"},
		{"a product", both, `["us","de"] x [1,2001)`, `["de"] x [1001,3000)`,
			`["de"] x [1,3000); ["us"] x [1,2001)`, `["de"] x [1,1001); ["us"] x [1,2001)`, `["de"] x [1001,2001)`, "us__1--1001 us__1001--2001 de__1--1001"},
		{"leading positions cut freely", grid, "[0,10) x [0,5)", "[3,7) x [2,9)",
			"[0,3) [7,10) x [0,5); [3,7) x [0,9)", "[0,3) [7,10) x [0,5); [3,7) x [0,2)", "[3,7) x [2,5)",
			"0--3__0--5 3--5__0--2 5--7__0--2 7--10__0--5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := parse(t, c.d, c.a), parse(t, c.d, c.b)
			for what, pair := range map[string][2]string{
				"union":     {a.Union(b).Text(c.d), c.union},
				"minus":     {a.Minus(b).Text(c.d), c.minus},
				"intersect": {strings.TrimPrefix(a.Intersect(b).Text(c.d), "[]"), c.both},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s: got %s, want %s", what, pair[0], pair[1])
				}
			}
			var keys []string
			left := a.Minus(b)
			for p := range left.Partitions(c.d) {
				keys = append(keys, c.d.Key(p))
			}
			if got := strings.Join(keys, " "); got != c.keys {
				t.Errorf("partitions: got %s, want %s", got, c.keys)
			}
			if got := left.Count(c.d); got != int64(len(keys)) {
				t.Errorf("count: got %d, want %d", got, len(keys))
			}
		})
	}
}

func TestSetsOfDifferentShapesShareNothing(t *testing.T) {
	ids := Full(alone(t, domain.Range{End: 10, Size: 1}))
	names := Full(alone(t, domain.Values{Items: []string{"a"}}))
	if !ids.Minus(names).Equal(ids) || !ids.Intersect(names).Empty() || ids.Contains(names) || ids.Equal(names) {
		t.Error("a range and a list of values share keys")
	}
	if !ids.Contains(Set{}) || !names.Union(Set{}).Equal(names) {
		t.Error("the empty set has not every shape")
	}
}
