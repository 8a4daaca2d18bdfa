// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/customdecode"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/funcs"
)

// evaluate computes an expression within the budget. After an error, the value is
// unknown, with the marks of all that the expression refers to.
func (b *budget) evaluate(expr hcl.Expression, ctx *hcl.EvalContext) (v cty.Value, diags hcl.Diagnostics) {
	var known *meteredExpr
	problem := b.within(expr.Range(), func() {
		var ok bool
		if known, ok = b.metered[expr]; !ok {
			known = b.wrap(native(expr, ctx != nil), used)
			b.metered[expr] = known
		}
		v, diags = known.Value(ctx)
		diags = b.conceal(diags, known, ctx)
	})
	if problem != nil {
		return cty.DynamicVal, hcl.Diagnostics{problem}
	}
	return v, diags
}

// role is what the surrounding expression does with a value.
type role int

const (
	plain  role = iota
	used        // all of it is looked at: by a function, an operator or a template
	number      // it becomes a number
	shown       // it becomes text
)

// meteredExpr is an expression of HCL whose parts are metered, too. It embeds the
// expression for the methods that only HCL itself can implement.
type meteredExpr struct {
	hclsyntax.Expression
	original hclsyntax.Expression
	budget   *budget
	role     role
}

// Variables lists those of the original, because HCL does not look into our type.
func (e *meteredExpr) Variables() []hcl.Traversal { return e.original.Variables() }

// Value evaluates the expression, and charges for it.
func (e *meteredExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	b, rng := e.budget, e.original.Range()
	b.spend(1, rng)
	v, diags := e.Expression.Value(ctx)
	if diags.HasErrors() {
		b.spend(int64(5*len(diags)), rng)
		return v.WithMarks(e.Marks(ctx)), diags
	}
	if e.made() || e.role != plain {
		b.value(v, rng)
	}
	switch {
	case e.role == number:
		b.digits(v, rng)
	case e.role == shown && v.Type() == cty.Number:
		b.spend(funcs.StepsOfNumber, rng)
	}
	return v, diags
}

// made is true for an expression that makes a value, and does not only refer to one.
func (e *meteredExpr) made() bool {
	switch e.original.(type) {
	case *hclsyntax.FunctionCallExpr, *hclsyntax.ConditionalExpr, *hclsyntax.TupleConsExpr, *hclsyntax.ObjectConsExpr,
		*hclsyntax.ForExpr, *hclsyntax.SplatExpr, *hclsyntax.BinaryOpExpr, *hclsyntax.UnaryOpExpr, *hclsyntax.TemplateExpr,
		*hclsyntax.TemplateJoinExpr:
		return true
	}
	return false
}

// wrap meters an expression and all of its parts.
func (b *budget) wrap(expr hclsyntax.Expression, r role) *meteredExpr {
	return &meteredExpr{Expression: b.parts(expr), original: expr, budget: b, role: r}
}

func (b *budget) wrapAll(exprs []hclsyntax.Expression, r role) []hclsyntax.Expression {
	out := make([]hclsyntax.Expression, len(exprs))
	for i, e := range exprs {
		out[i] = e
		if _, literal := e.(*hclsyntax.LiteralValueExpr); !literal {
			out[i] = b.wrap(e, r)
		}
	}
	return out
}

// parts copies an expression with metered parts.
func (b *budget) parts(expr hclsyntax.Expression) hclsyntax.Expression {
	switch x := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		return &hclsyntax.ParenthesesExpr{Expression: b.wrap(x.Expression, plain), SrcRange: x.SrcRange}
	case *hclsyntax.RelativeTraversalExpr:
		return &hclsyntax.RelativeTraversalExpr{Source: b.wrap(x.Source, plain), Traversal: x.Traversal, SrcRange: x.SrcRange}
	case *hclsyntax.FunctionCallExpr:
		c := *x
		c.Args = b.arguments(x)
		return &c
	case *hclsyntax.ConditionalExpr:
		return &conditional{&hclsyntax.ConditionalExpr{
			Condition: b.wrap(x.Condition, plain), TrueResult: b.wrap(x.TrueResult, used),
			FalseResult: b.wrap(x.FalseResult, used), SrcRange: x.SrcRange,
		}, b}
	case *hclsyntax.IndexExpr:
		c := *x
		c.Collection, c.Key = b.wrap(x.Collection, plain), b.wrap(x.Key, number)
		return &c
	case *hclsyntax.TupleConsExpr:
		c := *x
		c.Exprs = b.wrapAll(x.Exprs, plain)
		return &c
	case *hclsyntax.ObjectConsExpr:
		c := *x
		c.Items = make([]hclsyntax.ObjectConsItem, len(x.Items))
		for i, item := range x.Items {
			c.Items[i] = hclsyntax.ObjectConsItem{KeyExpr: b.key(item.KeyExpr), ValueExpr: b.wrap(item.ValueExpr, plain)}
		}
		return &c
	case *hclsyntax.ForExpr:
		c := *x
		c.CollExpr, c.ValExpr = b.wrap(x.CollExpr, plain), b.wrap(x.ValExpr, plain)
		if x.KeyExpr != nil {
			c.KeyExpr = b.wrap(x.KeyExpr, used)
		}
		if x.CondExpr != nil {
			c.CondExpr = b.wrap(x.CondExpr, plain)
		}
		return &c
	case *hclsyntax.SplatExpr:
		return &hclsyntax.SplatExpr{Source: b.wrap(x.Source, plain), Each: b.wrap(x.Each, plain), Item: x.Item,
			SrcRange: x.SrcRange, MarkerRange: x.MarkerRange}
	case *hclsyntax.TemplateExpr:
		return &hclsyntax.TemplateExpr{Parts: b.wrapAll(x.Parts, shown), SrcRange: x.SrcRange}
	case *hclsyntax.TemplateJoinExpr:
		return &hclsyntax.TemplateJoinExpr{Tuple: b.wrap(x.Tuple, used)}
	case *hclsyntax.TemplateWrapExpr:
		return &hclsyntax.TemplateWrapExpr{Wrapped: b.wrap(x.Wrapped, plain), SrcRange: x.SrcRange}
	case *hclsyntax.BinaryOpExpr:
		of := roleOf(x.Op.Impl.Params()[0])
		return &hclsyntax.BinaryOpExpr{LHS: b.wrap(x.LHS, of), Op: x.Op, RHS: b.wrap(x.RHS, of), SrcRange: x.SrcRange}
	case *hclsyntax.UnaryOpExpr:
		c := *x
		c.Val = b.wrap(x.Val, roleOf(x.Op.Impl.Params()[0]))
		return &c
	}
	return expr // a leaf
}

// arguments meters those of a call. HCL itself converts them.
func (b *budget) arguments(call *hclsyntax.FunctionCallExpr) []hclsyntax.Expression {
	out := b.wrapAll(call.Args, used)
	f, ok := b.functions[call.Name]
	if !ok {
		return out
	}
	for i, e := range out {
		p := f.VarParam()
		if params := f.Params(); i < len(params) {
			p = &params[i]
		}
		if m, ok := e.(*meteredExpr); ok && p != nil {
			m.role = roleOf(*p)
		}
	}
	return out
}

func roleOf(p function.Parameter) role {
	switch p.Type {
	case cty.Number:
		return number
	case customdecode.ExpressionClosureType:
		return plain
	}
	return used
}

// key meters the key of an object. A name that stands for itself stays as it is.
func (b *budget) key(expr hclsyntax.Expression) hclsyntax.Expression {
	x, ok := expr.(*hclsyntax.ObjectConsKeyExpr)
	if !ok {
		return b.wrap(expr, used)
	}
	if _, traversal := x.Wrapped.(*hclsyntax.ScopeTraversalExpr); !x.ForceNonLiteral && traversal ||
		hcl.ExprAsKeyword(x.Wrapped) != "" {
		return x
	}
	return &hclsyntax.ObjectConsKeyExpr{Wrapped: b.wrap(x.Wrapped, used), ForceNonLiteral: x.ForceNonLiteral}
}

// conditional brings long tuples to the same type before HCL does, in time that
// grows with the square of their length.
type conditional struct {
	*hclsyntax.ConditionalExpr
	budget *budget
}

// Value implements hcl.Expression.
func (e *conditional) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	yes, yesDiags := e.TrueResult.Value(ctx)
	no, noDiags := e.FalseResult.Value(ctx)
	yes, no = funcs.Unify(yes, no, func(steps int64) { e.budget.spend(steps, e.SrcRange) })
	return (&hclsyntax.ConditionalExpr{
		Condition:   e.Condition,
		TrueResult:  &evaluated{e.TrueResult, yes, yesDiags},
		FalseResult: &evaluated{e.FalseResult, no, noDiags},
		SrcRange:    e.SrcRange,
	}).Value(ctx)
}

// evaluated is an expression whose value is known already.
type evaluated struct {
	hclsyntax.Expression
	value cty.Value
	diags hcl.Diagnostics
}

// Value implements hcl.Expression.
func (e *evaluated) Value(*hcl.EvalContext) (cty.Value, hcl.Diagnostics) { return e.value, e.diags }
