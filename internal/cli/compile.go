// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

type compileCmd struct {
	moduleFlags
	limitFlags
	Output    string `short:"o" enum:"yaml,json" default:"yaml" help:"Output format: yaml, or json (one v1 List)."`
	Out       string `placeholder:"FILE" help:"Write to this file instead of standard output."`
	Explain   bool   `help:"Print the source of each setting of each job instead of the objects."`
	RunNumber int    `name:"run" default:"1" placeholder:"N" help:"Number of the run to print."`
}

// Run prints the template, the data and the run of every job.
func (c *compileCmd) Run(a *app) error {
	if c.RunNumber < 1 {
		return usagef("--run must be 1 or greater, not %d", c.RunNumber)
	}
	lifted, err := c.names()
	if err != nil {
		return err
	}
	m, diags, err := a.load(c.moduleFlags)
	if err != nil {
		return err
	}
	if c.Explain && !diags.HasErrors() {
		return a.explain(m, diags)
	}
	// Jobs with errors are checked too, to report all problems together.
	all, more, err := a.compileGuarded(m, c.RunNumber, lifted)
	if err != nil {
		return err
	}
	if diags = diag.Sort(append(diags, more...)); diags.HasErrors() {
		return a.finish(diags, m.files)
	}
	var objects []manifest.Object
	for _, compiled := range all {
		objects = append(objects, compiled.Objects()...)
	}
	a.doing = "writing the objects"
	data, err := manifest.Encode(objects, c.Output)
	if err != nil {
		return fmt.Errorf("writing the objects: %w", err)
	}
	if err := a.write(c.Out, data); err != nil {
		return err
	}
	return a.finish(diags, m.files)
}

// write writes a file atomically; "" and "-" are standard output.
func (a *app) write(name string, data []byte) error {
	if name == "" || name == "-" {
		return a.document(data)
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return fmt.Errorf("writing %s: %s", name, reason(err))
	}
	_, err = temporary.Write(data)
	// CreateTemp makes files for one user only; a manifest is not secret.
	err = errors.Join(err, temporary.Chmod(0o644), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing %s: %s", name, reason(err)), os.Remove(temporary.Name()))
	}
	return nil
}
