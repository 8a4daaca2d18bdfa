// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package ledger

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
)

// The words of the text form.
const (
	times      = " x "
	rowEnd     = "; "
	cellsOf    = "cells of "
	headerEnd  = ": "
	emptyNames = "[]"
)

// readable is the length in bytes up to which a text is always written in bounds,
// which can be read without the grid.
const readable = 2000

// Text is the form for people and for Parse. It has two notations.
//
// In bounds, it is independent of the grid: ascending intervals for integers and
// instants, and a JSON array for values, in the order of d's list. A product has
// rows: the members of each dimension, joined by " x ". Rows are separated by "; "
// and share no keys.
//
//	[1,1000000) [2000000,3000000)
//	[2026-03-29T00:00:00+01:00,2026-03-30T00:00:00+02:00)
//	["de","fr"] x [1,1000000) [2000000,3000000); ["us"] x [1,500000)
//
// In cells, it has ranges of step numbers of the grid, counted from 0 at the start,
// both ends inclusive: 0-98 are the first 99 steps. Keys that are not whole steps are
// written in bounds between them. The head has the grid of each dimension; for
// boundaries and values it has a checksum of their list.
//
//	cells of 1000000 from 1: 0-98 100 102-204 [205000001,205500000)
//	cells of 1d from 2026-01-01T00:00:00+01:00 in Europe/Berlin x 240 values 8c1f6b07a2d4e9b5: 0-30 x 0-239; 31 x 7
//
// Cells are used if the text would be longer than 2,000 bytes in bounds, and is
// shorter in cells. The empty set is the empty text, or [] for values.
func (s Set) Text(d domain.Domain) string {
	if s.root == nil || s.root.depth() != len(d.Dimensions) {
		if len(d.Dimensions) == 1 && d.Dimensions[0].Axis.Kind() == domain.Value {
			return emptyNames
		}
		return ""
	}
	text := strings.Join(compose(s.root, d.Dimensions, false), rowEnd)
	if len(text) <= readable {
		return text
	}
	cells := head(d) + strings.Join(compose(s.root, d.Dimensions, true), rowEnd)
	if len(cells) < len(text) {
		return cells
	}
	return text
}

// compose writes the rows of a set.
func compose(t *tree, dims []domain.Dimension, cells bool) []string {
	if len(dims) == 1 {
		return []string{list(t, dims[0].Axis, cells)}
	}
	// Members with the same rest share their rows.
	var order []string
	lead, rests := map[string]*tree{}, map[string][]string{}
	place := func(sub *tree) *tree {
		rest := compose(sub, dims[1:], cells)
		key := strings.Join(rest, rowEnd)
		if lead[key] == nil {
			order = append(order, key)
			lead[key], rests[key] = &tree{}, rest
		}
		return lead[key]
	}
	for _, sp := range t.spans {
		group := place(sp.sub)
		group.spans = append(group.spans, sp)
	}
	for _, nm := range t.names {
		group := place(nm.sub)
		group.names = append(group.names, nm)
	}
	var out []string
	for _, key := range order {
		members := list(lead[key], dims[0].Axis, cells)
		for _, rest := range rests[key] {
			out = append(out, members+times+rest)
		}
	}
	return out
}

// list writes the members of one dimension.
func list(t *tree, axis domain.Axis, cells bool) string {
	switch axis := axis.(type) {
	case domain.Grid:
		return listSpans(t.spans, axis, cells)
	case domain.Values:
		return listNames(t.names, axis, cells)
	}
	return ""
}

func listSpans(spans []span, grid domain.Grid, cells bool) string {
	var b strings.Builder
	for i, sp := range spans {
		if i > 0 {
			b.WriteByte(' ')
		}
		from, ok1 := grid.LineAt(sp.lo)
		to, ok2 := grid.LineAt(sp.hi)
		if cells && ok1 && ok2 {
			writeRun(&b, from, to-1)
			continue
		}
		b.WriteString("[" + grid.Text(sp.lo) + "," + grid.Text(sp.hi) + ")")
	}
	return b.String()
}

func listNames(names []name, axis domain.Values, cells bool) string {
	type placed struct {
		cell int64
		text string
	}
	all := make([]placed, len(names))
	for i, nm := range names {
		cell, ok := axis.Find(nm.text)
		if !ok {
			cell = math.MaxInt64 // after those that the domain knows
		}
		all[i] = placed{cell, nm.text}
	}
	slices.SortFunc(all, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.cell, b.cell), cmp.Compare(a.text, b.text))
	})
	var b strings.Builder
	for cells && len(all) > 0 && all[0].cell != math.MaxInt64 {
		n := 1
		for n < len(all) && all[n].cell == all[0].cell+int64(n) {
			n++
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		writeRun(&b, all[0].cell, all[n-1].cell)
		all = all[n:]
	}
	if len(all) == 0 {
		return b.String()
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	texts := make([]string, len(all))
	for i, p := range all {
		texts[i] = p.text
	}
	b.WriteString(jsonText(texts))
	return b.String()
}

func jsonText(texts []string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(texts) // strings always encode
	return strings.TrimSuffix(b.String(), "\n")
}

// writeRun writes the steps from first to last, both inclusive.
func writeRun(b *strings.Builder, first, last int64) {
	b.WriteString(strconv.FormatInt(first, 10))
	if first < last {
		b.WriteString("-" + strconv.FormatInt(last, 10))
	}
}

// head writes the grids for the numbers of cells.
func head(d domain.Domain) string {
	grids := make([]string, len(d.Dimensions))
	for i, dim := range d.Dimensions {
		grids[i] = gridName(dim.Axis)
	}
	return cellsOf + strings.Join(grids, times) + headerEnd
}

// gridName is equal for two axes whose steps have the same numbers.
func gridName(axis domain.Axis) string {
	switch axis := axis.(type) {
	case domain.Range:
		return fmt.Sprintf("%d from %d", axis.Size, axis.Start)
	case domain.Windows:
		return fmt.Sprintf("%s from %s in %s", axis.Every, axis.Text(axis.Start.Unix()), axis.Zone)
	case domain.Boundaries:
		points := make([]string, len(axis.Points))
		for i, at := range axis.Points {
			points[i] = axis.Text(at)
		}
		return fmt.Sprintf("%d boundaries %s", len(points), checksum(points))
	case domain.Values:
		return fmt.Sprintf("%d values %s", len(axis.Items), checksum(axis.Items))
	}
	return ""
}

// checksum identifies a list.
func checksum(list []string) string {
	sum := sha256.Sum256([]byte(jsonText(list)))
	return hex.EncodeToString(sum[:8])
}
