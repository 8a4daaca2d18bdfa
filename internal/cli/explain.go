// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// explain prints every setting of every job with its source.
func (a *app) explain(m module, diags hcl.Diagnostics) error {
	for i, body := range m.bodies {
		if i > 0 {
			a.results.Linef("")
		}
		a.results.Linef("# %s", body.Name)
		var rows [][]string
		for _, s := range m.loaded.Explain(body) {
			rows = append(rows, []string{s.Path, s.Value, s.From})
		}
		a.results.Table(slices.Values(rows))
	}
	return a.finish(diags, m.files)
}
