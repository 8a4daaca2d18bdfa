// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package lang reads job files: from HCL to evaluated job bodies, with variables,
// local values, functions and references to the partition.
//
// Load evaluates the Sources of a module with its Inputs and returns a Module.
// Its Bodies are the jobs: one value of the table's type each, with the Origin of
// every part, for package job to check. Load continues after errors. Parts that it
// cannot evaluate are unknown, and package job still checks the rest.
//
// Values are evaluated in two stages. Ordinary expressions are evaluated here.
// References to the partition, the job, the run and the attempt (in command, args
// and env) have values only inside the pod; they stay in the text, encoded by
// package late.
//
// Equal inputs give equal results: the package reads no environment, clock or
// network, and only files of the file system in Inputs. Functions that would
// return something else each time are rejected (package funcs). It knows the job
// body only through the table of package jobschema, and contains no rules about
// jobs.
package lang

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/watch"
)

// Source is one file of a module. If its name ends in .json, it is read as HCL's
// JSON form.
type Source struct {
	Name  string // as shown in diagnostics
	Bytes []byte
}

// Inputs are the values of a module's variables. The first source with a value for
// a variable wins: Texts, VarFiles (the last file first), Values, Environment, the
// variable's default.
type Inputs struct {
	// Texts are values from the command line (name=value), converted to the
	// variable's type.
	Texts map[string]string
	// VarFiles are files of literal values, name = value.
	VarFiles []Source
	// Values are typed values (a variables object of Terraform).
	Values map[string]cty.Value
	// Environment is like Texts, but may contain variables that no file
	// declares, because environments are shared.
	Environment map[string]string
	// Files is the module's directory, for file and templatefile. Nil if there
	// is none; calls of these functions are errors then.
	Files fs.FS
}

// Body is one evaluated job of a module.
type Body struct {
	Name string
	// Value has type jobschema.Type(jobschema.Job()), with late text encoded
	// for late.Parse. Parts that could not be evaluated are unknown.
	Value cty.Value
	// Origin maps paths to source ranges, which may be in the module's
	// defaults block.
	Origin Origin
}

// Origin maps a path of a job's value to its source range, or to the nearest
// enclosing range.
type Origin = diag.Origin

// Module is the result of Load.
type Module struct {
	Bodies []Body // in source order
	// Files serve the snippets of diagnostics.
	Files map[string]*hcl.File
	// Variables are the declared variables, in source order.
	Variables []Variable
	// Defaults is the range of the defaults block; its filename is empty if
	// there is none.
	Defaults hcl.Range
}

// Variable describes a declared variable for documentation and completion.
type Variable struct {
	Name, Type, Description string
	Required, Sensitive     bool
}

// Load parses and evaluates the files as one module. After errors, the module can
// still render diagnostics, and its bodies can still be checked: their wrong parts
// are unknown. Diagnostics are in source order. Load takes limited time and memory
// whatever is in the files, and ends soon after the context does.
func Load(ctx context.Context, sources []Source, in Inputs) (*Module, hcl.Diagnostics) {
	b := newBudget(ctx)
	var module *Module
	var diags hcl.Diagnostics
	if watch.Run(ctx, func(ctx context.Context) { b.ctx = ctx; module, diags = load(b, sources, in) }) != nil {
		return &Module{Files: map[string]*hcl.File{}}, hcl.Diagnostics{b.timeout(hcl.Range{})}
	}
	return module, diags
}

func load(b *budget, sources []Source, in Inputs) (*Module, hcl.Diagnostics) {
	l := &loader{
		module:    &Module{Files: map[string]*hcl.File{}},
		variables: map[string]*variable{},
		locals:    map[string]*local{},
		jobNames:  map[string]hcl.Range{},
	}
	b.functions = b.functionTable(in.Files)
	l.scope = &scope{
		roots:  map[string]root{"var": variableRoot(l.variables), "local": &localRoot{l: l}},
		budget: b,
	}
	for _, s := range sources {
		l.read(s)
	}
	l.steps(func() { l.evaluateVariables(in) }, l.evaluateLocals, l.validateVariables, l.decodeDefaults, func() {
		for _, b := range l.jobs {
			l.decodeJobs(b)
		}
	})
	if len(l.jobs) == 0 && !l.diags.HasErrors() {
		l.diags = append(l.diags, diag.At(diag.CodeNoJob, nil,
			"The files declare no job. Add a block such as job \"orders\" { … }, or pass the file that contains it."))
	}
	// HCL reports some problems only when a body is read, such as a repeated member of
	// a JSON object. These have no code yet.
	return l.module, diag.Sort(restate(once(l.diags), diag.CodeSyntax))
}

// steps takes one step after another while the budget lasts. What a step says once it
// is used up is not true: it takes parts that were not evaluated for missing ones.
func (l *loader) steps(steps ...func()) {
	for _, step := range steps {
		before := len(l.diags)
		step()
		if failed := l.scope.budget.failed; failed != nil {
			l.diags = append(l.diags[:before], failed)
			l.module.Bodies = nil
			return
		}
	}
}

// once removes what was reported for many expressions: that the budget is used up.
func once(diags hcl.Diagnostics) hcl.Diagnostics {
	seen := map[*hcl.Diagnostic]bool{}
	return slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool {
		twice := seen[d]
		seen[d] = true
		return twice
	})
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
			l.report(diag.CodeDuplicateJob, b.LabelRanges[0], "A job %q is already declared at %s:%d. Rename one of the two.",
				i.name, first.Filename, first.Start.Line)
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
			return // the other instances have the same problems
		}
	}
}
