// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job

import (
	"math"
	"math/big"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// This file applies the table's rules about single attributes: required, bounds,
// choices and formats. They cover new rows without further code.

func (d *decoder) object(attrs []jobschema.Attribute, v cty.Value, path cty.Path) {
	for _, a := range attrs {
		d.attribute(a, v.GetAttr(a.Name), child(path, cty.GetAttrStep{Name: a.Name}))
	}
}

func child(path cty.Path, step cty.PathStep) cty.Path {
	return append(append(cty.Path{}, path...), step)
}

func (d *decoder) attribute(a jobschema.Attribute, v cty.Value, path cty.Path) {
	if !v.IsKnown() {
		return
	}
	if v.IsNull() {
		if a.Required {
			d.report(diag.CodeMissingAttr, path, "%q is required. %s", a.Name, firstSentence(a.Doc))
		}
		return
	}
	if a.Moved != "" {
		d.report(diag.CodeMoved, path, "%q is now %q. Set that instead: %s.", a.Name, a.Moved, nested(a.Moved))
		return
	}
	switch a.Kind {
	case jobschema.Object:
		d.object(a.Attributes, v, path)
	case jobschema.Int:
		d.integer(a, v, path)
	case jobschema.String:
		d.text(a, v.AsString(), path)
	case jobschema.Dynamic:
		d.kubernetes(a, v, path)
	case jobschema.StringList, jobschema.IntList, jobschema.ObjectList, jobschema.StringMap, jobschema.ObjectMap:
		d.members(a, v, path)
	}
}

// nested writes a path of two names as an object.
func nested(path string) string {
	outer, inner, _ := strings.Cut(path, ".")
	return outer + " = { " + inner + " = … }"
}

func firstSentence(doc string) string {
	first, _, more := strings.Cut(doc, ". ")
	if more {
		return first + "."
	}
	return doc
}

func (d *decoder) members(a jobschema.Attribute, v cty.Value, path cty.Path) {
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		at := child(path, cty.IndexStep{Key: k})
		if k.Type() == cty.String {
			d.mapKey(a, k.AsString(), at)
		}
		switch {
		case !e.IsKnown():
		case e.IsNull():
			d.report(diag.CodeNullElement, at, "An element of %q is null. Remove it, or give it a value.", a.Name)
		case a.Kind == jobschema.ObjectList, a.Kind == jobschema.ObjectMap:
			d.object(a.Attributes, e, at)
		case a.Kind == jobschema.IntList:
			d.integer(a, e, at)
		case a.Kind == jobschema.StringMap:
			d.mapValue(a, k.AsString(), e.AsString(), at)
		default:
			d.text(a, e.AsString(), at)
		}
	}
}

func (d *decoder) integer(a jobschema.Attribute, v cty.Value, path cty.Path) {
	f := v.AsBigFloat()
	i, exact := f.Int64()
	if !f.IsInt() {
		d.report(diag.CodeWholeNumber, path, "%q is %s; it must be a whole number.", a.Name, f.Text('g', 20))
		return
	}
	if exact != big.Exact {
		d.report(diag.CodeWholeNumber, path, "%q is %s, which does not fit in 64 bits. Use a whole number from %d to %d.",
			a.Name, f.Text('g', 20), int64(math.MinInt64), int64(math.MaxInt64))
		return
	}
	if b := a.Bounds; b != nil && (i < b.Min || i > b.Max) {
		if b.Max == math.MaxInt64 {
			d.report(diag.CodeOutOfRange, path, "%q is %d; it must be at least %d.", a.Name, i, b.Min)
			return
		}
		d.report(diag.CodeOutOfRange, path, "%q is %d; it must be from %d to %d.", a.Name, i, b.Min, b.Max)
	}
}

// Check checks one attribute that a face has besides those of the table, by a row of
// its own.
func Check(a jobschema.Attribute, v cty.Value) hcl.Diagnostics {
	d := &decoder{}
	d.attribute(a, v, cty.GetAttrPath(a.Name))
	return d.diags
}
