// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// Setting is one value of a job, with its source.
type Setting struct {
	// Path has the form of a reference, `runner.env["A"]`.
	Path string
	// Value is an expression, on one line.
	Value string
	// From is `file:line`, prefixed with "defaults" if the module's defaults
	// block sets the value, or "language" for a default of the language.
	From string
}

// Explain lists the effective settings of a job, in the order of the table: those
// that the job or the module's defaults set, and the defaults of the language for
// the rest. Maps are listed key by key, because keys of both may be mixed.
func (m *Module) Explain(b Body) []Setting {
	e := explainer{module: m, body: b}
	e.object(jobschema.Job(), b.Value, nil)
	return e.settings
}

type explainer struct {
	module   *Module
	body     Body
	settings []Setting
}

func (e *explainer) object(attrs []jobschema.Attribute, v cty.Value, path cty.Path) {
	for _, a := range attrs {
		at := append(append(cty.Path{}, path...), cty.GetAttrStep{Name: a.Name})
		value := cty.NullVal(a.Type())
		if v.IsKnown() && !v.IsNull() {
			value = v.GetAttr(a.Name)
		}
		e.attribute(a, value, at)
	}
}

func (e *explainer) attribute(a jobschema.Attribute, v cty.Value, path cty.Path) {
	null := v.IsKnown() && v.IsNull()
	switch {
	case null && a.Default != "":
		e.add(path, defaultText(a), "language")
	case null && a.Kind == jobschema.Object && path[0] != (cty.GetAttrStep{Name: "partition"}) && !a.Chosen && !demands(a):
		// An object that is not set has no settings if it has required attributes
		// or defaults of its own; otherwise the language's defaults apply.
		e.object(a.Attributes, v, path)
	case null:
	case a.Kind == jobschema.Object && v.IsKnown():
		e.object(a.Attributes, v, path)
	case (a.Kind == jobschema.StringMap || a.Kind == jobschema.ObjectMap) && v.IsKnown() && v.LengthInt() > 0:
		for it := v.ElementIterator(); it.Next(); {
			k, element := it.Element()
			at := append(append(cty.Path{}, path...), cty.IndexStep{Key: k})
			e.add(at, expression(a, element), e.from(at))
		}
	default:
		e.add(path, expression(a, v), e.from(path))
	}
}

// demands is true if an object has required attributes.
func demands(a jobschema.Attribute) bool {
	return slices.ContainsFunc(a.Attributes, func(row jobschema.Attribute) bool { return row.Required })
}

func (e *explainer) add(path cty.Path, value, from string) {
	e.settings = append(e.settings, Setting{Path: diag.FormatPath(path), Value: value, From: from})
}

func (e *explainer) from(path cty.Path) string {
	rng := e.body.Origin.Range(path)
	where := fmt.Sprintf("%s:%d", rng.Filename, rng.Start.Line)
	d := e.module.Defaults
	if d.Filename == rng.Filename && d.Start.Byte <= rng.Start.Byte && rng.Start.Byte < d.End.Byte {
		return "defaults " + where
	}
	return where
}

func defaultText(a jobschema.Attribute) string {
	if a.Kind == jobschema.String {
		return fmt.Sprintf("%q", a.Default)
	}
	return a.Default
}

// expression writes a value on one line, without nulls inside objects.
func expression(a jobschema.Attribute, v cty.Value) string {
	const longest = 100
	if !v.IsWhollyKnown() {
		return "(not known yet)"
	}
	lines := strings.Split(string(hclwrite.TokensForValue(jobschema.Plain(v)).Bytes()), "\n")
	for i, l := range lines {
		lines[i] = text.OneLine(l)
	}
	joined := strings.Join(lines, " ")
	if a.Late {
		// The value was already encoded, and is now escaped twice.
		joined = strings.ReplaceAll(joined, "$${", "${")
	}
	return text.Shorten(joined, longest)
}
