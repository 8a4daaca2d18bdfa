// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package convert converts handwritten Argo Workflows with a step or task that
// fans out to job files.
//
// The conversion is exact. A text that would change its meaning becomes a reference
// to TODO, which is not declared, so the file does not compile until the user has
// replaced it. Every value of the original that the job does not contain is listed
// with its line. The package checks no rules of jobs and knows no Argo types: it
// reads manifests as they are in the file.
package convert

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"go.yaml.in/yaml/v3"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// Input is one file of manifests, YAML or JSON.
type Input struct {
	Name  string
	Bytes []byte
}

// Result is the result of Convert.
type Result struct {
	// File is a job file in the canonical style; nil after errors.
	File []byte
	// Sources are the inputs, for the snippets of diagnostics.
	Sources map[string]*hcl.File
}

// Convert makes one job file of the workflows in the inputs, with one job for each
// step that fans out. Warnings list the TODOs in the file.
// Manifests that take too much to convert are refused.
func Convert(inputs []Input) (Result, hcl.Diagnostics) {
	r := Result{Sources: map[string]*hcl.File{}}
	for _, in := range inputs {
		r.Sources[in.Name] = &hcl.File{Bytes: in.Bytes}
	}
	out, diags := within(func() (Result, hcl.Diagnostics) { return r.convert(inputs) })
	out.Sources = r.Sources
	return out, diags
}

func (r Result) convert(inputs []Input) (Result, hcl.Diagnostics) {
	var diags hcl.Diagnostics
	b := &budget{left: maxWork}
	lib := &library{}
	for _, in := range inputs {
		documents, problem := parse(in, b)
		if problem != nil {
			diags = append(diags, problem)
			continue
		}
		for _, d := range documents {
			diags = append(diags, lib.add(d)...)
		}
	}
	if diags.HasErrors() {
		return r, diag.Sort(diags)
	}
	if len(lib.workflows) == 0 {
		return r, append(diags, noWorkflow(inputs))
	}
	out, more := lib.convert()
	if diags = diag.Sort(append(diags, more...)); diags.HasErrors() {
		return r, diags
	}
	r.File = format(out)
	return r, diags
}

func noWorkflow(inputs []Input) *hcl.Diagnostic {
	src := &source{name: inputs[0].Name, bytes: inputs[0].Bytes, budget: &budget{left: maxWork}}
	return diag.InSource(diag.CodeNoWorkflow, src.position(1, 1, 0),
		"The files contain no Workflow, WorkflowTemplate, ClusterWorkflowTemplate or CronWorkflow of argoproj.io. Pass "+
			"the file that contains it.")
}

// converter converts one workflow to jobs.
type converter struct {
	lib       *library
	workflow  *workflow
	namespace string
	variables *variables
	names     map[string]bool // of the jobs
	diags     hcl.Diagnostics
	notes     []note
	todos     []string // of the attribute that is written next
	calls     int
	fans      int // how many fan-outs there are
	// consumed are the steps outside of fan-outs that became part of a job, and
	// leaves the templates of runners.
	consumed []value
	leaves   map[*yaml.Node]bool
	// rest are variables of the last container that only a patch can describe.
	rest []any
}

// note is a value that was not converted.
type note struct {
	at   value
	text string
}

// convert converts every workflow that no other workflow refers to.
func (l *library) convert() ([]entry, hcl.Diagnostics) {
	var jobs []entry
	var diags, barren hcl.Diagnostics
	shared := &variables{taken: map[string]bool{}}
	names := map[string]bool{}
	for _, w := range l.roots() {
		l.running = w
		c := &converter{lib: l, workflow: w, variables: shared, names: names, leaves: map[*yaml.Node]bool{}}
		out := c.run()
		diags = append(diags, c.diags...)
		if len(out) == 0 {
			barren = append(barren, diag.InSource(diag.CodeNoFanOut, w.document.get("kind").rng(), fmt.Sprintf(
				"No step or task of %s runs once per item. To convert a workflow, a step that is reachable from the entrypoint "+
					"must have withItems, withParam or withSequence. "+
					"If the workflow uses templates of another WorkflowTemplate, pass that file too.", w.describe())))
		}
		jobs = append(jobs, out...)
	}
	if len(jobs) == 0 {
		return nil, append(diags, barren...)
	}
	for _, d := range barren {
		d.Severity = hcl.DiagWarning
	}
	return append(shared.blocks, jobs...), append(diags, barren...)
}

// run makes the jobs of the workflow.
func (c *converter) run() []entry {
	meta := c.workflow.document.get("metadata")
	c.namespace = plainName(meta.get("namespace").text())
	c.variables.enter(c.workflow)
	fans := c.find()
	c.fans = len(fans)
	var jobs []entry
	for _, f := range fans {
		name := c.workflow.name
		if step := f.call.name(); len(fans) > 1 {
			name += "-" + step
		}
		jobs = append(jobs, c.job(c.unique(name), f))
	}
	if len(jobs) == 0 {
		return nil
	}
	c.besides(fans)
	jobs[0].comments = append(c.head(), jobs[0].comments...)
	return jobs
}

// unique derives a job name from the name of the original.
func (c *converter) unique(name string) string {
	const longest = 40
	clean := strings.Trim(notDNS.ReplaceAllString(strings.ToLower(name), "-"), "-")
	if clean == "" {
		clean = "job"
	}
	clean = strings.Trim(clean[:min(len(clean), longest)], "-")
	for n, base := 2, clean; c.names[clean]; n++ {
		suffix := fmt.Sprintf("-%d", n)
		clean = base[:min(len(base), longest-len(suffix))] + suffix
	}
	c.names[clean] = true
	return clean
}

// head is the comment above the first job of a workflow.
func (c *converter) head() []string {
	w := c.workflow
	out := []string{fmt.Sprintf("Converted from %s of %s.", w.describe(), w.document.in.name)}
	notes := slices.Concat(c.notes, c.leftovers())
	slices.SortStableFunc(notes, func(a, b note) int {
		return cmp.Or(cmp.Compare(a.at.in.name, b.at.in.name), cmp.Compare(a.at.line(), b.at.line()),
			cmp.Compare(a.at.path, b.at.path))
	})
	if len(notes) == 0 {
		return out
	}
	out = append(out, "", "Not converted:")
	for _, n := range slices.CompactFunc(notes,
		func(a, b note) bool { return a.at.node == b.at.node && a.text == b.text }) {
		where := fmt.Sprintf("line %d", n.at.line())
		if n.at.in != w.document.in {
			where = n.at.in.name + ", " + where
		}
		out = append(out, fmt.Sprintf("- %s, %s: %s", where, n.at.path, n.text))
	}
	return out
}

// note lists a value and everything below it as not converted.
func (c *converter) note(at value, format string, args ...any) {
	at.use()
	c.notes = append(c.notes, note{at, fmt.Sprintf(format, args...)})
}

// todo adds a comment above the next attribute, and a warning at the original
// value.
func (c *converter) todo(at value, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	first, size := utf8.DecodeRuneInString(what)
	what = string(unicode.ToUpper(first)) + what[size:]
	d := diag.InSource(diag.CodeDecision, at.rng(), what)
	d.Severity = hcl.DiagWarning
	c.diags = append(c.diags, d)
	c.todos = append(c.todos, fmt.Sprintf("TODO (line %d): %s", at.line(), what))
}

// decided removes and returns the comments that todo added for an attribute.
func (c *converter) decided() []string {
	out := c.todos
	c.todos = nil
	return slices.Compact(out)
}

func (c *converter) refuse(code string, at value, format string, args ...any) {
	c.diags = append(c.diags, diag.InSource(code, at.rng(), fmt.Sprintf(format, args...)))
}
