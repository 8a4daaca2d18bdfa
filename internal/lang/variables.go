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
)

// variable is one declared variable and, after evaluateVariables, its value.
type variable struct {
	name     string
	decl     hcl.Range // the block's header
	ty       cty.Type
	defaults *typeexpr.Defaults
	fallback cty.Value // cty.NilVal when there is no default
	value    cty.Value
	broken   bool // its declaration has errors
}

var variableSchema = []string{"type", "default", "description"}

func (l *loader) declare(b *hcl.Block) {
	name := b.Labels[0]
	v := &variable{name: name, decl: b.DefRange, ty: cty.DynamicPseudoType}
	if !hclsyntax.ValidIdentifier(name) {
		l.report(diag.CodeVarDecl, b.LabelRanges[0], "%q cannot be the name of a variable. Use letters, digits, underscores and dashes, and start with a letter.", name)
		return
	}
	if first, twice := l.variables[name]; twice {
		l.report(diag.CodeDuplicateVar, b.LabelRanges[0], "The variable %q is already declared at %s:%d. Remove one of the two.", name, first.decl.Filename, first.decl.Start.Line)
		return
	}
	l.variables[name] = v
	l.order = append(l.order, v)
	before := len(l.diags)
	l.declaration(v, b.Body)
	v.broken = l.diags[before:].HasErrors()
}

func (l *loader) declaration(v *variable, body hcl.Body) {
	if native, ok := body.(*hclsyntax.Body); ok {
		for _, b := range native.Blocks {
			l.report(diag.CodeUnknownBlock, b.TypeRange, "A variable has no block %q.%s", b.Type, orKnown(b.Type, variableSchema))
		}
		body = &hclsyntax.Body{Attributes: native.Attributes, SrcRange: native.SrcRange, EndRange: native.EndRange}
	}
	attributes, diags := body.JustAttributes()
	l.diags = append(l.diags, restate(diags, diag.CodeVarDecl)...)
	for _, a := range inSourceOrder(attributes) {
		if !contains(variableSchema, a.Name) {
			l.report(diag.CodeUnknownAttr, a.NameRange, "A variable has no attribute %q.%s", a.Name, orKnown(a.Name, variableSchema))
		}
	}
	if a := attributes["type"]; a != nil {
		ty, defaults, diags := typeexpr.TypeConstraintWithDefaults(a.Expr)
		l.diags = append(l.diags, restate(diags, diag.CodeVarDecl)...)
		if diags.HasErrors() {
			ty = cty.DynamicPseudoType
		}
		v.ty, v.defaults = ty, defaults
	}
	if a := attributes["description"]; a != nil {
		l.constant(a)
	}
	if a := attributes["default"]; a != nil {
		l.fallback(v, a)
	}
}

func inSourceOrder(attributes hcl.Attributes) []*hcl.Attribute {
	return slices.SortedFunc(maps.Values(attributes), func(a, b *hcl.Attribute) int {
		return a.NameRange.Start.Byte - b.NameRange.Start.Byte
	})
}

func (l *loader) fallback(v *variable, a *hcl.Attribute) {
	value, ok := l.constant(a)
	if !ok {
		return
	}
	converted, err := v.convert(value)
	if err == nil && hasHugeNumber(converted) {
		err = fmt.Errorf("a number has an exponent beyond %d", maxExponent)
	}
	if err != nil {
		l.report(diag.CodeVarDecl, a.Expr.Range(), "The default of variable %q is not of its type %s: %s. Correct the default or the type.", v.name, typeexpr.TypeString(v.ty), sentence(err))
		return
	}
	v.fallback = converted
}

// constant evaluates an expression of a declaration, which may refer to
// nothing.
func (l *loader) constant(a *hcl.Attribute) (cty.Value, bool) {
	for _, t := range a.Expr.Variables() {
		l.report(diag.CodeVarDecl, t.SourceRange(), "The %s of a variable may not refer to anything. Write a literal value.", a.Name)
		return cty.NilVal, false
	}
	value, diags := a.Expr.Value(nil)
	l.diags = append(l.diags, restate(diags, diag.CodeExpression)...)
	return value, !diags.HasErrors()
}

func (v *variable) convert(value cty.Value) (cty.Value, error) {
	if v.defaults != nil && value.IsKnown() && !value.IsNull() {
		value = v.defaults.Apply(value)
	}
	return convert.Convert(value, v.ty)
}

// checkInputs reports values for variables that are not declared.
func (l *loader) checkInputs(in Inputs) {
	var declared []string
	for _, v := range l.order {
		declared = append(declared, v.name)
	}
	given := slices.Collect(maps.Keys(in.Texts))
	given = slices.AppendSeq(given, maps.Keys(in.Values))
	slices.Sort(given)
	for _, name := range slices.Compact(given) {
		if l.variables[name] != nil {
			continue
		}
		l.diags = append(l.diags, diag.At(diag.CodeUnknownVar, nil, fmt.Sprintf(
			"A value was given for the variable %q, which no file declares.%s Correct the name, or declare it with variable %q { }.", name, diag.DidYouMean(name, declared), name)))
	}
}

// evaluateVariables gives every variable its value: of Texts, else of Values,
// else its default.
func (l *loader) evaluateVariables(in Inputs) {
	for _, v := range l.order {
		v.value = cty.UnknownVal(v.ty.WithoutOptionalAttributesDeep())
		if v.broken {
			continue
		}
		if text, ok := in.Texts[v.name]; ok {
			l.fromText(v, text)
			continue
		}
		if value, ok := in.Values[v.name]; ok {
			l.assign(v, value)
			continue
		}
		if v.fallback == cty.NilVal {
			l.report(diag.CodeNoValue, v.decl, "The variable %q has no value and no default. Pass one with -var %s=… (in Terraform: variables = { %s = … }), or give it a default.", v.name, v.name, v.name)
			continue
		}
		v.value = v.fallback
	}
}

func (l *loader) assign(v *variable, value cty.Value) {
	converted, err := v.convert(value)
	if err == nil && hasHugeNumber(converted) {
		err = fmt.Errorf("a number has an exponent beyond %d", maxExponent)
	}
	if err != nil {
		l.report(diag.CodeVarValue, v.decl, "The value given for variable %q is not of its type %s: %s. Pass a value of that type.", v.name, typeexpr.TypeString(v.ty), sentence(err))
		return
	}
	v.value = converted
}

// fromText converts a value as written on a command line: text for a string
// or a variable without a type, else converted to its primitive type or read
// as an HCL expression.
func (l *loader) fromText(v *variable, text string) {
	if v.ty.IsPrimitiveType() || v.ty == cty.DynamicPseudoType {
		l.assign(v, cty.StringVal(text))
		return
	}
	name := "<value of variable " + v.name + ">"
	src := Source{Name: name, Bytes: []byte(text)}
	l.module.Files[name] = &hcl.File{Bytes: src.Bytes}
	if d := guardNative(src); d != nil {
		l.diags = append(l.diags, d)
		return
	}
	expr, diags := hclsyntax.ParseExpression(src.Bytes, name, hcl.InitialPos)
	if !diags.HasErrors() {
		var value cty.Value
		value, diags = expr.Value(nil)
		if !diags.HasErrors() {
			l.assign(v, value)
			return
		}
	}
	l.diags = append(l.diags, restate(diags, diag.CodeVarValue)...)
}

// sentence turns a conversion error into the middle of a sentence.
func sentence(err error) string {
	return strings.TrimSuffix(err.Error(), ".")
}
