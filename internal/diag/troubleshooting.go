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
	b.WriteString("# Troubleshooting\n\nEvery error and warning has a code. The message says what is wrong and where. " +
		"This page explains each code in general.\n")
	for _, i := range Codes() {
		fmt.Fprintf(&b, "\n## %s %s\n\n**Cause.** %s\n\n**Fix.** %s\n", i.Code, i.Summary, i.Cause, i.Fix)
	}
	return b.String()
}
