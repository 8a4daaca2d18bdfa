// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
)

// maxItems bounds the texts in one ConfigMap of items, in bytes. The API server
// allows 1 MiB.
const maxItems = 900_000

// productFormula returns the arithmetic of two dimensions or more.
func productFormula(d domain.Domain) Formula {
	f := Formula{Applies: true, Facts: []any{}, Columns: []string{argo.ArgLo, argo.ArgHi, argo.ArgFirst, argo.ArgStep}}
	stride := d.Count()
	var keys, proofs []string
	for k, dim := range d.Dimensions {
		count := dim.Axis.Count()
		stride /= count
		suffix, prefix := fmt.Sprint(k), dim.Name+"."
		c := digit(suffix)
		f.Grid = append(f.Grid,
			argo.Arg{Name: argo.ArgStride + suffix, Value: argo.Decimal(stride)},
			argo.Arg{Name: argo.ArgCount + suffix, Value: argo.Decimal(count)})
		grid, facts, proof, applies := c.dimension(dim.Axis, prefix)
		proofs = append(proofs, proof)
		f.Grid, f.Applies = append(f.Grid, grid...), f.Applies && applies
		f.Facts = append(append(f.Facts, facts...), fact(prefix+"index", argo.Tag("%s", c.step)))
		keys = append(keys, "$("+FactVar(prefix+"key")+")")
	}
	f.Proof = strings.Join(proofs, " && ")
	f.Facts = append(f.Facts, fact("key", strings.Join(keys, "__")), indexFact())
	return f
}

// digit is the cell of the dimension whose arguments have that suffix.
func digit(suffix string) cell {
	c := cell{suffix: suffix}
	c.step = fmt.Sprintf("int((%s) / %s) %% %s", CellNumber, c.int(argo.ArgStride), c.int(argo.ArgCount))
	c.lo, c.hi = c.int(argo.ArgOrigin), c.int(argo.ArgHi)
	return c
}

// dimension is what a run and its pods need of one dimension.
func (c cell) dimension(axis domain.Axis, prefix string) (grid []argo.Arg, facts []any, proof string, applies bool) {
	switch axis := axis.(type) {
	case domain.Range:
		grid = []argo.Arg{
			{Name: argo.ArgOrigin + c.suffix, Value: argo.Decimal(axis.Start)},
			{Name: argo.ArgSize + c.suffix, Value: argo.Decimal(axis.Size)},
			{Name: argo.ArgHi + c.suffix, Value: argo.Decimal(axis.End)},
		}
		return grid, c.rangeFacts(prefix), c.rangeProof(), true
	case domain.Windows:
		grid, applies = windowsGrid(axis, c.suffix)
		grid = append(grid, argo.Arg{Name: argo.ArgHi + c.suffix, Value: argo.Decimal(axis.End.Unix())})
		return grid, c.windowFacts(prefix, axis.Format), c.windowProof(), applies && gapless(axis)
	}
	names := []string{"value", "key"}
	if axis.Kind() != domain.Value {
		names = []string{"start", "end", "key"}
	}
	for _, name := range names {
		item := node{
			"name": argo.ItemsName(argo.WorkflowTag(argo.ArgRun), c.suffix),
			"key":  argo.Tag("%s", c.step) + "." + name,
		}
		facts = append(facts, node{"name": FactVar(prefix + name), "valueFrom": node{"configMapKeyRef": item}})
	}
	return nil, facts, c.step + " >= 0", itemsSize(axis) <= maxItems
}

// gapless tells whether cell n lies between the lines n and n+1 throughout. It
// does not where windows are excluded, or skipped by the calendar.
func gapless(w domain.Windows) bool {
	last := w.Count() - 1
	whole := []domain.Interval{{Start: w.Start.Unix(), End: w.End.Unix()}}
	return slices.Equal(w.Extent(), whole) && w.StepOf(last) == last
}

// itemsSize bounds the texts of the items of an axis.
func itemsSize(axis domain.Axis) int {
	values, ok := axis.(domain.Values)
	if !ok {
		return int(axis.Count()) * 150 // three facts of 64-bit integers
	}
	size := 0
	for _, text := range values.Items {
		size += 40 + 4*len(text) // as it is, and at worst three bytes for each in the key
	}
	return size
}

// Indexed returns the cells of a domain with the indexes [lo, hi), in as few
// pieces as there are.
func Indexed(d domain.Domain, lo, hi int64) []domain.Partition {
	var out []domain.Partition
	for _, parts := range boxes(d.Dimensions, lo, hi) {
		out = append(out, domain.Partition{Parts: parts})
	}
	return out
}

func boxes(dims []domain.Dimension, lo, hi int64) [][]domain.Part {
	if len(dims) == 0 {
		return [][]domain.Part{nil}
	}
	axis, inner := dims[0].Axis, int64(1)
	for _, dim := range dims[1:] {
		inner *= dim.Axis.Count()
	}
	var out [][]domain.Part
	add := func(first, last, from, to int64) {
		tails := boxes(dims[1:], from, to)
		for _, part := range cells(axis, first, last) {
			for _, tail := range tails {
				out = append(out, append([]domain.Part{part}, tail...))
			}
		}
	}
	// A row that is entered in its middle, whole rows, and one that is left.
	if from := lo % inner; from > 0 {
		end := min(hi, lo-from+inner)
		add(lo/inner, lo/inner+1, from, end-(lo-from))
		lo = end
	}
	if first, last := lo/inner, hi/inner; first < last {
		add(first, last, 0, inner)
		lo = last * inner
	}
	if lo < hi {
		add(lo/inner, lo/inner+1, 0, hi-lo)
	}
	return out
}

// cells is the stretch of the cells lo … hi-1: one part for an axis of
// positions, and one for each value.
func cells(axis domain.Axis, lo, hi int64) []domain.Part {
	if axis.Kind() != domain.Value {
		part := axis.Cell(lo)
		part.End = axis.Cell(hi - 1).End
		return []domain.Part{part}
	}
	out := make([]domain.Part, 0, hi-lo)
	for i := lo; i < hi; i++ {
		out = append(out, axis.Cell(i))
	}
	return out
}

// CheckProduct finds an observed product run whose grid is not that of d.
func CheckProduct(args argo.Arguments, d domain.Domain) error {
	for k, dim := range d.Dimensions {
		name := fmt.Sprint(argo.ArgCount, k)
		if args.Text(name) != argo.Decimal(dim.Axis.Count()) {
			return args.Foreign(name)
		}
	}
	return nil
}
