// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package diag

import (
	"bufio"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Excerpt is the location of a diagnostic in the format of WriteText: file, line
// and column, and the source line with the location marked.
func Excerpt(subject *hcl.Range, files map[string]*hcl.File) string {
	var b strings.Builder
	out := bufio.NewWriter(&b)
	writeSnippet(out, subject, files[subject.Filename], "", "")
	_ = out.Flush() // a strings.Builder takes everything
	return b.String()
}
