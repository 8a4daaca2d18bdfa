// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package jobschema is the one table that describes the job language: every
// attribute with its type, default, bounds, documentation, edit class and
// whether it may refer to the partition.
//
// From the table come the HCL decoder (package lang), the Terraform schema
// (package provider), the reference documentation and the JSON Schema. The
// package checks no rule that spans attributes; package job does.
package jobschema

import "github.com/zclconf/go-cty/cty"

// EditClass says what changing an attribute of an applied job does.
type EditClass string

// The edit classes.
const (
	Live      EditClass = "live"
	Next      EditClass = "next"
	Grid      EditClass = "grid" // extends, shrinks or re-chunks: what it does follows from the values
	Reprocess EditClass = "reprocess"
	Note      EditClass = "note"
	Replace   EditClass = "replace"
)

// Kind is the shape of an attribute.
type Kind int

// The kinds of attribute.
const (
	String Kind = iota
	Int
	Bool
	StringList
	StringMap
	IntList
	Object     // one nested object, Attributes describe it
	ObjectList // list of nested objects
	ObjectMap  // map of nested objects
	Dynamic    // any value
)

// Attribute is one row of the table.
type Attribute struct {
	Name     string
	Kind     Kind
	Required bool
	// Default is the value used when the attribute is not set, as text for
	// the documentation and applied by package job; "" when there is none.
	Default string
	Doc     string
	// Enum lists the only values allowed, when not empty.
	Enum  []string
	Class EditClass
	// Late tells that references to the partition are allowed in it.
	Late bool
	// Attributes describes nested objects.
	Attributes []Attribute
}

// Job is the table: every attribute of a job body, in documentation order.
func Job() []Attribute { return nil }

// Type is the cty type implied by attributes: an object whose optional
// attributes are null when not set.
func Type(attrs []Attribute) cty.Type { return cty.EmptyObject }
