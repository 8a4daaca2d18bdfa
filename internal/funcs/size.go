// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package funcs

import "github.com/zclconf/go-cty/cty"

// Size is how large a value is when each of its parts is counted at every place
// where it is.
type Size struct {
	Elements int64 // values, including the value itself
	Text     int64 // bytes of all texts and keys
	Depth    int64 // of lists and objects within each other
	// Exponent is the greatest power of two, or of a half, among the numbers.
	Exponent int64
}

// Measure returns the size of a value. It stops soon after one of the limits is
// passed: a value of a few kilobytes can have more elements than can be counted.
func Measure(v cty.Value, limit Size) Size {
	m := measure{limit: limit}
	m.value(v, 1)
	return m.Size
}

type measure struct {
	Size
	limit Size
}

func (m *measure) full() bool {
	return m.Elements > m.limit.Elements || m.Text > m.limit.Text || m.Depth > m.limit.Depth
}

func (m *measure) value(v cty.Value, depth int64) {
	m.Elements++
	m.Depth = max(m.Depth, depth)
	if m.full() {
		return
	}
	if v.IsMarked() {
		v, _ = v.Unmark()
	}
	ty := v.Type()
	switch {
	case !v.IsKnown() || v.IsNull():
		m.ofType(ty, depth)
	case ty == cty.String:
		m.Text += int64(len(v.AsString()))
	case ty == cty.Number:
		exponent := int64(v.AsBigFloat().MantExp(nil))
		m.Exponent = max(m.Exponent, exponent, -exponent)
	case ty.IsPrimitiveType() || ty.IsCapsuleType():
	case ty.IsObjectType():
		for name := range ty.AttributeTypes() {
			m.Text += int64(len(name))
			if m.value(v.GetAttr(name), depth+1); m.full() {
				return
			}
		}
	default:
		m.elements(v, ty, depth)
	}
}

func (m *measure) elements(v cty.Value, ty cty.Type, depth int64) {
	if v.LengthInt() == 0 {
		m.ofType(ty, depth)
	}
	for it := v.ElementIterator(); it.Next() && !m.full(); {
		key, e := it.Element()
		if ty.IsMapType() {
			m.Text += int64(len(key.AsString()))
		}
		m.value(e, depth+1)
	}
}

// ofType measures a type: that of an unknown, null or empty value can be as large as
// a value.
func (m *measure) ofType(ty cty.Type, depth int64) {
	m.Depth = max(m.Depth, depth)
	if m.full() {
		return
	}
	switch {
	case ty.IsObjectType():
		for name, a := range ty.AttributeTypes() {
			m.Elements++
			m.Text += int64(len(name))
			if m.ofType(a, depth+1); m.full() {
				return
			}
		}
	case ty.IsTupleType():
		for _, e := range ty.TupleElementTypes() {
			m.Elements++
			if m.ofType(e, depth+1); m.full() {
				return
			}
		}
	case ty.IsCollectionType():
		m.Elements++
		m.ofType(ty.ElementType(), depth+1)
	}
}
