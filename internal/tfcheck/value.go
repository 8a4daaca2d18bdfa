// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package tfcheck

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// place is where a value belongs, for messages: an attribute of a resource, and the
// path below it.
type place struct{ what, path string }

// reached is a local at a place. It is followed there once: locals may go in circles,
// or name others twice, and those others again.
type reached struct {
	local string
	at    place
}

func (p place) below(name string) place {
	p.path += name
	return p
}

// passing are functions whose result has the names of what is passed to them.
var passing = []string{
	"merge", "try", "coalesce", "coalescelist", "concat", "tolist", "toset", "tomap", "sensitive", "nonsensitive",
}

// value checks the names in a value of a type. Where a value is chosen, combined or
// repeated, each part of it is checked.
func (m *module) value(expr hcl.Expression, ty cty.Type, at place) {
	switch e := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		m.value(e.Expression, ty, at)
		return
	case *hclsyntax.TemplateWrapExpr:
		m.value(e.Wrapped, ty, at)
		return
	case *hclsyntax.ConditionalExpr:
		m.value(e.TrueResult, ty, at)
		m.value(e.FalseResult, ty, at)
		return
	case *hclsyntax.ForExpr:
		if element, ok := elementOf(ty); ok {
			m.value(e.ValExpr, element, at.below("[…]"))
		}
		return
	case *hclsyntax.FunctionCallExpr:
		if slices.Contains(passing, e.Name) {
			for _, argument := range e.Args {
				m.value(argument, ty, at)
			}
		}
		return
	case *hclsyntax.ScopeTraversalExpr:
		m.reference(e.Traversal, ty, at)
		return
	}
	switch {
	case ty.IsObjectType(), ty.IsMapType():
		if pairs, diags := hcl.ExprMap(expr); !diags.HasErrors() {
			m.members(pairs, ty, at)
		}
	case ty.IsListType(), ty.IsSetType():
		if elements, diags := hcl.ExprList(expr); !diags.HasErrors() {
			for i, element := range elements {
				m.value(element, ty.ElementType(), at.below(fmt.Sprintf("[%d]", i)))
			}
		}
	}
}

func elementOf(ty cty.Type) (cty.Type, bool) {
	if ty.IsCollectionType() {
		return ty.ElementType(), true
	}
	return cty.NilType, false
}

func (m *module) members(pairs []hcl.KeyValuePair, ty cty.Type, at place) {
	for _, pair := range pairs {
		name, ok := nameOf(pair.Key)
		switch {
		case !ok && ty.IsObjectType():
		case ty.IsMapType():
			m.value(pair.Value, ty.ElementType(), at.below(fmt.Sprintf("[%q]", name)))
		case ty.HasAttribute(name):
			m.value(pair.Value, ty.AttributeType(name), at.below("."+name))
		case name != "//":
			m.drop(pair.Key.Range(), name, ty, at)
		}
	}
}

// drop reports a name that Terraform would drop.
func (m *module) drop(rng hcl.Range, name string, ty cty.Type, at place) {
	m.report(rng, "%s of %s has no attribute %q.%s Terraform drops it without a message, so it would have no effect.",
		at.path, at.what, name, suggestion(name, namesOf(ty)))
}

// nameOf is a key that is written out.
func nameOf(key hcl.Expression) (string, bool) {
	v, diags := key.Value(nil)
	if diags.HasErrors() || v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
		return "", false
	}
	return v.AsString(), true
}

// reference follows a local to its value, and a variable to its type.
func (m *module) reference(to hcl.Traversal, ty cty.Type, at place) {
	const parts = 2
	if len(to) != parts {
		return
	}
	attribute, ok := to[1].(hcl.TraverseAttr)
	if !ok {
		return
	}
	name := attribute.Name
	switch to.RootName() {
	case "local":
		if expr := m.locals[name]; expr != nil && !m.followed[reached{name, at}] {
			m.followed[reached{name, at}] = true
			m.value(expr, ty, at)
		}
	case "var":
		if expr := m.variables[name]; expr != nil {
			declared, _, diags := typeexpr.TypeConstraintWithDefaults(expr)
			if !diags.HasErrors() {
				m.declared(expr.Range(), declared, ty, at)
			}
		}
	}
}

// declared checks the type of a variable that a value is set to.
func (m *module) declared(rng hcl.Range, given, ty cty.Type, at place) {
	switch {
	case given.IsObjectType() && ty.IsObjectType():
		for _, name := range namesOf(given) {
			if !ty.HasAttribute(name) {
				m.drop(rng, name, ty, at)
				continue
			}
			m.declared(rng, given.AttributeType(name), ty.AttributeType(name), at.below("."+name))
		}
	case given.IsCollectionType() && ty.IsCollectionType():
		m.declared(rng, given.ElementType(), ty.ElementType(), at.below("[…]"))
	}
}
