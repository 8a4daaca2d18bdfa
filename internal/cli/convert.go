// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"io"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/convert"
)

type convertCmd struct {
	Files []string `arg:"" name:"file" help:"Argo manifests, YAML or JSON: the Workflow, WorkflowTemplate or CronWorkflow, and the templates that it refers to. \"-\" is standard input."`
	Out   string   `placeholder:"FILE" help:"Write to this file instead of standard output."`
	JSON  bool     `name:"json" help:"Write the diagnostics as JSON to standard error."`
}

// Run writes a job file with a job for each step that fans out.
func (c *convertCmd) Run(a *app) error {
	a.doing = "converting " + strings.Join(c.Files, ", ")
	var inputs []convert.Input
	var diags hcl.Diagnostics
	for _, name := range c.Files {
		source, problem := a.source(name)
		if problem != nil {
			diags = append(diags, problem)
			continue
		}
		inputs = append(inputs, convert.Input{Name: source.Name, Bytes: source.Bytes})
	}
	if diags.HasErrors() {
		return c.finish(a, diags, nil)
	}
	var result convert.Result
	if err := a.bounded(func() { result, diags = convert.Convert(inputs) }); err != nil {
		return err
	}
	if result.File != nil {
		if err := a.write(c.Out, result.File); err != nil {
			return err
		}
	}
	return c.finish(a, diags, result.Sources)
}

func (c *convertCmd) finish(a *app, diags hcl.Diagnostics, sources map[string]*hcl.File) error {
	if !c.JSON {
		return a.finish(diags, sources)
	}
	return a.errorRecords(func(w io.Writer) error { return jsonReport(w, diags, sources) })
}
