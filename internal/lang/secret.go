// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/funcs"
)

// sensitiveMark marks the values of sensitive variables and whatever depends on
// them, be it only on whether an expression has a value. See
// internal/decisions/0040-sensitivity-survives.md.
type sensitiveMark struct{}

// Marks implements funcs.Marker.
func (e *meteredExpr) Marks(ctx *hcl.EvalContext) cty.ValueMarks {
	if !e.budget.secrets {
		return nil
	}
	all := cty.ValueMarks{}
	for _, t := range e.original.Variables() {
		all = cty.NewValueMarks(all, funcs.MarksAlong(t, ctx, func(v cty.Value) { e.budget.look(v, t.SourceRange()) }))
	}
	return all
}

// conceal replaces what HCL, functions and conversions say about the values of an
// expression that refers to a sensitive one. Values of a loop carry no marks inside
// of it, so it is not asked which of them a message contains.
func (b *budget) conceal(diags hcl.Diagnostics, expr hcl.Expression, ctx *hcl.EvalContext) hcl.Diagnostics {
	if !b.secrets || ctx == nil || len(diags) == 0 {
		return diags
	}
	name := ""
	for _, t := range expr.Variables() {
		if name == "" && len(funcs.MarksAlong(t, ctx, func(v cty.Value) { b.look(v, t.SourceRange()) })) > 0 {
			name = written(t)
		}
	}
	if name == "" {
		return diags
	}
	var out hcl.Diagnostics
	for _, d := range diags {
		out = append(out, &hcl.Diagnostic{
			Severity: d.Severity, Summary: strings.TrimSuffix(d.Summary, "."), Subject: d.Subject, Context: d.Context,
			Detail: fmt.Sprintf("The reason is not shown, because it could contain the sensitive value %s. Try the "+
				"expression with a value that is not sensitive.", name),
		})
	}
	return out
}
