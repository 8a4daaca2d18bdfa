// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package diag

import (
	"fmt"
	"strings"
)

// Troubleshooting is a page of Markdown that explains every code.
func Troubleshooting() string {
	var b strings.Builder
	b.WriteString("# Troubleshooting\n\nEvery problem that this program reports has a code. The message says what is wrong at which place; here is what each code means in general.\n")
	for _, i := range Codes() {
		fmt.Fprintf(&b, "\n## %s %s\n\n**Cause.** %s\n\n**Cure.** %s\n", i.Code, i.Summary, i.Cause, i.Cure)
	}
	return b.String()
}
