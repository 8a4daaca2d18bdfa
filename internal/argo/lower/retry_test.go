// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"regexp"
	"slices"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/read"
)

// Regression: a pod that its node gave up for a critical one was shown as an
// interruption and tried again as a failure of the runner. What is shown is what
// decides: beyond retry.limit, no failure of the runner is tried again, and
// everything else is.
func TestRetriesFollowCauses(t *testing.T) {
	j := decoded(t, "", "")
	again := []read.Cause{read.CauseInterruption, read.CauseImage, read.CauseRefused, read.CauseUnknown}
	for _, e := range argotest.Ended {
		code := exitCode(e.Message)
		for retries, want := range map[int]bool{
			j.Retry.Limit - 1: true,
			j.Retry.Limit:     slices.Contains(again, read.Cause(e.Cause)),
		} {
			if got := triedAgain(t, j, retries, string(e.Phase), code, e.Message); got != want {
				t.Errorf("%q, which is %s, is tried again after %d retries: %t", e.Message, e.Cause, retries, got)
			}
		}
	}
}

// exitCode is what Argo's expressions get: the code of the runner, or -1.
func exitCode(message string) string {
	if found := regexp.MustCompile(`^main:.*\(exit code ([0-9]+)\)`).FindStringSubmatch(message); found != nil {
		return found[1]
	}
	return "-1"
}
