// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
)

type fmtCmd struct {
	Files []string `arg:"" name:"file" help:"Job files or directories to format. \"-\" reads standard input and writes standard output."`
	Check bool     `help:"Do not change files. Exit with code 3 if a file is not formatted."`
	Diff  bool     `help:"Print the changes."`
}

// Run formats files in the canonical style, and prints the names of changed files.
func (c *fmtCmd) Run(a *app) error {
	different := false
	var diags hcl.Diagnostics
	files := map[string]*hcl.File{}
	names, err := formattable(c.Files)
	if err != nil {
		return err
	}
	for _, name := range names {
		a.doing = "formatting " + name
		source, problem := a.source(name)
		if problem != nil {
			diags = append(diags, problem)
			continue
		}
		var formatted []byte
		var file *hcl.File
		var problems hcl.Diagnostics
		if err := a.bounded(func() { formatted, file, problems = lang.Format(source) }); err != nil {
			return err
		}
		if problems.HasErrors() {
			if file != nil {
				files[source.Name] = file
			}
			diags = append(diags, problems...)
			continue
		}
		different = different || !bytes.Equal(source.Bytes, formatted)
		if err := c.treat(a, name, source.Bytes, formatted); err != nil {
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

// formattable lists the files of the arguments; of directories only HCL files,
// because JSON has no canonical style.
func formattable(names []string) ([]string, error) {
	var out []string
	for _, name := range names {
		if entries, err := os.ReadDir(name); err == nil {
			for _, entry := range entries {
				if !entry.IsDir() && hasSuffix(entry.Name(), []string{jobSuffixes[0], varSuffixes[0]}) {
					out = append(out, filepath.Join(name, entry.Name()))
				}
			}
			continue
		}
		if strings.HasSuffix(name, ".json") {
			return nil, usagef("fmt formats HCL, but %s is JSON", name)
		}
		out = append(out, name)
	}
	return out, nil
}

func (c *fmtCmd) treat(a *app, name string, before, after []byte) error {
	changed := !bytes.Equal(before, after)
	if changed && c.Diff {
		a.results.Block(udiff.Unified(name, name+" (formatted)", string(before), string(after)))
	}
	switch {
	case name == "-" && !c.Check && !c.Diff:
		return a.document(after)
	case name == "-" || !changed:
		return nil
	}
	if !c.Diff {
		a.results.Linef("%s", name)
	}
	if c.Check {
		return nil
	}
	return a.write(name, after)
}
