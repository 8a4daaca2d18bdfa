// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// positionsKey is the entry of a data ConfigMap from which a reader gets the
// partitions back; the facts are for runners alone.
const positionsKey = "positions"

// position is a partition as a data ConfigMap keeps it.
type position struct {
	Index int64          `json:"i"`
	Parts []positionPart `json:"p"`
}

// positionPart is one dimension's share: bounds and cell, or cell and text.
type positionPart struct {
	Start int64   `json:"s,omitempty"`
	End   int64   `json:"e,omitempty"`
	Cell  int64   `json:"c,omitempty"`
	Text  *string `json:"t,omitempty"`
}

// DataOf are the entries of a data ConfigMap: the facts about partitions, by
// their number and the name of the fact, and the partitions themselves.
func DataOf(d domain.Domain, partitions []domain.Partition) map[string]any {
	entries := node{}
	positions := make([]position, len(partitions))
	for i, p := range partitions {
		prefix := strconv.Itoa(i) + "."
		for _, fact := range d.Facts(p) {
			entries[prefix+fact.Name] = fact.Text
		}
		positions[i] = position{Index: p.Index, Parts: make([]positionPart, len(p.Parts))}
		for k, part := range p.Parts {
			positions[i].Parts[k] = positionPart{Start: part.Start, End: part.End, Cell: part.Cell}
			if d.Dimensions[k].Axis.Kind() == domain.Value {
				positions[i].Parts[k] = positionPart{Cell: part.Cell, Text: &part.Text}
			}
		}
	}
	entries[positionsKey] = JSON(positions)
	return entries
}

// PartitionsOf reads a data ConfigMap back, in run order.
func PartitionsOf(o manifest.Object) ([]domain.Partition, error) {
	var positions []position
	if err := json.Unmarshal([]byte(field[string](o, "data", positionsKey)), &positions); err != nil {
		return nil, fmt.Errorf("ConfigMap %s/%s was changed by hand: its entry %q is not a list of partitions (%w). "+
			"Delete the run and plan again",
			o.GetNamespace(), o.GetName(), positionsKey, err)
	}
	out := make([]domain.Partition, len(positions))
	for i, p := range positions {
		out[i] = domain.Partition{Index: p.Index, Parts: make([]domain.Part, len(p.Parts))}
		for k, part := range p.Parts {
			out[i].Parts[k] = domain.Part{Start: part.Start, End: part.End, Cell: part.Cell}
			if part.Text != nil {
				out[i].Parts[k].Text = *part.Text
			}
		}
	}
	return out, nil
}
