// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/funcs"
)

// variable is one declared variable and, after evaluateVariables, its value.
type variable struct {
	name        string
	decl        hcl.Range // the block's header
	ty          cty.Type
	defaults    *typeexpr.Defaults
	fallback    cty.Value // cty.NilVal if there is no default
	sensitive   bool
	validations []validation
	value       cty.Value
	assigned    hcl.Range // where the value was written, else decl
	broken      bool      // its declaration or its value has errors
}

// validation is a validation block of a variable.
type validation struct{ condition, message *hcl.Attribute }

var (
	variableSchema = &hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "type"}, {Name: "default"}, {Name: "description"}, {Name: "sensitive"}},
		Blocks:     []hcl.BlockHeaderSchema{{Type: "validation"}},
	}
	validationSchema = &hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "condition"}, {Name: "error_message"}},
	}
)

func (l *loader) declare(b *hcl.Block) {
	name := b.Labels[0]
	v := &variable{name: name, decl: b.DefRange, assigned: b.DefRange, ty: cty.DynamicPseudoType}
	if !hclsyntax.ValidIdentifier(name) {
		l.report(diag.CodeVarDecl, b.LabelRanges[0], "%q is not a valid variable name. Use letters, digits, underscores "+
			"and dashes, and start with a letter.", name)
		return
	}
	if first, twice := l.variables[name]; twice {
		l.report(diag.CodeDuplicateVar, b.LabelRanges[0], "The variable %q is already declared at %s:%d. Remove one of "+
			"the two.", name, first.decl.Filename, first.decl.Start.Line)
		return
	}
	l.variables[name] = v
	l.order = append(l.order, v)
	before := len(l.diags)
	description := l.declaration(v, b.Body)
	v.broken = l.diags[before:].HasErrors()
	l.module.Variables = append(l.module.Variables, Variable{
		Name: name, Type: typeexpr.TypeString(v.ty), Description: description,
		Required: v.fallback == cty.NilVal, Sensitive: v.sensitive,
	})
}

func (l *loader) declaration(v *variable, body hcl.Body) (description string) {
	content := l.content(body, variableSchema, "A variable")
	if a := content.Attributes["type"]; a != nil {
		ty, defaults, diags := typeexpr.TypeConstraintWithDefaults(a.Expr)
		l.diags = append(l.diags, restate(diags, diag.CodeVarDecl)...)
		if diags.HasErrors() {
			ty = cty.DynamicPseudoType
		}
		v.ty, v.defaults = ty, defaults
	}
	if a := content.Attributes["description"]; a != nil {
		if value, ok := l.constant(a, cty.String); ok {
			description = value.AsString()
		}
	}
	if a := content.Attributes["sensitive"]; a != nil {
		value, ok := l.constant(a, cty.Bool)
		v.sensitive = !ok || value.True()
		l.scope.budget.secrets = l.scope.budget.secrets || v.sensitive
	}
	if a := content.Attributes["default"]; a != nil {
		l.fallbackOf(v, a)
	}
	for _, b := range content.Blocks {
		rule := l.content(b.Body, validationSchema, "A validation")
		condition, message := rule.Attributes["condition"], rule.Attributes["error_message"]
		if condition == nil || message == nil {
			l.report(diag.CodeVarDecl, b.DefRange, "A validation needs both condition and error_message. Add the missing one.")
			continue
		}
		v.validations = append(v.validations, validation{condition, message})
	}
	return description
}

// content reads a body by a fixed schema and reports unknown attributes and blocks.
func (l *loader) content(body hcl.Body, schema *hcl.BodySchema, what string) *hcl.BodyContent {
	var attributes, blocks []string
	for _, a := range schema.Attributes {
		attributes = append(attributes, a.Name)
	}
	for _, b := range schema.Blocks {
		blocks = append(blocks, b.Type)
	}
	all := slices.Concat(attributes, blocks)
	native, ok := body.(*hclsyntax.Body)
	if !ok {
		content, diags := body.Content(schema)
		l.diags = append(l.diags, restate(diags, diag.CodeUnknownAttr)...)
		return content
	}
	for name, a := range native.Attributes {
		if slices.Contains(blocks, name) {
			l.report(diag.CodeUnknownAttr, a.NameRange, "%q is a block. Write %s { … } without an equals sign.", name, name)
		} else if !slices.Contains(attributes, name) {
			l.report(diag.CodeUnknownAttr, a.NameRange, "%s has no attribute %q.%s", what, name, orKnown(name, all))
		}
	}
	for _, b := range native.Blocks {
		if !slices.Contains(blocks, b.Type) {
			l.report(diag.CodeUnknownBlock, b.TypeRange, "%s has no block %q.%s", what, b.Type, orKnown(b.Type, all))
		}
	}
	content, _, diags := body.PartialContent(schema)
	l.diags = append(l.diags, restate(diags, diag.CodeLabels)...)
	return content
}

// onlyAttributes lists the attributes of a body without blocks, in source order.
func (l *loader) onlyAttributes(body hcl.Body, what string) []*hcl.Attribute {
	if native, ok := body.(*hclsyntax.Body); ok {
		for _, b := range native.Blocks {
			l.report(diag.CodeUnknownBlock, b.TypeRange, "%s has no blocks. Write %s = … instead.", what, b.Type)
		}
		body = &hclsyntax.Body{Attributes: native.Attributes, SrcRange: native.SrcRange, EndRange: native.EndRange}
	}
	attributes, diags := body.JustAttributes()
	l.diags = append(l.diags, restate(diags, diag.CodeSyntax)...)
	return slices.SortedFunc(maps.Values(attributes), func(a, b *hcl.Attribute) int {
		return a.NameRange.Start.Byte - b.NameRange.Start.Byte
	})
}

func (l *loader) fallbackOf(v *variable, a *hcl.Attribute) {
	before := len(l.diags)
	value, ok := l.constant(a, cty.DynamicPseudoType)
	v.conceal(l.diags[before:])
	if !ok {
		return
	}
	converted, err := l.convert(v, value, a.Expr.Range())
	if err != nil {
		l.report(diag.CodeVarDecl, v.shown(a.Expr.Range()), "The default of variable %q does not have its type %s: %s. "+
			"Correct the default or the type.", v.name, typeexpr.TypeString(v.ty), v.why(err))
		return
	}
	v.fallback = converted
}

// constant evaluates an expression of a declaration, without references. Unless the
// type is dynamic, the value is not null.
func (l *loader) constant(a *hcl.Attribute, want cty.Type) (cty.Value, bool) {
	for _, t := range a.Expr.Variables() {
		l.report(diag.CodeVarDecl, t.SourceRange(), "The %s of a variable must be a literal, without references. Write "+
			"the value itself.", a.Name)
		return cty.NilVal, false
	}
	value, diags := l.scope.budget.evaluate(a.Expr, &hcl.EvalContext{Functions: l.scope.budget.functions})
	l.diags = append(l.diags, restate(diags, diag.CodeExpression)...)
	if diags.HasErrors() {
		return cty.NilVal, false
	}
	value, err := convert.Convert(value, want)
	if err != nil || want != cty.DynamicPseudoType && (value.IsNull() || !value.IsKnown()) {
		l.report(diag.CodeVarDecl, a.Expr.Range(), "The %s of a variable must be a literal %s.", a.Name, want.FriendlyName())
		return cty.NilVal, false
	}
	return value, true
}

// convert converts a value to the type of a variable. If that takes too much, this is
// reported, and the value is unknown.
func (l *loader) convert(v *variable, value cty.Value, rng hcl.Range) (converted cty.Value, err error) {
	b := l.scope.budget
	problem := b.within(v.shown(rng), func() {
		if v.defaults != nil && value.IsKnown() && !value.IsNull() {
			b.spend(funcs.CostOfDefaults(value), rng)
			value = v.defaults.Apply(value)
		}
		converted, err = b.convert(value, v.ty)
	})
	if problem != nil {
		l.diags = append(l.diags, problem)
		return cty.UnknownVal(v.ty), nil
	}
	if err == nil && funcs.Measure(converted, funcs.Size{Elements: maxElements, Text: maxText, Depth: maxDepth}).Exponent >
		bitsPerDigit*maxExponent {
		err = fmt.Errorf("a number has an exponent greater than %d", maxExponent)
	}
	return converted, err
}

// why formats a conversion error for the middle of a sentence.
func (v *variable) why(err error) string {
	if v.sensitive {
		return "the reason is not shown, because it could contain the value, which is sensitive"
	}
	return strings.TrimSuffix(err.Error(), ".")
}

// shown is where a problem of a value is shown. The line of a sensitive value is
// not.
func (v *variable) shown(rng hcl.Range) hcl.Range {
	if v.sensitive {
		return v.decl
	}
	return rng
}

// conceal removes what HCL says about the value of a sensitive variable.
func (v *variable) conceal(diags hcl.Diagnostics) {
	for _, d := range diags {
		if v.sensitive {
			d.Subject, d.Context = &v.decl, nil
			d.Detail = fmt.Sprintf("The value of variable %q cannot be read. The reason is not shown, because it could contain "+
				"the value, which is sensitive.", v.name)
		}
	}
}
