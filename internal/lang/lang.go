// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package lang reads job files: HCL to evaluated job bodies, with variables,
// locals, functions and references to the partition.
//
// It knows the job body only through the table of package jobschema, and
// checks no rule about jobs. It reads no environment or clock, and files only
// through the file system it is handed: the edges hand it bytes and values.
package lang

import (
	"fmt"
	"io/fs"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
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

// Inputs are the values of a module's variables, exactly what the edges found;
// this package reads no environment. The first of these that has a value for a
// variable wins: Texts, VarFiles (of several the last), Values, Environment,
// the variable's default.
type Inputs struct {
	// Texts are values as written on a command line (name=value), converted
	// by the variable's type.
	Texts map[string]string
	// VarFiles are files of literal values, name = value.
	VarFiles []Source
	// Values are typed values (a variables object of Terraform).
	Values map[string]cty.Value
	// Environment is like Texts, but may name variables that no file
	// declares: environments are shared.
	Environment map[string]string
	// Files is what file and templatefile may read: the module's directory.
	// Nil where there is none; then they are errors.
	Files fs.FS
}

// Body is one evaluated job of a module.
type Body struct {
	Name string
	// Value is of type jobschema.Type(jobschema.Job()); late text is encoded
	// as late.Parse reads it. Parts that could not be evaluated are unknown.
	Value cty.Value
	// Origin finds where an attribute was written, for problems that are
	// addressed by path. Its range may lie in the module's defaults block.
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
	// Variables are the declared variables, in source order.
	Variables []Variable
	// Defaults is the range of the defaults block; its filename is empty when
	// there is none.
	Defaults hcl.Range
}

// Variable describes a declared variable for documentation and completion.
type Variable struct {
	Name, Type, Description string
	Required, Sensitive     bool
}

// Load parses and evaluates the files as one module. The module is usable for
// rendering diagnostics also when there are errors, and its bodies can still
// be checked: what is wrong in them is unknown. Diagnostics come in source
// order.
func Load(sources []Source, in Inputs) (*Module, hcl.Diagnostics) {
	l := &loader{
		module:    &Module{Files: map[string]*hcl.File{}},
		variables: map[string]*variable{},
		locals:    map[string]*local{},
		jobNames:  map[string]hcl.Range{},
	}
	l.scope = &scope{
		roots:     map[string]root{"var": variableRoot(l.variables), "local": &localRoot{l: l}},
		functions: functionTable(in.Files),
	}
	for _, s := range sources {
		l.read(s)
	}
	l.evaluateVariables(in)
	l.evaluateLocals()
	l.validateVariables()
	l.decodeDefaults()
	for _, b := range l.jobs {
		l.decodeJobs(b)
	}
	if len(l.jobs) == 0 && !l.diags.HasErrors() {
		l.diags = append(l.diags, diag.At(diag.CodeNoJob, nil,
			"The files declare no job. Add a block such as job \"orders\" { … }, or name the file that holds it."))
	}
	// What HCL finds only when a body is read, such as a member that is twice in a
	// JSON object, has no code of ours yet.
	return l.module, diag.Sort(restate(l.diags, diag.CodeSyntax))
}

type loader struct {
	module     *Module
	variables  map[string]*variable
	order      []*variable // in source order
	locals     map[string]*local
	localOrder []*local
	defaults   *hcl.Block
	fallback   *jobschema.Decoded // of the defaults block; nil without one
	jobs       []*hcl.Block
	jobNames   map[string]hcl.Range
	scope      *scope
	diags      hcl.Diagnostics
}

func (l *loader) report(code string, subject hcl.Range, format string, args ...any) {
	l.diags = append(l.diags, diag.InSource(code, subject, fmt.Sprintf(format, args...)))
}

// decodeDefaults reads the defaults block, a job body without a name.
func (l *loader) decodeDefaults() {
	if l.defaults == nil {
		return
	}
	b := l.defaults
	l.module.Defaults = hcl.RangeBetween(b.DefRange, b.Body.MissingItemRange())
	if native, ok := b.Body.(*hclsyntax.Body); ok {
		l.module.Defaults = hcl.RangeBetween(b.DefRange, native.SrcRange)
	}
	decoded, diags := jobschema.Decode(b.Body, jobschema.Header{DefRange: b.DefRange}, jobschema.Job(), evaluator{l.scope})
	l.diags = append(l.diags, diags...)
	l.fallback = &decoded
}

// decodeJobs evaluates a job block, once for each element of for_each.
func (l *loader) decodeJobs(b *hcl.Block) {
	forEach, body := splitForEach(b.Body)
	for _, i := range l.instances(b.Labels[0], forEach) {
		if first, twice := l.jobNames[i.name]; twice {
			l.report(diag.CodeDuplicateJob, b.LabelRanges[0], "A job %q is already declared at %s:%d. Give one of the two another name.", i.name, first.Filename, first.Start.Line)
			continue
		}
		l.jobNames[i.name] = b.LabelRanges[0]
		header := jobschema.Header{Label: i.name, LabelRange: b.LabelRanges[0], DefRange: b.DefRange}
		decoded, diags := jobschema.Decode(body, header, jobschema.Job(), evaluator{i.scope})
		if l.fallback != nil {
			decoded = jobschema.Merge(jobschema.Job(), decoded, *l.fallback)
		}
		l.module.Bodies = append(l.module.Bodies, Body{Name: i.name, Value: decoded.Value, Origin: decoded.Origin})
		l.diags = append(l.diags, diags...)
		if diags.HasErrors() {
			return // the other instances would repeat the same
		}
	}
}
