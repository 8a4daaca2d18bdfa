// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
)

// segment is the arithmetic of a Workflow's own arguments. It is what its pods
// computed with, whatever grid the job declares by now.
type segment struct {
	lines gridLines
	// cell first + step·i lies between the lines line + step·i and that + 1.
	lo, hi, first, step, line int64
}

// partition is partition i of the segment.
func (s segment) partition(i int64) domain.Partition {
	cell := s.first + s.step*i
	line := s.line + s.step*i
	return domain.Partition{Index: cell, Parts: []domain.Part{{
		Start: max(s.lo, s.lines.at(line)), End: min(s.hi, s.lines.at(line+1)), Cell: cell,
	}}}
}

// stretch is the keys of partitions from … from+count-1, as one piece.
func (s segment) stretch(from, count int64) domain.Partition {
	p, last := s.partition(from), s.partition(from+count-1)
	p.Parts[0].Start = min(p.Parts[0].Start, last.Parts[0].Start)
	p.Parts[0].End = max(p.Parts[0].End, last.Parts[0].End)
	return p
}

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
	// asks tells that the segment comes from the answer of a generator, and shard
	// is then the number of partitions of a shard; 0 when the run only asks.
	asks     bool
	shard    int64
	total    int64 // of an answer
	segments []segment
	// shards are those of a run that launches children by a table; none when
	// they follow from a formula over the only segment.
	shards []shard
}

// dataName is the ConfigMap of a written-out shard.
func (s shape) dataName(k int64) string { return fmt.Sprintf("%s-d%d", s.run, k) }

func (s shape) needsData() bool {
	for _, shard := range s.shards {
		if shard.g == noSegment {
			return true
		}
	}
	return s.data != "" || s.product
}

// foreign is the error for an argument that this program did not write.
type foreign struct{ workflow, argument, value string }

func (e foreign) Error() string {
	return fmt.Sprintf("Workflow %s was not made by this program, or was changed by hand: its argument %q has the value %q. What it did cannot be told from its status; delete it and plan again",
		e.workflow, e.argument, e.value)
}

// shapeOf reads the arguments of a run.
func shapeOf(name string, args map[string]string) (shape, error) {
	s := shape{run: args[argRun], data: args[argData], product: args[argCount+"0"] != ""}
	if s.run == "" {
		return s, foreign{name, argRun, ""}
	}
	if args[argAsk] != "" {
		return s, s.readAsking(name, args)
	}
	table, launches := args[argSegments]
	if s.launches = launches; launches {
		return s, s.readTables(name, args, table)
	}
	if _, computed := args[argLo]; !computed && s.data != "" {
		return s, nil
	}
	lines, err := linesOf(name, args)
	if err != nil {
		return s, err
	}
	one, err := segmentOf(name, args, lines)
	s.segments = []segment{one}
	return s, err
}

func (s *shape) readAsking(name string, args map[string]string) error {
	s.asks = true
	if _, s.launches = args[argShard]; !s.launches {
		return nil
	}
	n, err := integersOf(name, args, argShard)
	if err == nil {
		s.shard = n[0]
	}
	return err
}

// answer fills in what follows from the answer of a run that asks.
func (s *shape) answer(w workflow) error {
	if !s.asks || !s.launches {
		return nil
	}
	a, found, err := answerOf(w)
	if err == nil && a.Bounds != nil {
		s.segments, s.total = []segment{found.whole}, found.total
	}
	return err
}

func (s *shape) readTables(name string, args map[string]string, table string) error {
	if err := s.readSegments(name, args, table); err != nil {
		return err
	}
	lines, ok := args[argShards]
	if !ok {
		if len(s.segments) != 1 {
			return foreign{name, argSegments, table}
		}
		return nil
	}
	var items []string
	if err := json.Unmarshal([]byte(lines), &items); err != nil {
		return foreign{name, argShards, lines}
	}
	for _, item := range items {
		fields := strings.Fields(item)
		if len(fields) < 4 {
			return foreign{name, argShards, item}
		}
		one, err := s.shardOf(name, fields[0], fields[1], fields[2], fields[3])
		if err != nil {
			return err
		}
		s.shards = append(s.shards, one)
	}
	return nil
}

func (s *shape) readSegments(name string, args map[string]string, table string) error {
	var rows [][]string
	if err := json.Unmarshal([]byte(table), &rows); err != nil {
		return foreign{name, argSegments, table}
	}
	if len(rows) == 0 {
		return nil
	}
	lines, err := linesOf(name, args)
	if err != nil {
		return err
	}
	for _, row := range rows {
		columns := map[string]string{}
		for i, arg := range []string{argLo, argHi, argFirst, argStep, argLine} {
			if i < len(row) {
				columns[arg] = row[i]
			}
		}
		one, err := segmentOf(name, columns, lines)
		if err != nil {
			return foreign{name, argSegments, table}
		}
		s.segments = append(s.segments, one)
	}
	return nil
}

// shardOf reads the numbers of a shard and checks that its segment exists.
func (s shape) shardOf(name, k, g, from, count string) (shard, error) {
	var out shard
	for _, field := range []struct {
		into *int64
		arg  string
		text string
	}{{&out.k, inK, k}, {&out.g, inG, g}, {&out.from, inFrom, from}, {&out.count, inCount, count}} {
		n, err := strconv.ParseInt(field.text, 10, 64)
		if err != nil {
			return shard{}, foreign{name, field.arg, field.text}
		}
		*field.into = n
	}
	if s.asks {
		out.count = min(out.count, s.total-out.from)
	}
	if out.g < noSegment || out.g >= int64(len(s.segments)) {
		return shard{}, foreign{name, inG, g}
	}
	return out, nil
}

// segmentOf reads the arguments of one segment. In ranges, which leave nothing
// out, cells and lines have the same numbers and there is no argument for the
// line.
func segmentOf(name string, args map[string]string, lines gridLines) (segment, error) {
	if args[argLine] == "" {
		args = merged(args, map[string]string{argLine: args[argFirst]})
	}
	n, err := integersOf(name, args, argLo, argHi, argFirst, argStep, argLine)
	if err != nil {
		return segment{}, err
	}
	return segment{lines: lines, lo: n[0], hi: n[1], first: n[2], step: n[3], line: n[4]}, nil
}
