// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// Evaluator gives expressions their values.
type Evaluator interface {
	// Value evaluates an expression whose value must be known before a pod
	// exists. late means that the attribute takes references to the partition,
	// but not at this place.
	Value(expr hcl.Expression, late bool) (cty.Value, hcl.Diagnostics)
	// Text evaluates one element of an attribute that takes references to the
	// partition. The result is a string in the encoding of package late.
	Text(expr hcl.Expression) (cty.Value, hcl.Diagnostics)
}

// Header is the part of a job block before its braces. Without a label, the rows
// that it sets are null.
type Header struct {
	Label      string
	LabelRange hcl.Range
	DefRange   hcl.Range
}

// Decode reads the body of a block according to the table. The value has type
// Type(attrs). Attributes that were not set are null; those that were wrong are
// unknown, and the rest can still be checked. Package job reports missing
// attributes, because it also checks bodies that are not HCL.
func Decode(body hcl.Body, header Header, attrs []Attribute, ev Evaluator) (Decoded, hcl.Diagnostics) {
	d := decoder{ev: ev}
	origin := newOrigin(header.DefRange, header.DefRange)
	v := d.body(attrs, body, origin, &header)
	return Decoded{Value: v, Origin: origin}, d.diags
}

// Decoded is a value with the source ranges of its parts.
type Decoded struct {
	Value  cty.Value
	Origin *Origin
}

type decoder struct {
	ev    Evaluator
	diags hcl.Diagnostics
}

func (d *decoder) report(code string, subject hcl.Range, format string, args ...any) {
	d.diags = append(d.diags, diag.InSource(code, subject, fmt.Sprintf(format, args...)))
}

// entry is one attribute or nested block in the source.
type entry struct {
	name      string
	nameRange hcl.Range
	expr      hcl.Expression // nil for a block
	block     *hclsyntax.Block
}

func (d *decoder) body(attrs []Attribute, body hcl.Body, origin *Origin, header *Header) cty.Value {
	values := nulls(attrs)
	if header != nil {
		for _, a := range attrs {
			if a.Label && header.Label != "" {
				values[a.Name] = cty.StringVal(header.Label)
				origin.child(a.Name, header.LabelRange, header.LabelRange)
			}
		}
	}
	written := map[string]entry{}
	for _, e := range d.entries(body) {
		a, ok := d.lookup(attrs, e)
		if !ok {
			continue
		}
		if first, twice := written[e.name]; twice {
			d.reportTwice(first, e)
			continue
		}
		written[e.name] = e
		values[a.Name] = d.entry(a, e, origin)
	}
	return cty.ObjectVal(values)
}

func nulls(attrs []Attribute) map[string]cty.Value {
	values := make(map[string]cty.Value, len(attrs))
	for _, a := range attrs {
		values[a.Name] = cty.NullVal(a.Type())
	}
	return values
}

// entries lists the attributes and blocks of a body, in source order. JSON has no
// blocks, so every nested object is an attribute there.
func (d *decoder) entries(body hcl.Body) []entry {
	var out []entry
	if native, ok := body.(*hclsyntax.Body); ok {
		for _, a := range native.Attributes {
			out = append(out, entry{name: a.Name, nameRange: a.NameRange, expr: a.Expr})
		}
		for _, b := range native.Blocks {
			out = append(out, entry{name: b.Type, nameRange: b.TypeRange, block: b})
		}
	} else {
		attributes, diags := body.JustAttributes()
		d.diags = append(d.diags, diags...)
		for _, a := range attributes {
			out = append(out, entry{name: a.Name, nameRange: a.NameRange, expr: a.Expr})
		}
	}
	slices.SortFunc(out, func(a, b entry) int { return a.nameRange.Start.Byte - b.nameRange.Start.Byte })
	return out
}

func (d *decoder) lookup(attrs []Attribute, e entry) (Attribute, bool) {
	a, ok := Find(attrs, e.name)
	if ok && !a.Label {
		return a, true
	}
	switch {
	case ok:
		d.report(diag.CodeUnknownAttr, e.nameRange, "In a job file, the label of the block sets %q: write job \"orders\" "+
			"{ … } and remove this line.", e.name)
	case e.block != nil:
		d.report(diag.CodeUnknownBlock, e.nameRange, "There is no block %q here.%s", e.name, suggestion(e.name, attrs))
	default:
		d.report(diag.CodeUnknownAttr, e.nameRange, "There is no attribute %q here.%s", e.name, suggestion(e.name, attrs))
	}
	return Attribute{}, false
}

func suggestion(name string, attrs []Attribute) string {
	known := names(attrs)
	if s := diag.DidYouMean(name, known); s != "" {
		return s
	}
	return " Valid names are " + diag.List(known, true) + "."
}

func (d *decoder) reportTwice(first, second entry) {
	where := fmt.Sprintf("%s:%d", first.nameRange.Filename, first.nameRange.Start.Line)
	if (first.block == nil) != (second.block == nil) {
		d.report(diag.CodeBothForms, second.nameRange, "%q is set twice, as a block and as an attribute; the first is at "+
			"%s. Remove one of the two.", second.name, where)
		return
	}
	d.report(diag.CodeRepeatedBlock, second.nameRange, "%q is already set at %s. Merge the two.", second.name, where)
}

func (d *decoder) entry(a Attribute, e entry, parent *Origin) cty.Value {
	if e.block == nil {
		origin := parent.child(a.Name, e.expr.Range(), e.nameRange)
		return d.expression(a, e.expr, origin)
	}
	b := e.block
	origin := parent.child(a.Name, b.DefRange(), b.DefRange())
	if a.Kind != Object {
		d.report(diag.CodeNotABlock, b.DefRange(), "%q is %s, not a block. Write it with an equals sign: %s.", a.Name,
			describe(a), sketch(a))
		return cty.UnknownVal(a.Type())
	}
	if len(b.Labels) > 0 {
		d.report(diag.CodeLabels, b.LabelRanges[0], "The block %q takes no label. Remove it.", a.Name)
	}
	return d.body(a.Attributes, b.Body, origin, nil)
}

// expression reads an attribute. It decodes literal objects, lists and maps
// element by element, to keep the source range of each element.
func (d *decoder) expression(a Attribute, expr hcl.Expression, origin *Origin) cty.Value {
	switch a.Kind {
	case Object:
		if pairs, diags := hcl.ExprMap(expr); !diags.HasErrors() {
			return d.objectLiteral(a.Attributes, pairs, origin)
		}
	case ObjectMap, StringMap:
		if pairs, diags := hcl.ExprMap(expr); !diags.HasErrors() {
			return d.mapLiteral(a, pairs, origin)
		}
	case ObjectList, StringList, IntList:
		if items, diags := hcl.ExprList(expr); !diags.HasErrors() {
			return d.listLiteral(a, items, origin)
		}
	}
	before := len(d.diags)
	v, ok := d.evaluate(expr, a.Late)
	if !ok {
		for _, problem := range d.diags[before:] {
			if a.Instead != "" && diag.CodeOf(problem) == diag.CodeLateNotAllowed {
				problem.Detail += " " + a.Instead
			}
		}
		return cty.UnknownVal(a.Type())
	}
	return d.convert(a, v, expr.Range())
}

func (d *decoder) evaluate(expr hcl.Expression, late bool) (cty.Value, bool) {
	v, diags := d.ev.Value(expr, late)
	d.diags = append(d.diags, diags...)
	return v, !diags.HasErrors()
}

func (d *decoder) objectLiteral(attrs []Attribute, pairs []hcl.KeyValuePair, origin *Origin) cty.Value {
	values := nulls(attrs)
	written := map[string]entry{}
	for _, p := range pairs {
		key, ok := d.key(p.Key)
		if !ok {
			continue
		}
		e := entry{name: key, nameRange: p.Key.Range(), expr: p.Value}
		a, ok := Find(attrs, key)
		if !ok {
			d.report(diag.CodeUnknownAttr, e.nameRange, "There is no attribute %q here.%s", key, suggestion(key, attrs))
			continue
		}
		if first, twice := written[key]; twice {
			d.reportTwice(first, e)
			continue
		}
		written[key] = e
		values[key] = d.entry(a, e, origin)
	}
	return cty.ObjectVal(values)
}

func (d *decoder) mapLiteral(a Attribute, pairs []hcl.KeyValuePair, origin *Origin) cty.Value {
	element := a.Element()
	values := make(map[string]cty.Value, len(pairs))
	written := map[string]entry{}
	for _, p := range pairs {
		key, ok := d.key(p.Key)
		if !ok {
			continue
		}
		e := entry{name: key, nameRange: p.Key.Range(), expr: p.Value}
		if first, twice := written[key]; twice {
			d.reportTwice(first, e)
			continue
		}
		written[key] = e
		values[key] = d.element(element, p.Value, origin.child(key, p.Value.Range(), p.Key.Range()))
	}
	if len(values) == 0 {
		return cty.MapValEmpty(element.Type())
	}
	return cty.MapVal(values)
}

func (d *decoder) listLiteral(a Attribute, items []hcl.Expression, origin *Origin) cty.Value {
	element := a.Element()
	if len(items) == 0 {
		return cty.ListValEmpty(element.Type())
	}
	values := make([]cty.Value, len(items))
	for i, item := range items {
		values[i] = d.element(element, item, origin.child(i, item.Range(), item.Range()))
	}
	return cty.ListVal(values)
}

// element reads one member of a list or map.
func (d *decoder) element(a Attribute, expr hcl.Expression, origin *Origin) cty.Value {
	if !a.Late {
		return d.expression(a, expr, origin)
	}
	v, diags := d.ev.Text(expr)
	d.diags = append(d.diags, diags...)
	if diags.HasErrors() {
		return cty.UnknownVal(cty.String)
	}
	return d.convertPlain(a, v, expr.Range())
}

// key reads the key of an object or map literal.
func (d *decoder) key(expr hcl.Expression) (string, bool) {
	v, ok := d.evaluate(expr, false)
	if !ok {
		return "", false
	}
	v = d.convertPlain(Attribute{Name: "key", Kind: String}, v, expr.Range())
	if !v.IsKnown() {
		if len(d.diags) == 0 || !d.diags.HasErrors() {
			d.report(diag.CodeExpression, expr.Range(), "The key of a map element must be known before the plan. Use a "+
				"literal key.")
		}
		return "", false
	}
	if v.IsNull() {
		d.report(diag.CodeExpression, expr.Range(), "The key of a map element is null. Use a literal key.")
		return "", false
	}
	return v.AsString(), true
}
