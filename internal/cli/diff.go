// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/report"
)

type diffCmd struct {
	Before    string   `arg:"" name:"a" help:"Job file, directory of job files, or manifest (.yaml, .yml)."`
	After     string   `arg:"" name:"b" help:"Job file, directory or manifest to compare it with."`
	Var       []string `sep:"none" placeholder:"NAME=VALUE" help:"Value of a variable, for both sides. Repeatable."`
	VarFile   []string `sep:"none" placeholder:"FILE" help:"File of variable values, for both sides. Repeatable."`
	Job       string   `placeholder:"NAME" help:"Compare only this job of the job files."`
	RunNumber int      `name:"run" default:"1" placeholder:"N" help:"Number of the run to compile."`
}

// Run compares two compilations; exit code 3 means that they differ.
func (c *diffCmd) Run(a *app) error {
	before, err := c.objects(a, c.Before)
	if err != nil {
		return err
	}
	after, err := c.objects(a, c.After)
	if err != nil {
		return err
	}
	a.doing = "comparing " + c.Before + " and " + c.After
	var lines []string
	if err := a.bounded(func() { lines = report.Diff(before, after) }); err != nil {
		return err
	}
	if len(lines) == 0 {
		return nil
	}
	for _, line := range lines {
		a.results.Linef("%s", line)
	}
	return exitError(exitDifferent)
}

func (c *diffCmd) objects(a *app, name string) ([]manifest.Object, error) {
	if strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
		a.doing = "reading " + name
		data, err := a.read(name)
		if err != nil {
			return nil, a.finish(hcl.Diagnostics{unreadable(name, err)}, nil)
		}
		var objects []manifest.Object
		var problem error
		if err := a.bounded(func() { objects, problem = manifest.Decode(data) }); err != nil {
			return nil, err
		}
		if problem != nil {
			return nil, a.finish(hcl.Diagnostics{unreadable(name, problem)}, nil)
		}
		return objects, nil
	}
	m, diags, err := a.load(moduleFlags{Files: []string{name}, Var: c.Var, VarFile: c.VarFile, Job: c.Job})
	if err != nil {
		return nil, err
	}
	all, more, err := a.compile(m, c.RunNumber)
	if err != nil {
		return nil, err
	}
	if err := a.finish(append(diags, more...), m.files); err != nil {
		return nil, err
	}
	var objects []manifest.Object
	for _, compiled := range all {
		objects = append(objects, compiled.Objects()...)
	}
	return objects, nil
}
