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
		f.facts = cell{step: cellNumber, lo: workflowInt(argLo), hi: workflowInt(argHi)}.rangeFacts("")
	case domain.Windows:
		f.grid, f.applies = windowsGrid(axis, "")
		line := workflowInt(argLine) + " + " + workflowInt(argStep) + " * " + inputInt(inI)
		f.facts = cell{step: line, lo: workflowInt(argLo), hi: workflowInt(argHi)}.windowFacts("", axis.Format)
		f.columns = append(f.columns, argLine)
	default:
		return formula{}
	}
	f.facts = append(f.facts, fact("index", expression("%s", cellNumber)))
	return f
}

// cellNumber is the index of the grid cell in which a partition lies.
var cellNumber = fmt.Sprintf("%s + %s * %s", workflowInt(argFirst), workflowInt(argStep), inputInt(inI))

// rangeFacts computes the facts of an integer range in the pod's environment.
// Integers are exact over all 64 bits; package domain refuses ranges whose
// last cell would overflow.
func (c cell) rangeFacts(prefix string) list {
	edge := func(step string) string {
		return fmt.Sprintf("%s + (%s) * %s", c.int(argOrigin), step, c.int(argSize))
	}
	return list{
		fact(prefix+"start", expression("max(%s, %s)", c.lo, edge(c.step))),
		fact(prefix+"end", expression("min(%s, %s)", c.hi, edge(c.step+" + 1"))),
		fact(prefix+"key", "$("+factVar(prefix+"start")+")--$("+factVar(prefix+"end")+")"),
	}
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
