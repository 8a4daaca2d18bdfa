// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

import "github.com/zclconf/go-cty/cty"

// Outline is a value of the table's type with its unknown parts left out. It is
// false when one of them decides what runs, see Attribute.Cuts.
// See internal/decisions/0039-outlines-are-decided.md.
func Outline(v cty.Value) (known cty.Value, ok bool) {
	if !v.IsKnown() || v.IsNull() {
		return v, false
	}
	return outline(Job(), v)
}

func outline(rows []Attribute, v cty.Value) (cty.Value, bool) {
	parts := v.AsValueMap()
	for _, row := range rows {
		part := parts[row.Name]
		if part.IsWhollyKnown() {
			continue
		}
		if row.Kind == Object && part.IsKnown() {
			var ok bool
			if parts[row.Name], ok = outline(row.Attributes, part); !ok {
				return v, false
			}
			continue
		}
		if row.cuts() {
			return v, false
		}
		parts[row.Name] = cty.NullVal(row.Type())
	}
	return cty.ObjectVal(parts), true
}

// cuts tells whether the attribute or a part of it decides what runs.
func (a Attribute) cuts() bool {
	if a.Cuts || a.Class == Grid || a.Class == Replace {
		return true
	}
	for _, part := range a.Attributes {
		if part.cuts() {
			return true
		}
	}
	return false
}
