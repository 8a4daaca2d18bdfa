// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import "github.com/hashicorp/hcl/v2"

// Parse reads the syntax of any HCL file, within the limits of job files: JSON if its
// name ends in .json. The file is nil if nothing of it can be shown.
func Parse(s Source) (*hcl.File, hcl.Diagnostics) { return parse(s) }
