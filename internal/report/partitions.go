// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"text/tabwriter"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
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

// Partitions lists the partitions of a run as a table, as csv with a header, or as
// json with one object per line.
func Partitions(w io.Writer, p plan.Plan, limit int64, format string) error {
	out := bufio.NewWriter(w)
	var err error
	switch format {
	case "json":
		err = partitionsJSON(out, p, limit)
	case "csv":
		err = partitionsCSV(out, p, limit)
	default:
		err = partitionsTable(out, p, limit)
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

func partitionsJSON(w io.Writer, p plan.Plan, limit int64) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for row := range PartitionRows(p, limit) {
		if err := encoder.Encode(row); err != nil {
			return err
		}
	}
	return nil
}

func partitionsCSV(w io.Writer, p plan.Plan, limit int64) error {
	out := csv.NewWriter(w)
	if err := out.Write(columns(p.Domain)); err != nil {
		return err
	}
	for row := range PartitionRows(p, limit) {
		if err := out.Write(cells(row)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func partitionsTable(w io.Writer, p plan.Plan, limit int64) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(texts []string) {
		for i, text := range texts {
			if i > 0 {
				fmt.Fprint(out, "\t")
			}
			fmt.Fprint(out, text)
		}
		fmt.Fprintln(out)
	}
	line(columns(p.Domain))
	for row := range PartitionRows(p, limit) {
		line(cells(row))
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if more := p.Partitions - limit; limit > 0 && more > 0 {
		fmt.Fprintf(w, "and %d more; --limit 0 lists all\n", more)
	}
	return nil
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
