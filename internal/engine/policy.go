// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"encoding/json"
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
// declaration, but the record keeps it, so that an import knows it too. The
// zero value is the default of everything.
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

	// Limits are those of whoever manages the job; the job's own hold too.
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

// encode is what the record keeps; nil for the default.
func (p Policy) encode() []byte {
	if p.Revision == "" && p.Rerun == "" && p.RerunToken == "" && p.Paused == nil && p.ApprovedWave == nil && len(p.OverrideLimits) == 0 {
		return nil
	}
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and bools always have a JSON form
	}
	return text
}

// decodePolicy reads what a record keeps; what it does not understand is the
// default.
func decodePolicy(text []byte) Policy {
	var p Policy
	if len(text) > 0 && json.Unmarshal(text, &p) != nil {
		return Policy{}
	}
	return p
}

func (p Policy) manual() bool { return p.Rerun == RerunManual }
