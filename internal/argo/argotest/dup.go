// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argotest

import ()

// node and list are JSON values under construction. Numbers are int64, as
// unstructured objects want them.
type (
	node = map[string]any
	list = []any
)

const apiVersion = "argoproj.io/v1alpha1"
