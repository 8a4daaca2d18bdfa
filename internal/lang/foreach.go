// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// maxInstances limits the number of jobs of one block.
const maxInstances = 1000

// instance is one job that a block declares.
type instance struct {
	name  string
	scope *scope
}

// splitForEach removes for_each from a job's body.
func splitForEach(body hcl.Body) (*hcl.Attribute, hcl.Body) {
	if native, ok := body.(*hclsyntax.Body); ok {
		a, ok := native.Attributes["for_each"]
		if !ok {
			return nil, body
		}
		rest := *native
		rest.Attributes = hclsyntax.Attributes{}
		for name, other := range native.Attributes {
			if name != "for_each" {
				rest.Attributes[name] = other
			}
		}
		return a.AsHCLAttribute(), &rest
	}
	content, rest, _ := body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "for_each"}}})
	return content.Attributes["for_each"], rest
}

// instances lists the jobs of a block, in the order of their keys. With for_each
// their names are <label>-<key>; without it there is one job.
func (l *loader) instances(label string, a *hcl.Attribute) []instance {
	if a == nil {
		return []instance{{label, l.scope}}
	}
	v, diags := l.scope.evaluate(a.Expr, false)
	l.diags = append(l.diags, diags...)
	if diags.HasErrors() {
		return nil
	}
	if problem := forEachProblem(v); problem != "" {
		l.report(diag.CodeForEach, a.Expr.Range(), "%s", problem)
		return nil
	}
	var out []instance
	for it := v.ElementIterator(); it.Next(); {
		key, value := it.Element()
		if v.Type().IsSetType() {
			key = value
		}
		out = append(out, instance{label + "-" + key.AsString(), l.scope.with("each", eachRoot{key, value})})
	}
	return out
}

func forEachProblem(v cty.Value) string {
	ty := v.Type()
	switch {
	case v.IsMarked():
		return "for_each is sensitive, but job names are visible to anyone. Use a value that is not sensitive."
	case v.IsNull():
		return "for_each is null. Use a map or a set of strings."
	case ty.IsTupleType(), ty.IsListType():
		return "for_each must be a map or a set of strings, not a list. Convert the list with toset([…])."
	case !v.IsKnown():
		return "for_each must be known during plan, because it determines the job names. Use a value that does not depend " +
			"on a resource that is not created yet."
	case ty.IsSetType() && ty.ElementType() != cty.String, !ty.IsSetType() && !ty.IsMapType() && !ty.IsObjectType():
		return "for_each must be a map or a set of strings."
	case v.LengthInt() > maxInstances:
		return "for_each has more than 1000 elements. Use one job with more partitions instead."
	}
	for it := v.ElementIterator(); ty.IsSetType() && it.Next(); {
		if _, e := it.Element(); !e.IsKnown() || e.IsNull() {
			return "An element of for_each is null or not known yet. Use texts that are known during plan."
		}
	}
	return ""
}
