// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

func alone(t testing.TB, axis domain.Axis) domain.Domain {
	t.Helper()
	d, err := domain.New(domain.Dimension{Axis: axis})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func describe(p Plan) string {
	var b strings.Builder
	for _, s := range p.Segments {
		fmt.Fprintf(
			&b,
			"segment [%d,%d) first %d step %d line %d count %d offset %d\n",
			s.Lo,
			s.Hi,
			s.First,
			s.Step,
			s.Line,
			s.Count,
			s.Offset,
		)
	}
	for k := range p.ShardCount() {
		s := p.Shard(k)
		how := "explicit"
		if s.Segment != nil {
			how = fmt.Sprintf("of [%d,%d)", s.Segment.Lo, s.Segment.Hi)
		}
		fmt.Fprintf(&b, "shard %d offset %d count %d %s:", s.Number, s.Offset, s.Count, how)
		for partition := range p.PartitionsOf(k) {
			b.WriteString(" " + p.Domain.Key(partition))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestMake(t *testing.T) {
	ids := alone(t, domain.Range{Start: 1, End: 3000, Size: 500})
	lands := alone(t, domain.Values{Items: []string{"us", "de", "fr"}})
	points := alone(t, domain.Boundaries{Points: []int64{0, 10, 15}})
	product, err := domain.New(
		domain.Dimension{Name: "land", Axis: lands.Dimensions[0].Axis},
		domain.Dimension{Name: "id", Axis: domain.Range{End: 20, Size: 10}},
	)
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Pacific/Apia")
	if err != nil {
		t.Fatal(err)
	}
	samoa := alone(
		t,
		domain.Windows{
			Start: time.Date(2011, 12, 28, 0, 0, 0, 0, zone),
			End:   time.Date(2012, 1, 2, 0, 0, 0, 0, zone),
			Every: domain.Step{N: 1, Unit: domain.Day},
			Zone:  zone,
		},
	)
	for _, c := range []struct {
		name      string
		d         domain.Domain
		remaining string // all when empty
		order     Order
		want      string
	}{
		{"all", ids, "", OldestFirst, `
segment [1,3000) first 0 step 1 line 0 count 6 offset 0
shard 0 offset 0 count 4 of [1,3000): 1--501 501--1001 1001--1501 1501--2001
shard 1 offset 4 count 2 of [1,3000): 2001--2501 2501--3000
`},
		{"all, newest first", ids, "", NewestFirst, `
segment [1,3000) first 5 step -1 line 5 count 6 offset 0
shard 0 offset 0 count 4 of [1,3000): 2501--3000 2001--2501 1501--2001 1001--1501
shard 1 offset 4 count 2 of [1,3000): 501--1001 1--501
`},
		{"a hole and pieces, newest first", ids, "[-5,700) [1501,3000)", NewestFirst, `
segment [1501,3000) first 5 step -1 line 5 count 3 offset 0
segment [1,700) first 1 step -1 line 1 count 2 offset 3
shard 0 offset 0 count 4 explicit: 2501--3000 2001--2501 1501--2001 501--700
shard 1 offset 4 count 1 of [1,700): 1--501
`},
		{"values, newest first", lands, "", NewestFirst, `
segment [0,3) first 2 step -1 line 2 count 3 offset 0
shard 0 offset 0 count 3 of [0,3): fr de us
`},
		{"a product with a hole", product, `["us","fr"] x [0,20); ["de"] x [10,20)`, OldestFirst, `
segment [0,2) first 0 step 1 line 0 count 2 offset 0
segment [3,6) first 3 step 1 line 3 count 3 offset 2
shard 0 offset 0 count 4 explicit: us__0--10 us__10--20 de__10--20 fr__0--10
shard 1 offset 4 count 1 of [3,6): fr__10--20
`},
		{"a product with a piece, newest first", product, `["us","fr"] x [0,20); ["de"] x [5,20)`, NewestFirst, `
segment [3,6) first 5 step -1 line 5 count 3 offset 0
segment [0,0) first 0 step 0 line 0 count 1 offset 3
segment [0,2) first 1 step -1 line 1 count 2 offset 4
shard 0 offset 0 count 4 explicit: fr__10--20 fr__0--10 de__10--20 de__5--10
shard 1 offset 4 count 2 of [0,2): us__10--20 us__0--10
`},
		{"a product, newest first", product, "", NewestFirst, `
segment [0,6) first 5 step -1 line 5 count 6 offset 0
shard 0 offset 0 count 4 of [0,6): fr__10--20 fr__0--10 de__10--20 de__0--10
shard 1 offset 4 count 2 of [0,6): us__10--20 us__0--10
`},
		{"boundaries", points, "", OldestFirst, `
segment [0,15) first 0 step 1 line 0 count 2 offset 0
shard 0 offset 0 count 2 of [0,15): 0--10 10--15
`},
		{"a skipped day", samoa, "", NewestFirst, `
segment [1325239200,1325412000) first 3 step -1 line 4 count 2 offset 0
segment [1325066400,1325239200) first 1 step -1 line 1 count 2 offset 2
shard 0 offset 0 count 4 explicit: 2012-01-01 2011-12-31 2011-12-29 2011-12-28
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			remaining := ledger.Full(c.d)
			if c.remaining != "" {
				if remaining, err = ledger.Parse(c.d, c.remaining); err != nil {
					t.Fatal(err)
				}
			}
			p := Make(Input{Domain: c.d, Remaining: remaining, Order: c.order, ShardSize: 4})
			if got := "\n" + describe(p); got != c.want {
				t.Errorf("got%swant%s", got, c.want)
			}
			var i int64
			for k := range p.ShardCount() {
				for partition := range p.PartitionsOf(k) {
					if got := c.d.Key(p.At(i)); got != c.d.Key(partition) {
						t.Errorf("At(%d) is %s, not %s", i, got, c.d.Key(partition))
					}
					i++
				}
			}
			if i != p.Partitions {
				t.Errorf("%d partitions in shards, %d in the plan", i, p.Partitions)
			}
		})
	}
}

func TestNothingRemains(t *testing.T) {
	p := Make(
		Input{Domain: alone(t, domain.Range{End: 10, Size: 1}), Remaining: ledger.Set{}, Order: OldestFirst, ShardSize: 500},
	)
	if p.Partitions != 0 || p.ShardCount() != 0 || len(p.Segments) != 0 || !p.Covers.Empty() {
		t.Errorf("got %+v", p)
	}
}
