// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package diag

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// DidYouMean returns ` Did you mean "x"?` for the candidate most similar to given,
// or "" if none is similar. Of equally similar candidates the first wins.
func DidYouMean(given string, candidates []string) string {
	const leastPrefix = 3
	best, bestDistance := "", len(given)/2+1
	for _, c := range candidates {
		d := levenshtein.Distance(strings.ToLower(given), strings.ToLower(c), nil)
		if len(given) >= leastPrefix && strings.HasPrefix(c, given) {
			return fmt.Sprintf(" Did you mean %q?", c)
		}
		if d < bestDistance {
			best, bestDistance = c, d
		}
	}
	if best == "" || bestDistance > 3 {
		return ""
	}
	return fmt.Sprintf(" Did you mean %q?", best)
}

// List joins names for a sentence: `"a", "b" and "c"`. It sorts them unless keep
// is set.
func List(names []string, keep bool) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	if !keep {
		slices.Sort(quoted)
	}
	switch len(quoted) {
	case 0:
		return "none"
	case 1:
		return quoted[0]
	}
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + " and " + quoted[last]
}
