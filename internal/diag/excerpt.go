// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package diag

import (
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// Excerpt is the location of a diagnostic in the format of WriteText: file, line
// and column, and the source line with the location marked.
func Excerpt(subject *hcl.Range, files map[string]*hcl.File) string {
	var b strings.Builder
	writeSnippet(text.NewPrinter(&b, false), subject, files[subject.Filename], text.Unstyled)
	return b.String()
}
