// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package expr is the arithmetic of partitions, each time twice: as an expression
// that Argo evaluates for a pod or a step, and in Go, for those who read what the
// pods did. Both stand in one file, and a test evaluates both for random inputs.
//
// Formula is what pods compute: from the arguments of their Workflow and the number
// of their partition, its bounds, key and index. Segment is the same in Go, from
// the arguments of an observed Workflow, so that it says what its pods computed
// with whatever grid the job declares by now. Query checks the bounds that a
// generator wrote. Interrupted tells lost pods from failed ones.
//
// Expressions use functions of expr-lang alone that all supported versions of Argo
// have. They hold no two closing braces side by side, and no text that came from
// outside. Whole numbers are exact over 64 bits, quotients are not: they are cut
// after a half is added where that matters.
package expr

import (
	"fmt"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// Formula is the arithmetic by which a pod finds its partition from the
// arguments of the Workflow that it runs in.
type Formula struct {
	// Facts are variables of the pod, as its container has them; nil where no
	// arithmetic serves. They depend on the kind of the domain and not on the grid,
	// and so does the template.
	Facts []any
	// Proof is an expression that is true when the facts could be computed.
	Proof string
	// Applies tells that the arithmetic serves this very grid too.
	Applies bool
	// Grid are the arguments that all segments of a run share. Runs have them
	// in any case, because the template passes them on.
	Grid []argo.Arg
	// Columns are the arguments of one segment.
	Columns []string
}

// FormulaOf returns the arithmetic of a domain.
// See internal/decisions/0014-partitions-are-arithmetic.md.
func FormulaOf(d domain.Domain) Formula {
	if len(d.Dimensions) != 1 {
		return productFormula(d)
	}
	f := Formula{Applies: true, Columns: []string{argo.ArgLo, argo.ArgHi, argo.ArgFirst, argo.ArgStep}}
	switch axis := d.Dimensions[0].Axis.(type) {
	case domain.Range:
		f.Grid = []argo.Arg{
			{Name: argo.ArgOrigin, Value: argo.Decimal(axis.Start)},
			{Name: argo.ArgSize, Value: argo.Decimal(axis.Size)},
		}
		f.ofRange()
	case domain.Windows:
		f.Grid, f.Applies = windowsGrid(axis, "")
		f.ofWindows(axis.Format)
	case domain.Open:
		f.Applies = false // not before the bounds are known
		f.Grid = []argo.Arg{{Name: argo.ArgOrigin}, {Name: argo.ArgSize}}
		if axis.Of == domain.Integer {
			f.ofRange()
			break
		}
		f.Grid = append(f.Grid, []argo.Arg{{Name: argo.ArgUnit}, {Name: argo.ArgWall}, {Name: argo.ArgClock}}...)
		f.ofWindows(axis.Format)
	default:
		return Formula{}
	}
	f.Facts = append(f.Facts, indexFact())
	return f
}

func (f *Formula) ofRange() {
	c := cell{step: CellNumber, lo: argo.WorkflowInt(argo.ArgLo), hi: argo.WorkflowInt(argo.ArgHi)}
	f.Facts, f.Proof = c.rangeFacts(""), c.rangeProof()
}

func (f *Formula) ofWindows(format string) {
	line := argo.WorkflowInt(argo.ArgLine) + " + " + argo.WorkflowInt(argo.ArgStep) + " * " + argo.InputInt(argo.InI)
	c := cell{step: line, lo: argo.WorkflowInt(argo.ArgLo), hi: argo.WorkflowInt(argo.ArgHi)}
	f.Facts, f.Proof = c.windowFacts("", format), c.windowProof()
	f.Columns = append(f.Columns, argo.ArgLine)
}

// CellNumber is the index of the grid cell in which a partition lies.
var CellNumber = fmt.Sprintf("%s + %s * %s",
	argo.WorkflowInt(argo.ArgFirst), argo.WorkflowInt(argo.ArgStep), argo.InputInt(argo.InI))

// rangeFacts computes the facts of an integer range in the pod's environment.
// Integers are exact over all 64 bits; package domain refuses ranges whose
// last cell would overflow.
func (c cell) rangeFacts(prefix string) []any {
	return []any{
		fact(prefix+"start", argo.Tag("%s", c.rangeStart())),
		fact(prefix+"end", argo.Tag("%s", c.rangeEnd())),
		fact(prefix+"key", "$("+FactVar(prefix+"start")+")--$("+FactVar(prefix+"end")+")"),
	}
}

func (c cell) rangeStart() string { return fmt.Sprintf("max(%s, %s)", c.lo, c.edge(c.step)) }

func (c cell) rangeEnd() string { return fmt.Sprintf("min(%s, %s)", c.hi, c.edge(c.step+" + 1")) }

func (c cell) edge(step string) string {
	return fmt.Sprintf("%s + (%s) * %s", c.int(argo.ArgOrigin), step, c.int(argo.ArgSize))
}

// rangeProof evaluates every number that start and end are computed from; from
// numbers that are right, no cell without keys can come.
func (c cell) rangeProof() string {
	return fmt.Sprintf("%s < %s && %s <= %s && %s > 0", c.lo, c.hi, c.int(argo.ArgOrigin), c.hi, c.int(argo.ArgSize))
}

// indexFact is the pod's own label, so that Argo need not compute it twice.
func indexFact() any {
	path := "metadata.labels['" + argo.LabelIndex + "']"
	label := node{"fieldRef": node{"apiVersion": "v1", "fieldPath": path}}
	return node{"name": FactVar("index"), "valueFrom": label}
}

type node = map[string]any

func fact(name, value string) any { return node{"name": FactVar(name), "value": value} }

// Row are the arguments of a segment, in the order of Columns.
func (f Formula) Row(s plan.Segment) []string {
	all := []int64{s.Lo, s.Hi, s.First, s.Step, s.Line}
	row := make([]string, len(f.Columns))
	for i := range row {
		row[i] = argo.Decimal(all[i])
	}
	return row
}

// Segment are the arguments of a segment with their names.
func (f Formula) Segment(s plan.Segment) []argo.Arg {
	args := make([]argo.Arg, len(f.Columns))
	for i, value := range f.Row(s) {
		args[i] = argo.Arg{Name: f.Columns[i], Value: value}
	}
	return args
}

// FactVar is the environment variable of a fact: "country.key" is
// BACKFILL_PARTITION_COUNTRY_KEY.
func FactVar(name string) string {
	return "BACKFILL_PARTITION_" + strings.ToUpper(strings.ReplaceAll(name, ".", "_"))
}

// Segment is the arithmetic of a Workflow's own arguments. It is what its pods
// computed with, whatever grid the job declares by now.
type Segment struct {
	lines Lines
	// cell first + step·i lies between the lines line + step·i and that + 1.
	Lo, Hi, first, step, line int64
}

// Partition is partition i of the segment.
func (s Segment) Partition(i int64) domain.Partition {
	cell := s.first + s.step*i
	line := s.line + s.step*i
	return domain.Partition{Index: cell, Parts: []domain.Part{{
		Start: max(s.Lo, s.lines.At(line)), End: min(s.Hi, s.lines.At(line+1)), Cell: cell,
	}}}
}

// Stretch is the keys of partitions from … from+count-1, as one piece.
func (s Segment) Stretch(from, count int64) domain.Partition {
	p, last := s.Partition(from), s.Partition(from+count-1)
	p.Parts[0].Start = min(p.Parts[0].Start, last.Parts[0].Start)
	p.Parts[0].End = max(p.Parts[0].End, last.Parts[0].End)
	return p
}

// SegmentOf reads the arguments of one segment. In ranges, which leave nothing
// out, cells and lines have the same numbers and there is no argument for the
// line.
func SegmentOf(args argo.Arguments, lines Lines) (Segment, error) {
	line := argo.ArgLine
	if args.Text(line) == "" {
		line = argo.ArgFirst
	}
	n, err := args.Integers(argo.ArgLo, argo.ArgHi, argo.ArgFirst, argo.ArgStep, line)
	if err != nil {
		return Segment{}, err
	}
	return Segment{lines: lines, Lo: n[0], Hi: n[1], first: n[2], step: n[3], line: n[4]}, nil
}

// Interrupted is an expression that is true when the last attempt was taken
// away rather than failed. Argo reports the same lost pod as Error or as
// Failed, by race, so the message decides: a kubelet that shuts its node down,
// an eviction, a pod that a node turned away or gave up for a critical one, a
// container killed by SIGTERM or SIGKILL (but not for its memory), or no word
// from the main container.
const Interrupted = `lastRetry.status == 'Error' || ` +
	`lastRetry.message matches '` + LostPod + `' && not (lastRetry.message contains 'OOMKilled')`

// ChildGone is an expression that is true when a launcher's last attempt failed because
// its child was deleted.
const ChildGone = `lastRetry.message contains '(NotFound)' || lastRetry.message contains 'has been deleted while'`

// LostPod is a pattern of messages of pods that were taken away.
const LostPod = `imminent node shutdown|[Nn]ode is shutting down|node was low on resource|node had condition|` +
	`[Pp]reempted|Pod was rejected|find failed message for pod|neither main nor wait|` +
	`(main|wait) container did not complete|` +
	`exit code (137|143)`
