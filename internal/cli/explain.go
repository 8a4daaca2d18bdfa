// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/hashicorp/hcl/v2"
)

// explain prints every setting of every job with its source.
func (a *app) explain(m module, diags hcl.Diagnostics) error {
	for i, body := range m.bodies {
		if i > 0 {
			fmt.Fprintln(a.Stdout)
		}
		fmt.Fprintf(a.Stdout, "# %s\n", body.Name)
		table := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
		for _, s := range m.loaded.Explain(body) {
			fmt.Fprintf(table, "%s\t%s\t%s\n", s.Path, s.Value, s.From)
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return a.finish(diags, m.files)
}
