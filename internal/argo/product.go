// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// A partition of a product has an index, a mixed-radix number whose digits are
// the cells of the dimensions. A segment of a run is a stretch of indexes, and
// a pod computes its digits; values and boundaries it looks up in a ConfigMap
// that holds each of them once. The arguments of dimension k end in k.
const (
	// argStride is how many indexes one cell of the dimension takes up, and
	// argCount how many cells it has.
	argStride = "stride"
	argCount  = "count"
)

// maxItems bounds the texts in one ConfigMap of items, in bytes. The API server
// allows 1 MiB.
const maxItems = 900_000

// productFormula returns the arithmetic of two dimensions or more.
func productFormula(d domain.Domain) formula {
	f := formula{applies: true, facts: list{}, columns: []string{argLo, argHi, argFirst, argStep}}
	stride := d.Count()
	var keys, proofs []string
	for k, dim := range d.Dimensions {
		count := dim.Axis.Count()
		stride /= count
		suffix, prefix := fmt.Sprint(k), dim.Name+"."
		c := digit(suffix)
		f.grid = append(f.grid, param(argStride+suffix, decimal(stride)), param(argCount+suffix, decimal(count)))
		grid, facts, proof, applies := c.dimension(dim.Axis, prefix)
		proofs = append(proofs, proof)
		f.grid, f.applies = append(f.grid, grid...), f.applies && applies
		f.facts = append(append(f.facts, facts...), fact(prefix+"index", expression("%s", c.step)))
		keys = append(keys, "$("+factVar(prefix+"key")+")")
	}
	f.proof = strings.Join(proofs, " && ")
	f.facts = append(f.facts, fact("key", strings.Join(keys, "__")), indexFact())
	return f
}

// digit is the cell of the dimension whose arguments have that suffix.
func digit(suffix string) cell {
	c := cell{suffix: suffix}
	c.step = fmt.Sprintf("int((%s) / %s) %% %s", cellNumber, c.int(argStride), c.int(argCount))
	c.lo, c.hi = c.int(argOrigin), c.int(argHi)
	return c
}

// dimension is what a run and its pods need of one dimension.
func (c cell) dimension(axis domain.Axis, prefix string) (grid, facts list, proof string, applies bool) {
	switch axis := axis.(type) {
	case domain.Range:
		grid = list{
			param(argOrigin+c.suffix, decimal(axis.Start)), param(argSize+c.suffix, decimal(axis.Size)), param(argHi+c.suffix, decimal(axis.End)),
		}
		return grid, c.rangeFacts(prefix), c.rangeProof(), true
	case domain.Windows:
		grid, applies = windowsGrid(axis, c.suffix)
		grid = append(grid, param(argHi+c.suffix, decimal(axis.End.Unix())))
		return grid, c.windowFacts(prefix, axis.Format), c.windowProof(), applies && gapless(axis)
	}
	names := []string{"value", "key"}
	if axis.Kind() != domain.Value {
		names = []string{"start", "end", "key"}
	}
	for _, name := range names {
		ref := node{"configMapKeyRef": node{"name": itemsName(workflowTag(argRun), c.suffix), "key": expression("%s", c.step) + "." + name}}
		facts = append(facts, node{"name": factVar(prefix + name), "valueFrom": ref})
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

// itemsName is the ConfigMap of the values or boundaries of a dimension.
func itemsName(run, suffix string) string { return run + "-v" + suffix }

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

// items lowers the values and boundaries of a product, one ConfigMap for each
// dimension that has them.
func (r run) items() []manifest.Object {
	var objects []manifest.Object
	if d := r.plan.Domain; r.formula.applies && len(d.Dimensions) > 1 {
		for k, dim := range d.Dimensions {
			switch dim.Axis.(type) {
			case domain.Values, domain.Boundaries:
				objects = append(objects, r.itemsOf(k))
			}
		}
	}
	return objects
}

func (r run) itemsOf(k int) manifest.Object {
	dim, entries := r.plan.Domain.Dimensions[k], node{}
	p := r.plan.Domain.At(0)
	for i := range dim.Axis.Count() {
		p.Parts[k] = dim.Axis.Cell(i)
		for _, fact := range r.plan.Domain.Facts(p) {
			if name, ours := strings.CutPrefix(fact.Name, dim.Name+"."); ours && name != "index" {
				entries[decimal(i)+"."+name] = fact.Text
			}
		}
	}
	o := newObject("v1", "ConfigMap", r.job.Namespace, itemsName(r.name, fmt.Sprint(k)), r.labels(), nil)
	o.Object["data"] = entries
	o.Object["immutable"] = true
	return o
}

// indexed returns the cells of a domain with the indexes [lo, hi), in as few
// pieces as there are.
func indexed(d domain.Domain, lo, hi int64) []domain.Partition {
	var out []domain.Partition
	for _, parts := range boxes(d.Dimensions, lo, hi) {
		out = append(out, domain.Partition{Parts: parts})
	}
	return out
}

func boxes(dims []domain.Dimension, lo, hi int64) [][]domain.Part {
	axis, inner := dims[0].Axis, int64(1)
	for _, dim := range dims[1:] {
		inner *= dim.Axis.Count()
	}
	if len(dims) == 1 {
		var out [][]domain.Part
		for _, part := range cells(axis, lo, hi) {
			out = append(out, []domain.Part{part})
		}
		return out
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

// checkProduct finds an observed product run whose grid is not that of d.
func checkProduct(workflow string, args map[string]string, d domain.Domain) error {
	for k, dim := range d.Dimensions {
		name := fmt.Sprint(argCount, k)
		if args[name] != decimal(dim.Axis.Count()) {
			return foreign{workflow, name, args[name]}
		}
	}
	return nil
}
