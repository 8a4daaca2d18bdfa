// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package lang reads job files: HCL to evaluated job bodies, with variables,
// locals, functions and references to the partition.
//
// It knows the job body only through the table of package jobschema, and
// checks no rule about jobs. It reads no file, environment or clock: the edges
// hand it bytes and values.
package lang

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// Source is one file of a module. A name that ends in .json is read as HCL's
// JSON form.
type Source struct {
	Name  string // as shown in diagnostics
	Bytes []byte
}

// Inputs are the values of a module's variables. Exactly what the edges found;
// this package reads no environment.
type Inputs struct {
	// Texts are values as written on a command line (name=value), converted
	// by the variable's type.
	Texts map[string]string
	// Values are typed values (a variables object of Terraform, or var files);
	// Texts win over Values.
	Values map[string]cty.Value
}

// Body is one evaluated job of a module.
type Body struct {
	Name string
	// Value is of type jobschema.Type(jobschema.Job()); late text is encoded
	// as job.ParseText reads it. Parts that could not be evaluated are unknown.
	Value cty.Value
	// Origin finds where an attribute was written, for problems that are
	// addressed by path.
	Origin Origin
}

// Origin maps a path of a job's value to the range where it was written, or to
// the nearest enclosing range.
type Origin = diag.Origin

// Module is the outcome of Load.
type Module struct {
	Bodies []Body // in source order
	// Files serve the snippets of diagnostics.
	Files map[string]*hcl.File
}

// Load parses and evaluates the files as one module. The module is usable for
// rendering diagnostics also when there are errors, and its bodies can still
// be checked: what is wrong in them is unknown. Diagnostics come in source
// order.
func Load(sources []Source, in Inputs) (*Module, hcl.Diagnostics) {
	l := loader{
		module:    &Module{Files: map[string]*hcl.File{}},
		variables: map[string]*variable{},
		jobNames:  map[string]hcl.Range{},
	}
	for _, s := range sources {
		l.read(s)
	}
	l.checkInputs(in)
	l.evaluateVariables(in)
	for _, b := range l.jobs {
		l.decodeJob(b)
	}
	if len(l.jobs) == 0 && !l.diags.HasErrors() {
		l.diags = append(l.diags, diag.At(diag.CodeNoJob, nil,
			"The files declare no job. Add a block such as job \"orders\" { … }, or name the file that holds it."))
	}
	return l.module, diag.Sort(l.diags)
}

type loader struct {
	module    *Module
	variables map[string]*variable
	order     []*variable // in source order
	jobs      []*hcl.Block
	jobNames  map[string]hcl.Range
	diags     hcl.Diagnostics
}

func (l *loader) report(code string, subject hcl.Range, format string, args ...any) {
	l.diags = append(l.diags, diag.InSource(code, subject, fmt.Sprintf(format, args...)))
}

func (l *loader) decodeJob(b *hcl.Block) {
	name := b.Labels[0]
	if first, twice := l.jobNames[name]; twice {
		l.report(diag.CodeDuplicateJob, b.LabelRanges[0], "A job %q is already declared at %s:%d. Give one of the two another name.", name, first.Filename, first.Start.Line)
		return
	}
	l.jobNames[name] = b.LabelRanges[0]
	header := jobschema.Header{Label: name, LabelRange: b.LabelRanges[0], DefRange: b.DefRange}
	value, origin, diags := jobschema.Decode(b.Body, header, jobschema.Job(), evaluator{scope: l.scope()})
	l.diags = append(l.diags, diags...)
	l.module.Bodies = append(l.module.Bodies, Body{Name: name, Value: value, Origin: origin})
}

func (l *loader) scope() *scope {
	return &scope{roots: map[string]root{"var": variableRoot(l.variables)}}
}
