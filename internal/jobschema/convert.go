// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/late"
)

// convert brings a computed value to the type of its row. The language's own
// conversion of objects is not used, because it silently drops attributes that
// the type lacks.
func (d *decoder) convert(a Attribute, v cty.Value, rng hcl.Range) cty.Value {
	want := a.Type()
	if v.ContainsMarked() {
		d.report(diag.CodeSensitive, rng, "%q would contain a sensitive value, visible to anyone who can read the "+
			"Workflow. Put the value in a Secret and refer to it with secret_env.", a.Name)
		return cty.UnknownVal(want)
	}
	if v.IsNull() {
		return cty.NullVal(want)
	}
	if v.Type() == cty.DynamicPseudoType {
		return cty.UnknownVal(want)
	}
	switch a.Kind {
	case Object:
		return d.convertObject(a, v, rng)
	case StringList, IntList, ObjectList:
		return d.convertList(a, v, rng)
	case StringMap, ObjectMap:
		return d.convertMap(a, v, rng)
	case Dynamic:
		return Plain(v)
	}
	return d.convertPlain(a, v, rng)
}

// Plain normalizes a value of any type: objects without nulls instead of maps,
// tuples instead of lists and sets. Values with equal content become equal, no
// matter how they were computed.
func Plain(v cty.Value) cty.Value {
	ty := v.Type()
	switch {
	case !v.IsKnown() || v.IsNull():
		return v
	case ty.IsObjectType(), ty.IsMapType():
		values := map[string]cty.Value{}
		for name, e := range v.AsValueMap() {
			if !e.IsKnown() || !e.IsNull() {
				values[name] = Plain(e)
			}
		}
		return cty.ObjectVal(values)
	case ty.IsListType(), ty.IsTupleType(), ty.IsSetType():
		values := []cty.Value{}
		for _, e := range v.AsValueSlice() {
			values = append(values, Plain(e))
		}
		return cty.TupleVal(values)
	}
	return v
}

// convertElement is convert for one member of a computed list or map; text of
// late attributes is literal there.
func (d *decoder) convertElement(a Attribute, v cty.Value, rng hcl.Range) cty.Value {
	v = d.convert(a, v, rng)
	if a.Late && v.IsKnown() && !v.IsNull() && v.Type() == cty.String {
		return cty.StringVal(late.Escape(v.AsString()))
	}
	return v
}

func (d *decoder) convertPlain(a Attribute, v cty.Value, rng hcl.Range) cty.Value {
	want := a.Type()
	if v.IsMarked() {
		return d.convert(a, v, rng) // reports the mark
	}
	out, err := convert.Convert(v, want)
	if err != nil {
		d.wrongType(a, v, rng)
		return cty.UnknownVal(want)
	}
	return out
}

func (d *decoder) wrongType(a Attribute, v cty.Value, rng hcl.Range) {
	subject := fmt.Sprintf("%q", a.Name)
	if a.element {
		subject = fmt.Sprintf("An element of %q", a.Name)
	}
	advice := ""
	if !a.element {
		advice = fmt.Sprintf(" For example: %s.", sketch(a))
	}
	d.report(diag.CodeWrongType, rng, "%s must be %s, not %s.%s", subject, describe(a), given(v), advice)
}

// given names the type of a value, for a message.
func given(v cty.Value) string {
	const longest = 80
	ty := v.Type()
	switch {
	case ty == cty.String && v.IsKnown() && !v.IsNull() && len(v.AsString()) <= longest:
		return fmt.Sprintf("the text %q", v.AsString())
	case ty == cty.String:
		return "a string"
	case ty == cty.Number:
		return "a number"
	case ty == cty.Bool:
		return "true or false"
	case ty.IsTupleType(), ty.IsListType(), ty.IsSetType():
		return "a list"
	case ty.IsObjectType(), ty.IsMapType():
		return "an object or map"
	}
	return ty.FriendlyName()
}

func (d *decoder) convertObject(a Attribute, v cty.Value, rng hcl.Range) cty.Value {
	ty := v.Type()
	if !ty.IsObjectType() && !ty.IsMapType() {
		d.wrongType(a, v, rng)
		return cty.UnknownVal(a.Type())
	}
	if !v.IsKnown() {
		return cty.UnknownVal(a.Type())
	}
	values := nulls(a.Attributes)
	for _, name := range sortedKeys(v) {
		row, ok := Find(a.Attributes, name)
		if !ok {
			d.report(diag.CodeUnknownAttr, rng, "The object for %q has an unknown attribute %q.%s", a.Name, name,
				suggestion(name, a.Attributes))
			continue
		}
		values[name] = d.convert(row, v.AsValueMap()[name], rng)
	}
	return cty.ObjectVal(values)
}

func sortedKeys(v cty.Value) []string {
	var keys []string
	for k := range v.AsValueMap() {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (d *decoder) convertList(a Attribute, v cty.Value, rng hcl.Range) cty.Value {
	ty := v.Type()
	if !ty.IsListType() && !ty.IsTupleType() && !ty.IsSetType() {
		d.wrongType(a, v, rng)
		return cty.UnknownVal(a.Type())
	}
	element := a.Element()
	if !v.IsKnown() {
		return cty.UnknownVal(a.Type())
	}
	var values []cty.Value
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		values = append(values, d.convertElement(element, e, rng))
	}
	if len(values) == 0 {
		return cty.ListValEmpty(element.Type())
	}
	return cty.ListVal(values)
}

func (d *decoder) convertMap(a Attribute, v cty.Value, rng hcl.Range) cty.Value {
	ty := v.Type()
	if !ty.IsObjectType() && !ty.IsMapType() {
		d.wrongType(a, v, rng)
		return cty.UnknownVal(a.Type())
	}
	element := a.Element()
	if !v.IsKnown() {
		return cty.UnknownVal(a.Type())
	}
	values := map[string]cty.Value{}
	given := v.AsValueMap()
	for _, k := range sortedKeys(v) {
		values[k] = d.convertElement(element, given[k], rng)
	}
	if len(values) == 0 {
		return cty.MapValEmpty(element.Type())
	}
	return cty.MapVal(values)
}

// describe names the type of a row, for a sentence.
func describe(a Attribute) string {
	switch a.Kind {
	case Int:
		return "a whole number"
	case Bool:
		return "true or false"
	case StringList:
		return "a list of strings"
	case StringMap:
		return "a map of strings"
	case IntList:
		return "a list of whole numbers"
	case Object:
		return "an object"
	case ObjectList:
		return "a list of objects"
	case ObjectMap:
		return "a map of objects"
	case Dynamic:
		return "any value"
	}
	return "a string"
}

// sketch is an example of the attribute.
func sketch(a Attribute) string {
	switch a.Kind {
	case Int:
		return a.Name + " = 10"
	case Bool:
		return a.Name + " = true"
	case StringList:
		return a.Name + ` = ["a", "b"]`
	case StringMap:
		return a.Name + ` = { NAME = "text" }`
	case IntList:
		return a.Name + " = [1, 2]"
	case Object:
		return a.Name + " = { … }"
	case ObjectList:
		return a.Name + " = [{ … }]"
	case ObjectMap:
		return a.Name + " = { NAME = { … } }"
	}
	return a.Name + ` = "text"`
}
