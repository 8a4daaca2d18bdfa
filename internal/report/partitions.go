// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"bufio"
	"encoding/csv"
	"io"
	"iter"
	"strconv"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// PartitionRow is one partition in a list. Bounds are those of each dimension,
// [start, end); values have none.
type PartitionRow struct {
	Key    string        `json:"key"`
	Index  int64         `json:"index"`
	Shard  int           `json:"shard"`
	Bounds []BoundsOfRow `json:"-"`
	Start  string        `json:"start,omitempty"`
	End    string        `json:"end,omitempty"`
	// Dimensions are set instead of Start and End if there are several.
	Dimensions map[string]BoundsOfRow `json:"dimensions,omitempty"`
}

// BoundsOfRow are the bounds of one dimension.
type BoundsOfRow struct {
	Start string `json:"start,omitempty"`
	End   string `json:"end,omitempty"`
	Value string `json:"value,omitempty"`
}

// PartitionRows yields the first partitions of a run in the order in which
// they run; limit 0 is all of them.
func PartitionRows(p plan.Plan, limit int64) iter.Seq[PartitionRow] {
	return func(yield func(PartitionRow) bool) {
		var told int64
		for k := range p.ShardCount() {
			for part := range p.PartitionsOf(k) {
				if limit > 0 && told == limit || !yield(partitionRow(p.Domain, part, k)) {
					return
				}
				told++
			}
		}
	}
}

func partitionRow(d domain.Domain, p domain.Partition, shard int) PartitionRow {
	row := PartitionRow{Key: d.Key(p), Index: p.Index, Shard: shard}
	for i, dimension := range d.Dimensions {
		bounds := BoundsOfRow{Value: p.Parts[i].Text}
		if dimension.Axis.Kind() != domain.Value {
			bounds.Start, bounds.End = d.Bounds(i, p.Parts[i])
		}
		row.Bounds = append(row.Bounds, bounds)
		if len(d.Dimensions) == 1 {
			row.Start, row.End = bounds.Start, bounds.End
			continue
		}
		if row.Dimensions == nil {
			row.Dimensions = map[string]BoundsOfRow{}
		}
		row.Dimensions[dimension.Name] = bounds
	}
	return row
}

// PartitionsJSON lists the partitions of a run, one JSON object per line.
func PartitionsJSON(w io.Writer, p plan.Plan, limit int64) error {
	out := bufio.NewWriter(w)
	for row := range PartitionRows(p, limit) {
		if err := text.WriteJSON(out, row, ""); err != nil {
			return err
		}
	}
	return out.Flush()
}

// PartitionsCSV lists the partitions of a run, with a header. CSV has no escapes: a
// key with hidden characters is written as the table shows it.
func PartitionsCSV(w io.Writer, p plan.Plan, limit int64) error {
	out := csv.NewWriter(w)
	for row := range table(p, limit) {
		for i, cell := range row {
			row[i] = text.Escape(cell)
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// Partitions lists the partitions of a run as a table.
func Partitions(out *text.Printer, p plan.Plan, limit int64) {
	out.Table(table(p, limit))
	if more := p.Partitions - limit; limit > 0 && more > 0 {
		out.Linef("and %d more; --limit 0 lists all", more)
	}
}

// table yields the header and a row for each partition.
func table(p plan.Plan, limit int64) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		if !yield(columns(p.Domain)) {
			return
		}
		for row := range PartitionRows(p, limit) {
			if !yield(cells(row)) {
				return
			}
		}
	}
}

func columns(d domain.Domain) []string {
	names := []string{"key"}
	for _, dimension := range d.Dimensions {
		prefix := ""
		if dimension.Name != "" {
			prefix = dimension.Name + "."
		}
		if dimension.Axis.Kind() == domain.Value {
			if prefix != "" {
				names = append(names, prefix+"value")
			}
			continue
		}
		names = append(names, prefix+"start", prefix+"end")
	}
	return append(names, "index", "shard")
}

func cells(row PartitionRow) []string {
	texts := []string{row.Key}
	for _, bounds := range row.Bounds {
		switch {
		case bounds.Start != "" || bounds.End != "":
			texts = append(texts, bounds.Start, bounds.End)
		case len(row.Bounds) > 1:
			texts = append(texts, bounds.Value)
		}
	}
	return append(texts, strconv.FormatInt(row.Index, 10), strconv.Itoa(row.Shard))
}
