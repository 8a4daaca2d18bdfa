// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package ledger

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
)

// row is a product of sets, one per dimension.
type row []items

// items are the members of one dimension: intervals or names, never both.
type items struct {
	spans []domain.Interval
	names []string
	// next is the least cell of a list of values that may follow; only the
	// parser needs it.
	next int64
}

// key is equal for equal members.
func (it items) key() string {
	var b []byte
	for _, iv := range it.spans {
		b = binary.BigEndian.AppendUint64(b, uint64(iv.Start))
		b = binary.BigEndian.AppendUint64(b, uint64(iv.End))
	}
	for _, text := range it.names {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	return string(b)
}

// build unites rows of one shape. disjoint tells whether no key was in two of
// them, nor twice in one.
func build(rs []row) (t *tree, disjoint bool) {
	if len(rs) == 0 {
		return nil, true
	}
	if len(rs[0]) == 1 {
		var all items
		for _, r := range rs {
			all.spans = append(all.spans, r[0].spans...)
			all.names = append(all.names, r[0].names...)
		}
		return all.tree(nil)
	}
	subs, disjoint := buildGroups(rs)
	for len(subs) > 1 { // in pairs, so that n rows take n·log n steps
		half := subs[:0]
		for i := 0; i < len(subs); i += 2 {
			united := subs[i]
			if i+1 < len(subs) {
				apart := merge(subs[i], subs[i+1], operation{both: true}) == nil
				disjoint = disjoint && apart
				united = merge(subs[i], subs[i+1], operation{left: true, right: true, both: true})
			}
			half = append(half, united)
		}
		subs = half
	}
	return subs[0], disjoint
}

// buildGroups makes a tree of all rows that agree in their first dimension.
func buildGroups(rs []row) (trees []*tree, disjoint bool) {
	var order []string
	lead, tails := map[string]items{}, map[string][]row{}
	for _, r := range rs {
		key := r[0].key()
		if _, known := lead[key]; !known {
			lead[key] = r[0]
			order = append(order, key)
		}
		tails[key] = append(tails[key], r[1:])
	}
	disjoint = true
	for _, key := range order {
		sub, ok := build(tails[key])
		disjoint = disjoint && ok
		if sub == nil {
			trees = append(trees, nil)
			continue
		}
		t, ok := lead[key].tree(sub)
		disjoint = disjoint && ok
		trees = append(trees, t)
	}
	return trees, disjoint
}

// tree maps every member to the same sub.
func (it items) tree(sub *tree) (t *tree, disjoint bool) {
	t, disjoint = &tree{}, true
	slices.SortFunc(it.spans, func(a, b domain.Interval) int { return cmp.Compare(a.Start, b.Start) })
	for _, iv := range it.spans {
		if n := len(t.spans); n > 0 && iv.Start < t.spans[n-1].hi {
			disjoint = false
			iv.Start = t.spans[n-1].hi
		}
		if iv.Start < iv.End {
			t.put(iv.Start, iv.End, sub)
		}
	}
	slices.Sort(it.names)
	for _, text := range it.names {
		if n := len(t.names); n > 0 && t.names[n-1].text == text {
			disjoint = false
			continue
		}
		t.names = append(t.names, name{text, sub})
	}
	return t.orNil(), disjoint
}
