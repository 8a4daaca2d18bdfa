// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"io"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/report"
)

type partitionsCmd struct {
	moduleFlags
	Limit  int64  `default:"20" placeholder:"N" help:"List the first N partitions; 0 lists all."`
	Output string `short:"o" enum:"table,json,csv" default:"table" help:"Output format: table, json (one object per line) or csv."`
}

// Run lists the partitions of one job in the order in which they run.
func (c *partitionsCmd) Run(a *app) error {
	if c.Limit < 0 {
		return usagef("--limit must be 0 or greater, not %d", c.Limit)
	}
	m, diags, err := a.load(c.moduleFlags)
	if err != nil {
		return err
	}
	if diags.HasErrors() {
		return a.finish(diags, m.files)
	}
	if len(m.bodies) > 1 {
		return usagef("these files contain %d jobs; select one with --job", len(m.bodies))
	}
	all, more, err := a.compile(m, 1)
	if err != nil {
		return err
	}
	if err := a.finish(append(diags, more...), m.files); err != nil {
		return err
	}
	for _, compiled := range all {
		if compiled.Spec.Query != nil {
			return a.finish(hcl.Diagnostics{diag.At(diag.CodeOpenBounds, nil, diag.OpenBounds(compiled.Job.Name))}, m.files)
		}
		a.doing = fmt.Sprintf("listing the partitions of job %q", compiled.Job.Name)
		if err := c.list(a, compiled.Plan); err != nil {
			return err
		}
	}
	return nil
}

func (c *partitionsCmd) list(a *app, p plan.Plan) error {
	switch c.Output {
	case "json":
		return a.records(func(w io.Writer) error { return report.PartitionsJSON(w, p, c.Limit) })
	case "csv":
		return a.records(func(w io.Writer) error { return report.PartitionsCSV(w, p, c.Limit) })
	}
	report.Partitions(a.results, p, c.Limit)
	return nil
}
