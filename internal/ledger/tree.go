// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package ledger

import (
	"cmp"
	"slices"
	"sort"
)

// tree is the canonical form of a set: equal sets have equal trees. It has either
// spans or names, ascending and disjoint; spans that touch differ in sub. On the last
// dimension every sub is nil, which means that the key is in the set. The empty set is
// the nil tree, never a tree without entries.
type tree struct {
	spans []span
	names []name
}

type span struct {
	lo, hi int64 // [lo, hi)
	sub    *tree
}

type name struct {
	text string
	sub  *tree
}

func sortNames(ns []name) {
	slices.SortFunc(ns, func(a, b name) int { return cmp.Compare(a.text, b.text) })
}

// depth is the number of dimensions.
func (t *tree) depth() int {
	if t == nil {
		return 0
	}
	if len(t.spans) > 0 {
		return 1 + t.spans[0].sub.depth()
	}
	return 1 + t.names[0].sub.depth()
}

// size is the number of entries on all levels.
func (t *tree) size() int {
	if t == nil {
		return 0
	}
	n := len(t.spans) + len(t.names)
	for _, s := range t.spans {
		n += s.sub.size()
	}
	for _, nm := range t.names {
		n += nm.sub.size()
	}
	return n
}

func (t *tree) find(text string) (sub *tree, found bool) {
	i := sort.Search(len(t.names), func(i int) bool { return t.names[i].text >= text })
	if i == len(t.names) || t.names[i].text != text {
		return nil, false
	}
	return t.names[i].sub, true
}

// orNil returns nil for a tree without entries.
func (t *tree) orNil() *tree {
	if len(t.spans) == 0 && len(t.names) == 0 {
		return nil
	}
	return t
}

// put appends a span. A span that touches the last one and has the same sub extends
// it.
func (t *tree) put(lo, hi int64, sub *tree) {
	if n := len(t.spans); n > 0 && t.spans[n-1].hi == lo && equal(t.spans[n-1].sub, sub) {
		t.spans[n-1].hi = hi
		return
	}
	t.spans = append(t.spans, span{lo, hi, sub})
}

func equal(a, b *tree) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil || len(a.spans) != len(b.spans) || len(a.names) != len(b.names) {
		return false
	}
	for i, s := range a.spans {
		if o := b.spans[i]; s.lo != o.lo || s.hi != o.hi || !equal(s.sub, o.sub) {
			return false
		}
	}
	for i, n := range a.names {
		if o := b.names[i]; n.text != o.text || !equal(n.sub, o.sub) {
			return false
		}
	}
	return true
}

// sameShape is true if two sets can have keys in common. The empty set has every
// shape.
func sameShape(a, b *tree) bool {
	for a != nil && b != nil {
		if (len(a.spans) > 0) != (len(b.spans) > 0) {
			return false
		}
		if len(a.spans) > 0 {
			a, b = a.spans[0].sub, b.spans[0].sub
		} else {
			a, b = a.names[0].sub, b.names[0].sub
		}
		if (a == nil) != (b == nil) {
			return false
		}
	}
	return true
}

// operation says which keys a merge keeps: those only on the left, those only on the
// right, those in both.
type operation struct{ left, right, both bool }

// merge combines two sets of one shape in time linear in their entries.
func merge(a, b *tree, op operation) *tree {
	if !sameShape(a, b) {
		panic("ledger: sets over different spaces cannot be united")
	}
	if a == nil {
		if op.right {
			return b
		}
		return nil
	}
	if b == nil {
		if op.left {
			return a
		}
		return nil
	}
	if len(a.spans) > 0 {
		return mergeSpans(a.spans, b.spans, op)
	}
	return mergeNames(a.names, b.names, op)
}

// inBoth merges keys for which both sides have an entry.
func inBoth(a, b *tree, op operation) (sub *tree, keep bool) {
	if a == nil { // the last dimension
		return nil, op.both
	}
	sub = merge(a, b, op)
	return sub, sub != nil
}

func mergeSpans(a, b []span, op operation) *tree {
	out := &tree{spans: make([]span, 0, max(len(a), len(b)))}
	var i, j int
	var left, right span // what remains of a[i] and b[j]
	next := func() {
		if left.lo >= left.hi && i < len(a) {
			left = a[i]
			i++
		}
		if right.lo >= right.hi && j < len(b) {
			right = b[j]
			j++
		}
	}
	for next(); left.lo < left.hi || right.lo < right.hi; next() {
		hasLeft, hasRight := left.lo < left.hi, right.lo < right.hi
		switch {
		case !hasRight || hasLeft && left.lo < right.lo:
			end := left.hi
			if hasRight {
				end = min(end, right.lo)
			}
			if op.left {
				out.put(left.lo, end, left.sub)
			}
			left.lo = end
		case !hasLeft || right.lo < left.lo:
			end := right.hi
			if hasLeft {
				end = min(end, left.lo)
			}
			if op.right {
				out.put(right.lo, end, right.sub)
			}
			right.lo = end
		default:
			end := min(left.hi, right.hi)
			if sub, keep := inBoth(left.sub, right.sub, op); keep {
				out.put(left.lo, end, sub)
			}
			left.lo, right.lo = end, end
		}
	}
	return out.orNil()
}

func mergeNames(a, b []name, op operation) *tree {
	out := &tree{names: make([]name, 0, max(len(a), len(b)))}
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].text < b[0].text:
			if op.left {
				out.names = append(out.names, a[0])
			}
			a = a[1:]
		case len(a) == 0 || b[0].text < a[0].text:
			if op.right {
				out.names = append(out.names, b[0])
			}
			b = b[1:]
		default:
			if sub, keep := inBoth(a[0].sub, b[0].sub, op); keep {
				out.names = append(out.names, name{a[0].text, sub})
			}
			a, b = a[1:], b[1:]
		}
	}
	return out.orNil()
}
