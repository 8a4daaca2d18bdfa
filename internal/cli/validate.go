// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/tfcheck"
)

type validateCmd struct {
	moduleFlags
	limitFlags
	JSON bool `name:"json" help:"Write the diagnostics as JSON to standard output."`
}

// Run checks every job like compile, and the names in Terraform files.
func (c *validateCmd) Run(a *app) error {
	lifted, err := c.names()
	if err != nil {
		return err
	}
	c.checks = true
	m, diags, err := a.load(c.moduleFlags)
	if err != nil {
		return err
	}
	checked, err := a.checkTerraform(m)
	if err != nil {
		return err
	}
	// Jobs with errors are checked too, to report all problems together.
	_, more, err := a.compileGuarded(m, 1, lifted)
	if err != nil {
		return err
	}
	diags = diag.Sort(slices.Concat(diags, more, checked.Diagnostics))
	if c.JSON {
		return a.records(func(w io.Writer) error { return jsonReport(w, diags, m.files) })
	}
	if err := a.finish(diags, m.files); err != nil {
		return err
	}
	for _, body := range m.bodies {
		a.results.Linef("%s is valid.", body.Name)
	}
	for _, file := range m.terraform {
		a.results.Linef("%s: the names are valid (%d backfill blocks).", file.Name, checked.Blocks[file.Name])
	}
	return nil
}

// checkTerraform checks names in Terraform's files, which are added to the files of
// the module.
func (a *app) checkTerraform(m module) (tfcheck.Result, error) {
	if len(m.terraform) == 0 {
		return tfcheck.Result{}, nil
	}
	a.doing = "checking Terraform files"
	schemas, err := a.Schemas()
	if err != nil {
		return tfcheck.Result{}, fmt.Errorf("reading the provider's schemas: %w", err)
	}
	var checked tfcheck.Result
	if err := a.bounded(func() { checked = tfcheck.Check(m.terraform, schemas) }); err != nil {
		return tfcheck.Result{}, err
	}
	maps.Copy(m.files, checked.Files)
	return checked, nil
}
