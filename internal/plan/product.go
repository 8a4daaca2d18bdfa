// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package plan

import (
	"slices"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// product fills in the rows of a domain without positions and the segments of
// their indexes, and counts the partitions.
func (p *Plan) product(keys ledger.Set) {
	for r := range keys.Rows(p.Domain) {
		p.rows = append(p.rows, row{r, p.inShards})
		p.inShards += r.Count()
	}
	last := p.Domain.Dimensions[len(p.Domain.Dimensions)-1].Axis
	full := ledger.Full(domain.Domain{Dimensions: []domain.Dimension{{Axis: last}}})
	for _, r := range p.rows {
		first, whole := p.rowIndex(r.Lead)
		if whole && r.Is(full) {
			p.extend(first, last.Count())
			continue
		}
		for part := range r.Parts(0) {
			if whole && part == last.Cell(part.Cell) {
				p.extend(first+part.Cell, 1)
			} else {
				p.extendPieces()
			}
		}
	}
	if p.Order == NewestFirst {
		slices.Reverse(p.Segments)
		for i := range p.Segments {
			p.Segments[i].reverse()
		}
	}
	offset := int64(0)
	for i := range p.Segments {
		p.Segments[i].Offset = offset
		offset += p.Segments[i].Count
	}
}

// rowIndex is the index of the first cell of a row; whole is false when a part
// of the leading dimensions is not a whole cell.
func (p *Plan) rowIndex(lead []domain.Part) (index int64, whole bool) {
	for i, part := range lead {
		axis := p.Domain.Dimensions[i].Axis
		if part != axis.Cell(part.Cell) {
			return 0, false
		}
		index = index*axis.Count() + part.Cell
	}
	return index * p.Domain.Dimensions[len(lead)].Axis.Count(), true
}

// extend adds whole cells, the next in ascending order.
func (p *Plan) extend(first, count int64) {
	if n := len(p.Segments); n > 0 && p.Segments[n-1].Step != 0 && p.Segments[n-1].Hi == first {
		p.Segments[n-1].Hi += count
		p.Segments[n-1].Count += count
		return
	}
	p.Segments = append(p.Segments, Segment{
		Lo: first, Hi: first + count, First: first, Line: first, Step: 1, Count: count,
	})
}

// extendPieces adds one partition that is less than a cell.
func (p *Plan) extendPieces() {
	if n := len(p.Segments); n > 0 && p.Segments[n-1].Step == 0 {
		p.Segments[n-1].Count++
		return
	}
	p.Segments = append(p.Segments, Segment{Count: 1})
}
