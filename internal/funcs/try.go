// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package funcs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/customdecode"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// can and try tell whether an expression has a value, and that may depend on a
// sensitive value of which the result has nothing else. HCL's own drop the marks of
// what failed, and so a job file could read a secret letter by letter. See
// internal/decisions/0040-sensitivity-survives.md.
var can = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "expression", Type: customdecode.ExpressionClosureType}},
	Type:   function.StaticReturnType(cty.Bool),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		v, marks, diags := evaluated(args[0])
		switch {
		case diags.HasErrors():
			return cty.False.WithMarks(marks), nil
		case !v.IsWhollyKnown():
			return cty.UnknownVal(cty.Bool).WithMarks(marks), nil
		}
		return cty.True.WithMarks(marks), nil
	},
})

// try has no type of its own, because HCL's evaluates everything once more to find
// it: calls within each other would take exponential time.
var try = function.New(&function.Spec{
	VarParam: &function.Parameter{Name: "expressions", Type: customdecode.ExpressionClosureType},
	Type:     function.StaticReturnType(cty.DynamicPseudoType),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if len(args) == 0 {
			return cty.NilVal, errors.New("at least one argument is required")
		}
		all := cty.ValueMarks{}
		var problems hcl.Diagnostics
		for _, a := range args {
			v, marks, diags := evaluated(a)
			all = cty.NewValueMarks(all, marks)
			switch {
			case diags.HasErrors():
				problems = append(problems, diags...)
			case !v.IsWhollyKnown(): // what it becomes may fail, and the next one be returned
				return cty.DynamicVal.WithMarks(all), nil
			default:
				return v.WithMarks(all), nil
			}
		}
		return cty.NilVal, noneSucceeded(problems)
	},
})

// Marker is an expression that knows the marks of what it refers to.
type Marker interface {
	Marks(ctx *hcl.EvalContext) cty.ValueMarks
}

// evaluated returns the value of an expression, and the marks that say what it
// depends on.
func evaluated(closure cty.Value) (cty.Value, cty.ValueMarks, hcl.Diagnostics) {
	c := customdecode.ExpressionClosureFromVal(closure)
	v, diags := c.Value()
	marks := v.Marks()
	if m, ok := c.Expression.(Marker); ok {
		marks = cty.NewValueMarks(marks, m.Marks(c.EvalContext))
	}
	return v, marks, diags
}

// MarksAlong are the marks along a reference, as far as it leads, and of all that is
// there. look is called with the value before it is searched.
func MarksAlong(t hcl.Traversal, ctx *hcl.EvalContext, look func(cty.Value)) cty.ValueMarks {
	var v cty.Value
	found := false
	for c := ctx; c != nil && !found; c = c.Parent() {
		v, found = c.Variables[t.RootName()]
	}
	if !found {
		return nil
	}
	all := cty.ValueMarks{}
	for _, step := range t[1:] {
		all = cty.NewValueMarks(all, v.Marks())
		next, diags := step.TraversalStep(v)
		if diags.HasErrors() {
			break
		}
		v = next
	}
	look(v)
	_, deep := v.UnmarkDeep()
	return cty.NewValueMarks(all, deep)
}

func noneSucceeded(problems hcl.Diagnostics) error {
	const most = 5
	var parts []string
	for _, d := range problems[:min(len(problems), most)] {
		place := ""
		if d.Subject != nil {
			place = fmt.Sprintf(" (line %d)", d.Subject.Start.Line)
		}
		parts = append(parts, strings.TrimSuffix(d.Summary, ".")+place+": "+strings.TrimSuffix(d.Detail, "."))
	}
	return fmt.Errorf("no expression has a value: %s", strings.Join(parts, "; "))
}
