// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package diag

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// MaxShown is the maximum number of diagnostics in one report. Only the number of
// further ones is reported.
const MaxShown = 100

// Origin maps a path of a job's value to the range where it was written, or to
// the nearest enclosing range.
type Origin interface {
	Range(path cty.Path) hcl.Range
}

// Resolve sets the source range of every diagnostic that has a path but no range.
// For the key of an element it uses the method KeyRange, if the origin has it. It
// changes the diagnostics in place and returns them.
func Resolve(diags hcl.Diagnostics, origin Origin) hcl.Diagnostics {
	if origin == nil {
		return diags
	}
	for _, d := range diags {
		e, ok := d.Extra.(Extra)
		if !ok || d.Subject != nil || e.Path == nil {
			continue
		}
		find := origin.Range
		if keys, ok := origin.(interface {
			KeyRange(path cty.Path) hcl.Range
		}); ok && e.Key {
			find = keys.KeyRange
		}
		if rng := find(e.Path); rng.Filename != "" {
			d.Subject = rng.Ptr()
		}
	}
	return diags
}

// Sort orders diagnostics by file, then by position, keeping the order of those at
// the same position. Those without a range come last, in their original order. It
// removes duplicates at the same position, because several jobs share one defaults
// block.
func Sort(diags hcl.Diagnostics) hcl.Diagnostics {
	slices.SortStableFunc(diags, func(a, b *hcl.Diagnostic) int {
		switch {
		case a.Subject == nil && b.Subject == nil:
			return 0
		case a.Subject == nil:
			return 1
		case b.Subject == nil:
			return -1
		}
		return cmp.Or(
			cmp.Compare(a.Subject.Filename, b.Subject.Filename),
			cmp.Compare(a.Subject.Start.Line, b.Subject.Start.Line),
			cmp.Compare(a.Subject.Start.Column, b.Subject.Start.Column),
		)
	})
	seen := map[string]bool{}
	return slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool {
		if d.Subject == nil {
			return false
		}
		key := d.Subject.String() + "\x00" + d.Summary + "\x00" + d.Detail
		again := seen[key]
		seen[key] = true
		return again
	})
}

// Omitted is the sentence about n problems that are not shown.
func Omitted(n int) string {
	if n == 1 {
		return "1 more problem is not shown. Correct these first."
	}
	return fmt.Sprintf("%d more problems are not shown. Correct these first.", n)
}

// Capped limits diagnostics to MaxShown. Errors take precedence over warnings, so
// that many warnings cannot hide the error.
func Capped(diags hcl.Diagnostics) (shown hcl.Diagnostics, omitted int) {
	if len(diags) <= MaxShown {
		return diags, 0
	}
	room := MaxShown
	keep := make([]bool, len(diags))
	for _, severity := range []hcl.DiagnosticSeverity{hcl.DiagError, hcl.DiagWarning} {
		for i, d := range diags {
			if room > 0 && d.Severity == severity {
				keep[i] = true
				room--
			}
		}
	}
	for i, d := range diags {
		if keep[i] {
			shown = append(shown, d)
		}
	}
	return shown, len(diags) - len(shown)
}
