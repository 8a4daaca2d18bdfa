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
	// next is the smallest valid next cell of a list of values; only the parser
	// needs it.
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

// builder unites rows of one shape.
type builder struct {
	// most limits the entries of the set, because rows that overlap in many ways
	// make a set that is much larger than the rows; 0: no limit.
	most int
	// tooLarge is true if the limit was exceeded; the set is then incomplete.
	tooLarge bool
	// shared is true if a key was in two rows, or twice in one row.
	shared bool
}

func (b *builder) build(rs []row) *tree {
	if len(rs) == 0 {
		return nil
	}
	if len(rs[0]) == 1 {
		var all items
		for _, r := range rs {
			all.spans = append(all.spans, r[0].spans...)
			all.names = append(all.names, r[0].names...)
		}
		return b.level(all, nil)
	}
	trees := b.groups(rs)
	for len(trees) > 1 { // in pairs, so that n rows take n·log n steps
		half, entries := trees[:0], 0
		for i := 0; i < len(trees); i += 2 {
			united := trees[i]
			if i+1 < len(trees) {
				b.shared = b.shared || merge(trees[i], trees[i+1], operation{both: true}) != nil
				united = merge(trees[i], trees[i+1], operation{left: true, right: true, both: true})
			}
			half = append(half, united)
			if entries += united.size(); b.most > 0 && entries > b.most {
				b.tooLarge = true
				return nil
			}
		}
		trees = half
	}
	return trees[0]
}

// groups makes a tree of all rows with an equal first dimension.
func (b *builder) groups(rs []row) (trees []*tree) {
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
	for _, key := range order {
		if sub := b.build(tails[key]); sub != nil {
			trees = append(trees, b.level(lead[key], sub))
		} else {
			trees = append(trees, nil)
		}
	}
	return trees
}

// level maps every member to the same sub.
func (b *builder) level(it items, sub *tree) *tree {
	t := &tree{}
	slices.SortFunc(it.spans, func(a, b domain.Interval) int { return cmp.Compare(a.Start, b.Start) })
	for _, iv := range it.spans {
		if n := len(t.spans); n > 0 && iv.Start < t.spans[n-1].hi {
			b.shared = true
			iv.Start = t.spans[n-1].hi
		}
		if iv.Start < iv.End {
			t.put(iv.Start, iv.End, sub)
		}
	}
	slices.Sort(it.names)
	for _, text := range it.names {
		if n := len(t.names); n > 0 && t.names[n-1].text == text {
			b.shared = true
			continue
		}
		t.names = append(t.names, name{text, sub})
	}
	return t.orNil()
}
