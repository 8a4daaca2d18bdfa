// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/late"
)

// evaluator implements jobschema.Evaluator in one scope.
type evaluator struct{ scope *scope }

// Value evaluates an expression whose value is known before a pod exists.
func (e evaluator) Value(expr hcl.Expression, lateAttribute bool) (cty.Value, hcl.Diagnostics) {
	return e.scope.evaluate(expr, lateAttribute)
}

// Text evaluates one element of an attribute that takes references to the
// partition.
func (e evaluator) Text(expr hcl.Expression) (cty.Value, hcl.Diagnostics) {
	if template, ok := jsonTemplate(expr); ok {
		expr = template
	}
	if !hasLate(expr) {
		v, diags := e.Value(expr, true)
		if diags.HasErrors() {
			return cty.UnknownVal(cty.String), diags
		}
		return escape(v), nil
	}
	text, known, diags := e.lateText(expr)
	if diags.HasErrors() || !known {
		return cty.UnknownVal(cty.String), diags
	}
	return cty.StringVal(text.Encode()), nil
}

// jsonTemplate returns the template inside a JSON string. HCL does not expose the
// parts of such a template.
func jsonTemplate(expr hcl.Expression) (hcl.Expression, bool) {
	if _, native := expr.(hclsyntax.Expression); native {
		return nil, false
	}
	v, diags := expr.Value(nil)
	if diags.HasErrors() || v.Type() != cty.String || !v.IsKnown() || v.IsNull() {
		return nil, false
	}
	start := expr.Range().Start
	start.Byte, start.Column = start.Byte+1, start.Column+1
	template, diags := hclsyntax.ParseTemplate([]byte(v.AsString()), expr.Range().Filename, start)
	if diags.HasErrors() {
		return nil, false // evaluating the string itself reports it
	}
	return template, true
}

// escape encodes an ordinary value as literal text. It returns other types
// unchanged; the decoder converts or rejects them.
func escape(v cty.Value) cty.Value {
	if v.IsMarked() || !v.IsKnown() || v.IsNull() {
		return v
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil || !s.IsKnown() {
		return v
	}
	return cty.StringVal(late.Escape(s.AsString()))
}

// lateText parses a bare reference or a template. known is false if a part other
// than the references is unknown.
func (e evaluator) lateText(expr hcl.Expression) (text late.Text, known bool, diags hcl.Diagnostics) {
	switch x := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		return e.lateText(x.Expression)
	case *hclsyntax.TemplateWrapExpr:
		return e.lateText(x.Wrapped)
	case *hclsyntax.ScopeTraversalExpr:
		ref, d := reference(x.Traversal)
		if d != nil {
			return nil, false, hcl.Diagnostics{d}
		}
		return late.Text{{Ref: ref}}, true, nil
	case *hclsyntax.TemplateExpr:
		return e.template(x)
	}
	return nil, false, hcl.Diagnostics{wrapped(firstLate(expr))}
}

func (e evaluator) template(x *hclsyntax.TemplateExpr) (text late.Text, known bool, diags hcl.Diagnostics) {
	known = true
	for _, part := range x.Parts {
		if hasLate(part) {
			more, ok, moreDiags := e.lateText(part)
			diags, known = append(diags, moreDiags...), known && ok
			text = text.Join(more...)
			continue
		}
		// HCL converts a template with a single part to text, with its
		// own message for other types.
		one := &hclsyntax.TemplateExpr{Parts: []hclsyntax.Expression{part}, SrcRange: part.Range()}
		v, moreDiags := e.Value(one, true)
		diags = append(diags, moreDiags...)
		switch {
		case moreDiags.HasErrors():
			known = false
		case v.IsMarked():
			known = false
			diags = append(diags, diag.InSource(diag.CodeSensitive, part.Range(),
				"This text would contain a sensitive value, visible to anyone who can read the Workflow. Put the value in a "+
					"Secret and refer to it with secret_env."))
		case !v.IsKnown():
			known = false
		default:
			text = text.Join(late.Part{Literal: v.AsString()})
		}
	}
	return text, known, diags
}

func hasLate(expr hcl.Expression) bool { return firstLate(expr) != nil }

func firstLate(expr hcl.Expression) hcl.Traversal {
	for _, t := range expr.Variables() {
		if late.IsRoot(t.RootName()) {
			return t
		}
	}
	return nil
}

// reference reads a traversal whose root is known only inside the pod.
func reference(t hcl.Traversal) (string, *hcl.Diagnostic) {
	ref := t.RootName()
	for _, step := range t[1:] {
		attr, ok := step.(hcl.TraverseAttr)
		if !ok {
			return "", malformed(t, "It has no index.")
		}
		ref += "." + attr.Name
	}
	switch root := t.RootName(); {
	case root == "attempt" && len(t) > 1:
		return "", malformed(t, "attempt is a number without properties: write ${attempt}.")
	case root == "attempt":
		return ref, nil
	case len(t) == 1:
		return "", malformed(t, fmt.Sprintf("%s has no value of its own: write ${%s.%s}.", root, root,
			map[string]string{"partition": "key"}[root]+map[string]string{"job": "name", "run": "name"}[root]))
	}
	return ref, nil
}

func malformed(t hcl.Traversal, why string) *hcl.Diagnostic {
	return diag.InSource(diag.CodeLateMalformed, t.SourceRange(), "This is not a valid pod reference. "+why)
}

// written is the source form of a traversal, up to the first index.
func written(t hcl.Traversal) string {
	s := t.RootName()
	for _, step := range t[1:] {
		if attr, ok := step.(hcl.TraverseAttr); ok {
			s += "." + attr.Name
		}
	}
	return s
}

func wrapped(t hcl.Traversal) *hcl.Diagnostic {
	ref := written(t)
	return diag.InSource(diag.CodeLateWrapped, t.SourceRange(), fmt.Sprintf(
		"%s is known only inside the pod, but this expression is evaluated before the pod exists. Use it alone or in a "+
			"string, as in \"--from=${%s}\", as a literal element of the list or value of the map, and compute the rest in "+
			"the runner.", ref, ref))
}

func lateMisplaced(t hcl.Traversal, lateAttribute bool) *hcl.Diagnostic {
	if lateAttribute {
		return wrapped(t)
	}
	return diag.InSource(diag.CodeLateNotAllowed, t.SourceRange(), fmt.Sprintf(
		"%s is known only inside the pod, but this value is needed before the pod exists. Such references are allowed "+
			"only in command, args and env.", written(t)))
}
