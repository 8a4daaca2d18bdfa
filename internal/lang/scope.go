// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/late"
)

// root is what one name at the start of a reference leads to, such as var.
type root interface {
	// get returns the value below the root; the diagnostics concern the
	// declaration, the bool tells whether there is one.
	get(name string) (cty.Value, bool)
	// names lists what there is, for suggestions.
	names() []string
}

type variableRoot map[string]*variable

func (r variableRoot) get(name string) (cty.Value, bool) {
	v, ok := r[name]
	if !ok {
		return cty.DynamicVal, false
	}
	return v.value, true
}

func (r variableRoot) names() []string {
	var out []string
	for n := range r {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// scope resolves references.
type scope struct {
	roots map[string]root
}

// context builds the evaluation context that holds exactly what the expression
// refers to, so that each expression sees only checked names.
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
			diags = append(diags, undeclared(t, key, r.names()))
			continue
		}
		if found[name] == nil {
			found[name] = map[string]cty.Value{}
		}
		found[name][key] = v
	}
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{}}
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
		"%q is no value by itself. Write %s.<name>.", t.RootName(), t.RootName()))
}

func undeclared(t hcl.Traversal, name string, known []string) *hcl.Diagnostic {
	return diag.InSource(diag.CodeUnknownVar, t.SourceRange(), fmt.Sprintf(
		"There is no variable %q.%s Correct the name, or declare it with variable %q { }.", name, diag.DidYouMean(name, known), name))
}

func (s *scope) unknownRoot(t hcl.Traversal) *hcl.Diagnostic {
	known := append([]string{}, late.Roots...)
	for r := range s.roots {
		known = append(known, r)
	}
	slices.Sort(known)
	advice := diag.DidYouMean(t.RootName(), known)
	if v, ok := s.roots["var"].get(t.RootName()); ok && v != cty.NilVal {
		advice = fmt.Sprintf(" Did you mean %q?", "var."+t.RootName())
	}
	if advice == "" && len(t) == 1 {
		advice = fmt.Sprintf(" If it is meant as text, put it in quotes: %q.", t.RootName())
	}
	if advice == "" {
		advice = " References begin with " + diag.List(known, true) + "."
	}
	return diag.InSource(diag.CodeUnknownRef, t.SourceRange(), fmt.Sprintf("There is nothing called %q here.%s", t.RootName(), advice))
}
