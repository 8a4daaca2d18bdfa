// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// Origin remembers where each part of a decoded body was written. It
// implements diag.Origin.
type Origin struct {
	// self is the range of the value. head is the range to show if something
	// inside it is missing: the header of a block, or the name of an attribute.
	self, head hcl.Range
	children   map[any]*Origin
}

// Range returns where the value at the path was written, or the head of the
// nearest enclosing one that was.
func (o *Origin) Range(path cty.Path) hcl.Range {
	at := o
	for _, step := range path {
		next := at.children[stepKey(step)]
		if next == nil {
			return at.head
		}
		at = next
	}
	return at.self
}

// KeyRange returns where the key of the element at the path was written.
func (o *Origin) KeyRange(path cty.Path) hcl.Range {
	at := o
	for _, step := range path {
		next := at.children[stepKey(step)]
		if next == nil {
			break
		}
		at = next
	}
	return at.head
}

func newOrigin(self, head hcl.Range) *Origin {
	return &Origin{self: self, head: head, children: map[any]*Origin{}}
}

// child makes the origin of an attribute (string key), a map element (also a
// string) or a list element (int key); no value has two of these kinds.
func (o *Origin) child(key any, self, head hcl.Range) *Origin {
	c := newOrigin(self, head)
	o.children[key] = c
	return c
}

func stepKey(step cty.PathStep) any {
	switch s := step.(type) {
	case cty.GetAttrStep:
		return s.Name
	case cty.IndexStep:
		if !s.Key.IsKnown() || s.Key.IsNull() {
			return nil
		}
		switch s.Key.Type() {
		case cty.String:
			return s.Key.AsString()
		case cty.Number:
			i, _ := s.Key.AsBigFloat().Int64()
			return int(i)
		}
	}
	return nil
}
