// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/late"
)

// root resolves the first name of a reference, such as var.
type root interface {
	// get returns the value of that name below the root, or false if there is
	// none. A value that cannot be evaluated is unknown.
	get(name string) (cty.Value, bool)
	// names lists the valid names, for suggestions.
	names() []string
	// missing is the message for an unknown name.
	missing(name string) (code, detail string)
}

type variableRoot map[string]*variable

func (r variableRoot) get(name string) (cty.Value, bool) {
	v, ok := r[name]
	if !ok {
		return cty.DynamicVal, false
	}
	return v.value, true
}

func (r variableRoot) names() []string { return slices.Sorted(maps.Keys(r)) }

func (r variableRoot) missing(name string) (code, detail string) {
	return diag.CodeUnknownVar, fmt.Sprintf("There is no variable %q.%s Correct the name, or declare it with variable "+
		"%q { }.", name, diag.DidYouMean(name, r.names()), name)
}

// eachRoot is each.key and each.value of one instance of a job.
type eachRoot struct{ key, value cty.Value }

func (r eachRoot) get(name string) (cty.Value, bool) {
	switch name {
	case "key":
		return r.key, true
	case "value":
		return r.value, true
	}
	return cty.DynamicVal, false
}

func (r eachRoot) names() []string { return []string{"key", "value"} }

func (r eachRoot) missing(name string) (code, detail string) {
	return diag.CodeUnknownRef, fmt.Sprintf("There is no each.%s. Use each.key or each.value.", name)
}

// scope resolves references and calls.
type scope struct {
	roots  map[string]root
	budget *budget
}

// with returns the scope with an additional root.
func (s *scope) with(name string, r root) *scope {
	roots := maps.Clone(s.roots)
	roots[name] = r
	return &scope{roots: roots, budget: s.budget}
}

// evaluate computes an expression that may not refer to the pod.
func (s *scope) evaluate(expr hcl.Expression, lateAttribute bool) (cty.Value, hcl.Diagnostics) {
	ctx, diags := s.context(expr, lateAttribute)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	v, diags := s.budget.evaluate(expr, ctx)
	return v, restate(diags, diag.CodeExpression)
}

// context builds the evaluation context with only the names that the expression
// uses, after checking them.
func (s *scope) context(expr hcl.Expression, lateAttribute bool) (*hcl.EvalContext, hcl.Diagnostics) {
	var diags hcl.Diagnostics
	found := map[string]map[string]cty.Value{}
	for _, t := range expr.Variables() {
		name := t.RootName()
		if late.IsRoot(name) {
			diags = append(diags, lateMisplaced(t, lateAttribute))
			continue
		}
		r, ok := s.roots[name]
		if !ok {
			diags = append(diags, s.unknownRoot(t))
			continue
		}
		key, d := attributeOf(t)
		if d != nil {
			diags = append(diags, d)
			continue
		}
		v, ok := r.get(key)
		if !ok {
			code, detail := r.missing(key)
			diags = append(diags, diag.InSource(code, t.SourceRange(), detail))
			continue
		}
		if found[name] == nil {
			found[name] = map[string]cty.Value{}
		}
		found[name][key] = v
	}
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{}, Functions: s.budget.functions}
	for name, values := range found {
		ctx.Variables[name] = cty.ObjectVal(values)
	}
	return ctx, diags
}

// attributeOf returns the name after the root: `a` of var.a or var["a"].
func attributeOf(t hcl.Traversal) (string, *hcl.Diagnostic) {
	if len(t) > 1 {
		switch step := t[1].(type) {
		case hcl.TraverseAttr:
			return step.Name, nil
		case hcl.TraverseIndex:
			if step.Key.Type() == cty.String {
				return step.Key.AsString(), nil
			}
		}
	}
	return "", diag.InSource(diag.CodeUnknownRef, t.SourceRange(), fmt.Sprintf(
		"%q has no value of its own. Write %s.<name>.", t.RootName(), t.RootName()))
}

func (s *scope) unknownRoot(t hcl.Traversal) *hcl.Diagnostic {
	name := t.RootName()
	known := slices.Sorted(maps.Keys(s.roots))
	known = append(known, late.Roots...)
	slices.Sort(known)
	advice := diag.DidYouMean(name, known)
	if name == "each" {
		advice = " It exists only in a job with for_each."
	}
	for _, r := range []string{"var", "local"} {
		if slices.Contains(s.roots[r].names(), name) {
			advice = fmt.Sprintf(" Did you mean %q?", r+"."+name)
		}
	}
	if advice == "" && len(t) == 1 {
		advice = fmt.Sprintf(" If this is text, put it in quotes: %q.", name)
	}
	if advice == "" {
		advice = " References start with " + diag.List(known, true) + "."
	}
	return diag.InSource(diag.CodeUnknownRef, t.SourceRange(), fmt.Sprintf("The name %q is unknown.%s", name, advice))
}
