// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"fmt"

	"github.com/aymanbagabas/go-udiff"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

type fmtCmd struct {
	Files []string `arg:"" name:"file" help:"Job files to rewrite; \"-\" reads standard input and writes standard output."`
	Check bool     `help:"Change nothing; end with exit code 3 when a file is not formatted."`
	Diff  bool     `help:"Print what formatting changes."`
}

// Run writes files in the canonical style, and prints the names of those that
// were not.
func (c *fmtCmd) Run(a *app) error {
	different := false
	var diags hcl.Diagnostics
	files := map[string]*hcl.File{}
	for _, name := range c.Files {
		a.doing = "formatting " + name
		data, err := a.read(name)
		if err != nil {
			diags = append(diags, unreadable(name, err))
			continue
		}
		file, problems := hclsyntax.ParseConfig(data, name, hcl.InitialPos)
		if problems.HasErrors() {
			files[name] = file
			diags = append(diags, problems...)
			continue
		}
		formatted := hclwrite.Format(data)
		changed := !bytes.Equal(data, formatted)
		different = different || changed
		if err := c.treat(a, name, data, formatted); err != nil {
			return err
		}
	}
	if err := a.finish(diags, files); err != nil {
		return err
	}
	if c.Check && different {
		return exitError(exitDifferent)
	}
	return nil
}

func (c *fmtCmd) treat(a *app, name string, before, after []byte) error {
	changed := !bytes.Equal(before, after)
	if changed && c.Diff {
		fmt.Fprint(a.Stdout, udiff.Unified(name, name+" (formatted)", string(before), string(after)))
	}
	switch {
	case name == "-" && !c.Check && !c.Diff:
		_, err := a.Stdout.Write(after)
		return err
	case name == "-" || !changed:
		return nil
	}
	if !c.Diff {
		fmt.Fprintln(a.Stdout, name)
	}
	if c.Check {
		return nil
	}
	return a.write(name, after)
}
