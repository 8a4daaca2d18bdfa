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

// written is a value of a var file with its range.
type writtenValue struct {
	value cty.Value
	name  hcl.Range
	at    hcl.Range
}

// evaluateVariables sets the value of every variable, in the precedence of Inputs.
func (l *loader) evaluateVariables(in Inputs) {
	files := l.readVarFiles(in.VarFiles)
	l.checkInputs(in, files)
	for _, v := range l.order {
		v.value = cty.UnknownVal(v.ty.WithoutOptionalAttributesDeep())
		if v.broken {
			continue
		}
		before := len(l.diags)
		l.evaluateVariable(v, in, files)
		v.broken = l.diags[before:].HasErrors()
		if v.sensitive {
			v.value = v.value.Mark(sensitiveMark{})
		}
	}
}

func (l *loader) evaluateVariable(v *variable, in Inputs, files map[string]writtenValue) {
	if text, ok := in.Texts[v.name]; ok {
		l.fromText(v, text)
		return
	}
	if w, ok := files[v.name]; ok {
		v.assigned = w.at
		l.assign(v, w.value)
		return
	}
	if value, ok := in.Values[v.name]; ok {
		l.assign(v, value)
		return
	}
	if text, ok := in.Environment[v.name]; ok {
		l.fromText(v, text)
		return
	}
	if v.fallback == cty.NilVal {
		l.report(diag.CodeNoValue, v.decl, "The variable %q has no value and no default. Pass one with -var %s=… (in "+
			"Terraform: variables = { %s = … }), or give it a default.", v.name, v.name, v.name)
		return
	}
	v.value = v.fallback
}

// checkInputs reports values for variables that are not declared.
func (l *loader) checkInputs(in Inputs, files map[string]writtenValue) {
	declared := variableRoot(l.variables).names()
	given := slices.Collect(maps.Keys(in.Texts))
	given = slices.AppendSeq(given, maps.Keys(in.Values))
	given = slices.AppendSeq(given, maps.Keys(files))
	slices.Sort(given)
	for _, name := range slices.Compact(given) {
		if l.variables[name] != nil {
			continue
		}
		d := diag.At(diag.CodeUnknownVar, nil, fmt.Sprintf(
			"There is a value for the variable %q, but no file declares it.%s Correct the name, or declare it with variable "+
				"%q { }.", name, diag.DidYouMean(name, declared), name))
		if w, ok := files[name]; ok {
			d.Subject = w.name.Ptr()
		}
		l.diags = append(l.diags, d)
	}
}

// readVarFiles reads files of literal values. The last file wins.
func (l *loader) readVarFiles(sources []Source) map[string]writtenValue {
	out := map[string]writtenValue{}
	for _, s := range sources {
		file, diags := parse(s)
		l.diags = append(l.diags, l.withoutTexts(diags)...)
		if file == nil {
			continue
		}
		if !l.scope.budget.secrets {
			// A line of it could show the value of a sensitive variable.
			l.module.Files[s.Name] = file
		}
		if diags.HasErrors() {
			continue
		}
		for _, a := range l.onlyAttributes(file.Body, "A file of variable values") {
			if t := a.Expr.Variables(); len(t) > 0 {
				l.report(diag.CodeVarValue, t[0].SourceRange(), "Values in this file must be literals, without references. "+
					"Write the value itself.")
				continue
			}
			value, diags := l.scope.budget.evaluate(a.Expr, nil)
			l.diags = append(l.diags, l.withoutTexts(restate(diags, diag.CodeVarValue))...)
			if !diags.HasErrors() {
				out[a.Name] = writtenValue{value: value, name: a.NameRange, at: a.Expr.Range()}
			}
		}
	}
	return out
}

// withoutTexts replaces what HCL says about a file that may contain the value of a
// sensitive variable.
func (l *loader) withoutTexts(diags hcl.Diagnostics) hcl.Diagnostics {
	for _, d := range diags {
		if l.scope.budget.secrets && diag.CodeOf(d) != diag.CodeTooLarge && diag.CodeOf(d) != diag.CodeEncoding {
			d.Detail = "The file cannot be read here. The reason is not shown, because the file may contain the value of a " +
				"sensitive variable."
		}
	}
	return diags
}

func (l *loader) assign(v *variable, value cty.Value) {
	converted, err := l.convert(v, value, v.assigned)
	if err != nil {
		l.report(diag.CodeVarValue, v.assigned, "The value of variable %q does not have its type %s: %s. Pass a value of "+
			"that type.", v.name, typeexpr.TypeString(v.ty), v.why(err))
		return
	}
	v.value = converted
}

// fromText converts a value from the command line: a text if the variable is a
// string or has no type, otherwise a value of its primitive type or an HCL
// expression.
func (l *loader) fromText(v *variable, text string) {
	if v.ty.IsPrimitiveType() || v.ty == cty.DynamicPseudoType {
		if invalidUTF8([]byte(text)) >= 0 {
			l.report(diag.CodeVarValue, v.decl, "The value of variable %q is not UTF-8. Pass a UTF-8 text.", v.name)
			return
		}
		l.assign(v, cty.StringVal(text))
		return
	}
	name := "<value of variable " + v.name + ">"
	src := Source{Name: name, Bytes: []byte(text)}
	if !v.sensitive {
		l.module.Files[name] = &hcl.File{Bytes: src.Bytes}
	}
	if d := guardNative(src); d != nil {
		l.diags = append(l.diags, d)
		return
	}
	before := len(l.diags)
	defer func() { v.conceal(l.diags[before:]) }()
	expr, diags := hclsyntax.ParseExpression(src.Bytes, name, hcl.InitialPos)
	if !diags.HasErrors() {
		var value cty.Value
		value, diags = l.scope.budget.evaluate(expr, nil)
		if !diags.HasErrors() {
			l.assign(v, value)
			return
		}
	}
	l.diags = append(l.diags, restate(diags, diag.CodeVarValue)...)
}

// validateVariables checks the validation blocks. They may refer to all variables
// and local values.
func (l *loader) validateVariables() {
	for _, v := range l.order {
		for _, rule := range v.validations {
			if !v.broken {
				l.validate(v, rule)
			}
		}
	}
}

func (l *loader) validate(v *variable, rule validation) {
	result, diags := l.scope.evaluate(rule.condition.Expr, false)
	l.diags = append(l.diags, diags...)
	if diags.HasErrors() {
		return
	}
	result, _ = result.Unmark()
	result, err := convert.Convert(result, cty.Bool)
	if err != nil || result.IsNull() {
		l.report(diag.CodeVarDecl, rule.condition.Expr.Range(), "The condition of a validation must be true or false. Use "+
			"a comparison.")
		return
	}
	if !result.IsKnown() || result.True() {
		return
	}
	message, diags := l.scope.evaluate(rule.message.Expr, false)
	l.diags = append(l.diags, diags...)
	text := "The value does not meet the condition of a validation."
	if s, err := convert.Convert(message, cty.String); err == nil && !s.IsMarked() && s.IsKnown() && !s.IsNull() {
		text = s.AsString()
	}
	l.report(diag.CodeValidation, v.assigned, "Variable %q: %s (The rule is at %s:%d.)", v.name,
		strings.TrimSpace(text), rule.condition.NameRange.Filename, rule.condition.NameRange.Start.Line)
}
