// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package state

import (
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// The choices of Policy.
const (
	RerunAuto   = "auto"
	RerunManual = "manual"

	OnChangeStop   = "stop"
	OnChangeFinish = "finish"
)

// Policy is how whoever manages a job wants it treated. It is no part of the
// declaration. What the record keeps of it has a JSON form, so that an import
// knows it too. The zero value is the default of everything.
type Policy struct {
	// Revision empties the ledger when it changes: all keys run again.
	Revision string `json:"revision,omitempty"`
	// Rerun tells when keys that failed or did not run are taken up again:
	// RerunAuto ("" too) at the next apply, RerunManual when RerunToken changes.
	Rerun      string `json:"rerun,omitempty"`
	RerunToken string `json:"rerun_token,omitempty"`
	// Paused suspends and resumes runs; nil leaves that to the command line.
	Paused *bool `json:"paused,omitempty"`
	// ApprovedWave opens the gates after waves 0 … ApprovedWave; nil for none.
	ApprovedWave *int `json:"approved_wave,omitempty"`
	// OverrideLimits are the names of limits that the job may exceed.
	OverrideLimits []string `json:"override_limits,omitempty"`

	// Limits are those of whoever manages the job; the job's own apply too.
	Limits job.Limits `json:"-"`
	// OnChange is what a changed runner does to the active run: OnChangeStop
	// ("" too) or OnChangeFinish.
	OnChange string `json:"-"`
	// PreventReprocess makes everything an error by which finished keys would
	// run again.
	PreventReprocess bool `json:"-"`
	// AllowOverlap permits keys that another job of the same target holds.
	AllowOverlap bool `json:"-"`
	// StopTimeout bounds how long an update waits for the run that it stopped;
	// 0 for five minutes.
	StopTimeout time.Duration `json:"-"`
}

// Manual tells that only another RerunToken takes up what was left.
func (p Policy) Manual() bool { return p.Rerun == RerunManual }

// SameRecord tells whether a record keeps the same of two policies.
func (p Policy) SameRecord(o Policy) bool { return p.recorded() == o.recorded() }

// IsPaused tells whether the policy pauses the job.
func (p Policy) IsPaused() bool { return p.Paused != nil && *p.Paused }

// Gate is where a job is between its runs. The zero value is a job that has met
// no gate and is not paused.
type Gate struct {
	// Next is the number of the wave behind the gate at which the last run ended.
	Next int `json:"next,omitempty"`
	// Approved is the number of the last wave that the command line has approved.
	Approved int `json:"approved,omitempty"`
	// Paused tells that the command line has paused a job of a pool, whose pauses
	// are no state of a run.
	Paused bool `json:"paused,omitempty"`
	// Void is an approved_wave that was meant for an earlier revision.
	Void *int `json:"void,omitempty"`
}

// Approvals is the number of the last wave that may start: what the policy or
// the command line has opened. An approval given for an earlier revision is void.
func (g Gate) Approvals(p Policy) int {
	n := g.Approved
	if p.ApprovedWave != nil && (g.Void == nil || *g.Void != *p.ApprovedWave) {
		n = max(n, *p.ApprovedWave+1)
	}
	return n
}

// AfterRevision is where a job is after a change of its revision: before its
// canary, which runs again, with no approval but one that comes with the change.
func (g Gate) AfterRevision(before, now Policy) Gate {
	next := Gate{Paused: g.Paused}
	if before.ApprovedWave != nil && now.ApprovedWave != nil && *before.ApprovedWave == *now.ApprovedWave {
		next.Void = now.ApprovedWave
	}
	return next
}

// After is where a job is after a run that ended before wave until. A run that
// went no further by itself, or was stopped, leaves the job where it was.
func (g Gate) After(until int, outcome Outcome) Gate {
	switch outcome {
	case Succeeded, Failed:
		g.Next = until
	}
	return g
}
