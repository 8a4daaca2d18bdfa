// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// formula is the arithmetic by which a pod finds its partition from the
// arguments of the Workflow that it runs in.
type formula struct {
	// grid are the arguments that all segments of a run share.
	grid list
	// facts is the environment of the pod. It depends on the kind of the axis
	// and not on the grid, and so does the template.
	facts list
	// columns are the arguments of one segment.
	columns []string
}

// formulaOf returns the arithmetic of a domain, if its partitions follow one.
func formulaOf(d domain.Domain) (formula, bool) {
	if len(d.Dimensions) != 1 {
		return formula{}, false
	}
	columns := []string{argLo, argHi, argFirst, argStep}
	switch axis := d.Dimensions[0].Axis.(type) {
	case domain.Range:
		grid := list{param(argOrigin, decimal(axis.Start)), param(argSize, decimal(axis.Size))}
		return formula{grid, rangeFacts(), columns}, true
	case domain.Windows:
		grid, ok := windowsGrid(axis)
		return formula{grid, windowFacts(axis.Format), append(columns, argLine)}, ok
	}
	return formula{}, false
}

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

func fact(name, value string) node { return node{"name": factVar(name), "value": value} }

// names are those of the shared arguments.
func (f formula) names() []string {
	out := make([]string, len(f.grid))
	for i, p := range f.grid {
		out[i], _ = p.(node)["name"].(string)
	}
	return out
}
