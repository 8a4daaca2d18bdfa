// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"io"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

type validateCmd struct {
	moduleFlags
	limitFlags
	JSON bool `name:"json" help:"Write the diagnostics as JSON to standard output."`
}

// Run checks every job like compile.
func (c *validateCmd) Run(a *app) error {
	lifted, err := c.names()
	if err != nil {
		return err
	}
	m, diags, err := a.load(c.moduleFlags)
	if err != nil {
		return err
	}
	// Jobs with errors are checked too, to report all problems together.
	_, more := a.compileGuarded(m, 1, lifted)
	diags = diag.Sort(append(diags, more...))
	if c.JSON {
		return a.records(func(w io.Writer) error { return jsonReport(w, diags, m.files) })
	}
	if err := a.finish(diags, m.files); err != nil {
		return err
	}
	for _, body := range m.bodies {
		a.results.Linef("%s is valid.", body.Name)
	}
	return nil
}
