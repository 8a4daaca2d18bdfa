// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// guide is the handwritten part of the reference: files, blocks, expressions. A
// test compiles its examples.
//
//go:embed guide.md
var guide string

// Reference is the whole language as Markdown: the guide, the job's
// attributes, and the functions.
func Reference() string {
	var b strings.Builder
	b.WriteString(guide)
	b.WriteString(jobschema.Reference())
	b.WriteString("\n## Functions\n\nAll functions are pure: they always return the same result for the same arguments.\n")
	group := ""
	for _, f := range Functions() {
		if f.Group != group {
			group = f.Group
			fmt.Fprintf(&b, "\n### %s\n\n", group)
		}
		fmt.Fprintf(&b, "- `%s`: %s", f.Name, f.Description)
		if f.Example != "" {
			fmt.Fprintf(&b, " `%s` returns `%s`.", f.Example, f.Result)
		}
		b.WriteString("\n")
	}
	return b.String()
}
