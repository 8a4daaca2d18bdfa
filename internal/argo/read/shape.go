// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
)

// shard is one shard of an observed run: partitions from … from+count-1 of
// segment g, or of the data ConfigMap k when g is noSegment.
type shard struct{ k, g, from, count int64 }

// shape is what an observed run was made to do.
type shape struct {
	run      string
	launches bool
	// data is the ConfigMap of the partitions that the run itself processes and
	// that follow no formula, its canary among them; or "".
	data string
	// product tells that segments are of indexes, and that there may be
	// ConfigMaps of values or boundaries.
	product bool
	// findsBounds tells that the segment comes from the result of a query; shard is
	// then the number of partitions of a shard, or 0 when the run does no more.
	findsBounds bool
	shard       int64
	total       int64 // of the result
	segments    []expr.Segment
	// shards are those of a run that launches children by a table; none when
	// they follow from a formula over the only segment.
	shards []shard
}

// dataName is the ConfigMap of a written-out shard.
func (s shape) dataName(k int64) string { return argo.DataName(s.run, int(k)) }

// NeedsData tells whether the data ConfigMaps of the run must be observed.
func (s shape) NeedsData() bool {
	written := func(one shard) bool { return one.g == argo.NoSegment }
	return s.data != "" || s.product || slices.ContainsFunc(s.shards, written)
}

// shapeOf reads the arguments of a run.
func shapeOf(args argo.Arguments) (shape, error) {
	s := shape{
		run:         args.Text(argo.ArgRun),
		data:        args.Text(argo.ArgData),
		product:     args.Text(argo.ArgCount+"0") != "",
		launches:    args.Launches(),
		findsBounds: args.FindsBounds(),
	}
	switch {
	case s.run == "":
		return s, args.Foreign(argo.ArgRun)
	case s.findsBounds && s.launches:
		n, err := args.Integers(argo.ArgShard)
		if err == nil {
			s.shard = n[0]
		}
		return s, err
	case s.findsBounds:
		return s, nil
	case s.launches:
		return s, s.readTables(args)
	case !args.Has(argo.ArgLo) && s.data != "":
		return s, nil
	}
	lines, err := expr.LinesOf(args)
	if err != nil {
		return s, err
	}
	one, err := expr.SegmentOf(args, lines)
	s.segments = []expr.Segment{one}
	return s, err
}

func (s *shape) readTables(args argo.Arguments) error {
	if err := s.readSegments(args); err != nil {
		return err
	}
	if !args.Has(argo.ArgShards) {
		if len(s.segments) != 1 {
			return args.Foreign(argo.ArgSegments)
		}
		return nil
	}
	var items []string
	if err := json.Unmarshal([]byte(args.Text(argo.ArgShards)), &items); err != nil {
		return args.Foreign(argo.ArgShards)
	}
	for _, item := range items {
		fields := strings.Fields(item)
		if len(fields) < 4 {
			return argo.Foreign(args.Workflow, argo.ArgShards, item)
		}
		one, err := s.shardOf(args.Workflow, [4]string(fields[:4]))
		if err != nil {
			return err
		}
		s.shards = append(s.shards, one)
	}
	return nil
}

func (s *shape) readSegments(args argo.Arguments) error {
	var rows [][]string
	if err := json.Unmarshal([]byte(args.Text(argo.ArgSegments)), &rows); err != nil {
		return args.Foreign(argo.ArgSegments)
	}
	if len(rows) == 0 {
		return nil
	}
	lines, err := expr.LinesOf(args)
	if err != nil {
		return err
	}
	for _, row := range rows {
		columns := map[string]string{}
		for i, arg := range []string{argo.ArgLo, argo.ArgHi, argo.ArgFirst, argo.ArgStep, argo.ArgLine} {
			if i < len(row) {
				columns[arg] = row[i]
			}
		}
		one, err := expr.SegmentOf(args.Only(columns), lines)
		if err != nil {
			return args.Foreign(argo.ArgSegments)
		}
		s.segments = append(s.segments, one)
	}
	return nil
}

// shardOf reads the numbers k, g, from and count of a shard, and checks that its
// segment exists.
func (s shape) shardOf(workflow string, texts [4]string) (shard, error) {
	var numbers [4]int64
	for i, name := range shardNumbers {
		n, err := strconv.ParseInt(texts[i], 10, 64)
		if err != nil {
			return shard{}, argo.Foreign(workflow, name, texts[i])
		}
		numbers[i] = n
	}
	out := shard{k: numbers[0], g: numbers[1], from: numbers[2], count: numbers[3]}
	if s.findsBounds {
		out.count = min(out.count, s.total-out.from)
	}
	if out.g < argo.NoSegment || out.g >= int64(len(s.segments)) {
		return shard{}, argo.Foreign(workflow, argo.InG, texts[1])
	}
	return out, nil
}

// shardNumbers are the inputs of a launcher that tell its shard.
var shardNumbers = [4]string{argo.InK, argo.InG, argo.InFrom, argo.InCount}
