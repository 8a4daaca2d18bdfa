// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"context"

	"github.com/hashicorp/hcl/v2"
)

// LoadWithin is Load with fewer steps, which are used up sooner.
func LoadWithin(steps int64, sources []Source, in Inputs) (*Module, hcl.Diagnostics) {
	b := newBudget(context.Background())
	b.steps = steps
	return load(b, sources, in)
}
