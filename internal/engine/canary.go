// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

// CanaryState is how the canary of the latest run stands.
type CanaryState string

// The states of a canary.
const (
	CanaryNone    CanaryState = "none"    // the job declares none
	CanaryPending CanaryState = "pending" // it has not ended
	CanaryPassed  CanaryState = "passed"  // it succeeded, in this run or before
	CanaryFailed  CanaryState = "failed"
	CanaryLost    CanaryState = "lost" // the run ended before it
)

// canaryState looks at the canary of the latest run.
func (s *sight) canaryState() CanaryState {
	j, err := parseJob(s.rec.Job)
	latest := s.rec.Latest()
	if err != nil || canaryOf(j, "") == "" {
		return CanaryNone
	}
	if latest == nil {
		return CanaryPending
	}
	tried := latest.Canary
	if tried == "" {
		// The run left it out, because it succeeded before; or it is older than
		// the canary's declaration.
		tried = canaryOf(j, latest.Template)
	}
	seen := argo.Phase("")
	if s.run != nil {
		seen = s.run.outcome.Canary
	}
	switch {
	case s.rec.Canary == tried, latest.Canary != "" && seen == argo.PhaseSucceeded:
		return CanaryPassed
	case seen.Ended(), latest.Outcome == record.CanaryFailed:
		return CanaryFailed
	case s.active():
		return CanaryPending
	}
	return CanaryLost
}
