// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// native returns an expression of HCL's native syntax that has the same value. HCL
// parses the templates in JSON strings each time it evaluates them, where nothing
// can meter them. Without templates, strings stay as they are.
func native(expr hcl.Expression, templates bool) hclsyntax.Expression {
	if x, ok := expr.(hclsyntax.Expression); ok {
		return x
	}
	rng := expr.Range()
	if items, diags := hcl.ExprList(expr); !diags.HasErrors() {
		list := &hclsyntax.TupleConsExpr{SrcRange: rng, OpenRange: rng}
		for _, item := range items {
			list.Exprs = append(list.Exprs, native(item, templates))
		}
		return list
	}
	if pairs, diags := hcl.ExprMap(expr); !diags.HasErrors() {
		if d := repeated(pairs); d != nil {
			return &jsonExpr{LiteralValueExpr: &hclsyntax.LiteralValueExpr{SrcRange: rng}, expr: hcl.StaticExpr(cty.DynamicVal,
				rng), problem: d}
		}
		object := &hclsyntax.ObjectConsExpr{SrcRange: rng, OpenRange: rng}
		for _, p := range pairs {
			object.Items = append(object.Items, hclsyntax.ObjectConsItem{
				KeyExpr: native(p.Key, templates), ValueExpr: native(p.Value, templates),
			})
		}
		return object
	}
	if templates {
		if template, ok := jsonTemplate(expr); ok {
			return native(template, true)
		}
	}
	return &jsonExpr{LiteralValueExpr: &hclsyntax.LiteralValueExpr{SrcRange: rng}, expr: expr}
}

// repeated reports a member that an object has twice.
func repeated(pairs []hcl.KeyValuePair) *hcl.Diagnostic {
	seen := map[string]hcl.Range{}
	for _, p := range pairs {
		v, diags := p.Key.Value(nil)
		if diags.HasErrors() || v.Type() != cty.String {
			continue
		}
		if first, twice := seen[v.AsString()]; twice {
			return diag.InSource(diag.CodeExpression, p.Key.Range(), fmt.Sprintf(
				"The object has a member %q already, at %s:%d. Remove one of the two.", v.AsString(), first.Filename,
				first.Start.Line))
		}
		seen[v.AsString()] = p.Key.Range()
	}
	return nil
}

// jsonExpr is a JSON value without parts, or one whose problems HCL reports.
type jsonExpr struct {
	*hclsyntax.LiteralValueExpr
	expr    hcl.Expression
	problem *hcl.Diagnostic
}

// Value implements hcl.Expression.
func (e *jsonExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if e.problem != nil {
		return cty.DynamicVal, hcl.Diagnostics{e.problem}
	}
	return e.expr.Value(ctx)
}

// Variables implements hcl.Expression.
func (e *jsonExpr) Variables() []hcl.Traversal { return e.expr.Variables() }
