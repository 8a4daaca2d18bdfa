// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"fmt"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// formula is the arithmetic by which a pod finds its partition from the
// arguments of the Workflow that it runs in.
type formula struct {
	// facts is the environment of the pod; nil where no arithmetic serves. It
	// depends on the kind of the domain and not on the grid, and so does the
	// template.
	facts list
	// proof is an expression that is true when the facts could be computed.
	proof string
	// applies tells that the arithmetic serves this very grid too.
	applies bool
	// grid are the arguments that all segments of a run share. Runs have them
	// in any case, because the template passes them on.
	grid list
	// columns are the arguments of one segment.
	columns []string
}

// formulaOf returns the arithmetic of a domain.
func formulaOf(d domain.Domain) formula {
	if len(d.Dimensions) != 1 {
		return productFormula(d)
	}
	f := formula{applies: true, columns: []string{argLo, argHi, argFirst, argStep}}
	switch axis := d.Dimensions[0].Axis.(type) {
	case domain.Range:
		f.grid = list{param(argOrigin, decimal(axis.Start)), param(argSize, decimal(axis.Size))}
		f.ofRange()
	case domain.Windows:
		f.grid, f.applies = windowsGrid(axis, "")
		f.ofWindows(axis.Format)
	case domain.Open:
		f.applies = false // not before the bounds are known
		f.grid = list{param(argOrigin, ""), param(argSize, "")}
		if axis.Of == domain.Integer {
			f.ofRange()
			break
		}
		f.grid = append(f.grid, param(argUnit, ""), param(argWall, ""), param(argClock, ""))
		f.ofWindows(axis.Format)
	default:
		return formula{}
	}
	f.facts = append(f.facts, indexFact())
	return f
}

func (f *formula) ofRange() {
	c := cell{step: cellNumber, lo: workflowInt(argLo), hi: workflowInt(argHi)}
	f.facts, f.proof = c.rangeFacts(""), c.rangeProof()
}

func (f *formula) ofWindows(format string) {
	line := workflowInt(argLine) + " + " + workflowInt(argStep) + " * " + inputInt(inI)
	c := cell{step: line, lo: workflowInt(argLo), hi: workflowInt(argHi)}
	f.facts, f.proof = c.windowFacts("", format), c.windowProof()
	f.columns = append(f.columns, argLine)
}

// cellNumber is the index of the grid cell in which a partition lies.
var cellNumber = fmt.Sprintf("%s + %s * %s", workflowInt(argFirst), workflowInt(argStep), inputInt(inI))

// rangeFacts computes the facts of an integer range in the pod's environment.
// Integers are exact over all 64 bits; package domain refuses ranges whose
// last cell would overflow.
func (c cell) rangeFacts(prefix string) list {
	return list{
		fact(prefix+"start", expression("%s", c.rangeStart())),
		fact(prefix+"end", expression("%s", c.rangeEnd())),
		fact(prefix+"key", "$("+factVar(prefix+"start")+")--$("+factVar(prefix+"end")+")"),
	}
}

func (c cell) rangeStart() string { return fmt.Sprintf("max(%s, %s)", c.lo, c.edge(c.step)) }

func (c cell) rangeEnd() string { return fmt.Sprintf("min(%s, %s)", c.hi, c.edge(c.step+" + 1")) }

func (c cell) edge(step string) string {
	return fmt.Sprintf("%s + (%s) * %s", c.int(argOrigin), step, c.int(argSize))
}

// rangeProof evaluates every number that start and end are computed from; from
// numbers that are right, no cell without keys can come.
func (c cell) rangeProof() string {
	return fmt.Sprintf("%s < %s && %s <= %s && %s > 0", c.lo, c.hi, c.int(argOrigin), c.hi, c.int(argSize))
}

// proven labels the pods of a template with their index, or with text that is
// no label if it cannot be computed that they have any keys. Argo hands on an
// expression that it cannot evaluate as it stands, and a runner would get that
// for its bounds; but the API server refuses a pod with such a label, and the
// partition fails with its message.
func proven(leaf node, f formula) {
	metadata, _ := leaf["metadata"].(node)
	labels, _ := metadata["labels"].(node)
	labels[LabelIndex] = expression("%s ? string(%s) : 'no keys: different arithmetic'", f.proof, cellNumber)
}

// indexFact is the pod's own label, so that Argo need not compute it twice.
func indexFact() node {
	path := "metadata.labels['" + LabelIndex + "']"
	return node{"name": factVar("index"), "valueFrom": node{"fieldRef": node{"apiVersion": "v1", "fieldPath": path}}}
}

func fact(name, value string) node { return node{"name": factVar(name), "value": value} }

// values are the arguments of a segment, in the order of columns.
func (f formula) values(s plan.Segment) []string {
	return []string{decimal(s.Lo), decimal(s.Hi), decimal(s.First), decimal(s.Step), decimal(s.Line)}[:len(f.columns)]
}

func (f formula) segment(s plan.Segment) list {
	params := make(list, len(f.columns))
	for i, value := range f.values(s) {
		params[i] = param(f.columns[i], value)
	}
	return params
}

// names are those of the shared arguments.
func (f formula) names() []string {
	out := make([]string, len(f.grid))
	for i, p := range f.grid {
		out[i], _ = p.(node)["name"].(string)
	}
	return out
}
