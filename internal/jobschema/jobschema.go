// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package jobschema is the table that describes the job language. Job returns
// it: one Attribute per row, with its type, default, bounds, documentation, edit
// class and whether it may refer to the partition.
//
// Everything that knows the attributes of a job derives from this table: the HCL
// decoder (Decode, in this package), the checks of single attributes (package
// job), the Terraform schema (package provider), the reference documentation
// (Reference) and the JSON Schema (JSONSchema). Adding a row adds the attribute
// to all of them, and no view lists attributes by hand.
//
// Decode returns a value of type Type(attrs), in which an attribute that was not
// set is null and one that was wrong is unknown, and an Origin, which maps paths
// of that value to source ranges. Merge fills such a value from the module's
// defaults.
//
// The package evaluates no expressions (package lang does, through Evaluator)
// and checks no rule that spans attributes (package job does).
package jobschema

import "github.com/zclconf/go-cty/cty"

// EditClass says what happens when an attribute of an applied job changes.
type EditClass string

// The edit classes.
const (
	Live      EditClass = "live"
	Next      EditClass = "next run"
	Grid      EditClass = "grid" // extends, shrinks or re-chunks, depending on the values
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

// Format is the syntax of a string, or of each string of a list or map.
type Format string

// The formats. Package job checks them.
const (
	FreeText           Format = ""              // any text without NUL
	Line               Format = "line"          // one line, at most 1,024 characters
	JobName            Format = "job name"      // DNS label of at most 40 characters
	DNSLabel           Format = "DNS label"     // RFC 1123 label, at most 63 characters
	DNSName            Format = "DNS name"      // RFC 1123 subdomain, at most 253 characters
	Image              Format = "image"         // container image reference
	Duration           Format = "duration"      // whole seconds, written as 30s, 10m or 1h30m
	Quantity           Format = "quantity"      // Kubernetes quantity
	Ratio              Format = "ratio"         // from 0 to 1, or per cent; whole millionths
	Quantities         Format = "quantities"    // map from resource name to quantity
	Labels             Format = "labels"        // map from label key to label value
	EnvNames           Format = "env names"     // map whose keys name environment variables
	DataKey            Format = "key"           // key of a Secret or ConfigMap
	AbsPath            Format = "absolute path" // without .. and colon
	RelPath            Format = "relative path" // without ..
	EnvName            Format = "env name"      // an environment variable's name, or its start
	NodeLabels         Format = "node labels"   // map from label key to label value, no key reserved
	Annotations        Format = "annotations"   // map from annotation key to any text
	KubernetesAffinity Format = "Affinity"      // a Dynamic that is a Kubernetes Affinity
	KubernetesPodSpec  Format = "PodSpec"       // a Dynamic that is a part of a Kubernetes PodSpec
	ArgoWorkflowSpec   Format = "WorkflowSpec"  // a Dynamic that is a part of a Workflow's spec
	ArgoTemplate       Format = "Template"      // a Dynamic that is a part of an Argo template
	PlainText          Format = "plain text"    // without {{, which Argo would evaluate
	Capability         Format = "capability"    // Linux capability without CAP_, or ALL
	LabelKey           Format = "label key"     // key of a Kubernetes label
	Clock              Format = "time of day"   // hours and minutes, 00:00 to 24:00
	LabelValue         Format = "label value"   // value of a Kubernetes label
)

// Bounds are the smallest and the largest value of an Int, both inclusive.
type Bounds struct{ Min, Max int64 }

// Attribute is one row of the table.
type Attribute struct {
	Name     string
	Kind     Kind
	Required bool
	// Default is the value used when the attribute is not set. Package job
	// applies it; "" means there is no default.
	Default string
	Doc     string
	// Enum lists the only values allowed, when not empty.
	Enum []string
	// Format is the syntax of strings.
	Format Format
	// Bounds limit an Int; nil allows every 64-bit integer.
	Bounds *Bounds
	Class  EditClass
	// Cuts is true if the attribute decides, as those of the classes Grid and Replace
	// do, which keys a run covers and how they are cut.
	Cuts bool
	// Late is true if references to the partition are allowed.
	Late bool
	// Instead is advice for a reference to the partition where none is allowed;
	// "" if there is no alternative.
	Instead string
	// Chosen is true if the nested defaults apply only when the object is set.
	// Without a canary block, for example, there is no canary.
	Chosen bool
	// Bare is true for an object that says something without any attribute.
	Bare bool
	// Once is true for a container that runs once per run. Late then allows
	// references to the job, the run and the attempt only.
	Once bool
	// Label is true if a job file gives the value as the label of the block. It
	// is an attribute in Terraform only.
	Label bool
	// Moved is the path of the attribute that has replaced this one. Package job
	// refuses a value, and the reference leaves the row out.
	Moved string
	// Attributes describes nested objects.
	Attributes []Attribute

	// element is true if the row describes a member of a list or map.
	element bool
	of      cty.Type // see typed
}

// Type is the cty type of the attributes: an object in which optional attributes
// are null if they are not set.
func Type(attrs []Attribute) cty.Type {
	types := make(map[string]cty.Type, len(attrs))
	for _, a := range attrs {
		types[a.Name] = a.Type()
	}
	return cty.Object(types)
}

// Type is the cty type of the attribute's value.
func (a Attribute) Type() cty.Type {
	if a.of != cty.NilType {
		return a.of
	}
	switch a.Kind {
	case Int:
		return cty.Number
	case Bool:
		return cty.Bool
	case StringList:
		return cty.List(cty.String)
	case StringMap:
		return cty.Map(cty.String)
	case IntList:
		return cty.List(cty.Number)
	case Object:
		return Type(a.Attributes)
	case ObjectList:
		return cty.List(Type(a.Attributes))
	case ObjectMap:
		return cty.Map(Type(a.Attributes))
	case Dynamic:
		return cty.DynamicPseudoType
	}
	return cty.String
}

// Element is the row that describes the members of a list or map.
func (a Attribute) Element() Attribute {
	e := Attribute{Name: a.Name, Late: a.Late, Bounds: a.Bounds, Class: a.Class, Attributes: a.Attributes, element: true}
	switch a.Kind {
	case IntList:
		e.Kind = Int
	case ObjectList, ObjectMap:
		e.Kind = Object
	default:
		e.Kind = String
	}
	return e
}

// Find returns the row with the name, or false.
func Find(attrs []Attribute, name string) (Attribute, bool) {
	for i := range attrs {
		if attrs[i].Name == name {
			return attrs[i], true
		}
	}
	return Attribute{}, false
}

// names lists the attributes that a job file may set.
func names(attrs []Attribute) []string {
	var out []string
	for _, a := range attrs {
		if !a.Label && a.Moved == "" {
			out = append(out, a.Name)
		}
	}
	return out
}
