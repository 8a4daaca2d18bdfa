// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package state

import (
	"strconv"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// Limits of what a state keeps.
const (
	MaxFailures      = 1000
	MaxFailureBytes  = 250 << 10 // of all failures together, in JSON
	MaxRemembered    = 3         // failures in Terraform's private state
	MaxMessageBytes  = 256
	MaxAttempts      = 5   // of a failure
	MaxAttemptBytes  = 128 // of an attempt's message
	MaxRuns          = 20
	MaxIntervalBytes = 4 << 10 // of one run in the history
)

// Outcome is how a run ended, as its job sees it.
type Outcome string

// The outcomes of runs.
const (
	Active    Outcome = "" // not recorded yet
	Succeeded Outcome = "Succeeded"
	Failed    Outcome = "Failed"  // ended, and some of its keys failed or did not run
	Stopped   Outcome = "Stopped" // before its end, by us or by hand
	Lost      Outcome = "Lost"    // gone before anybody saw its end
	// OverBudget and CanaryFailed are runs that went no further by themselves.
	OverBudget   Outcome = "OverBudget"
	CanaryFailed Outcome = "CanaryFailed"
	// SetupFailed is a run of which no partition was started.
	SetupFailed Outcome = "SetupFailed"
	// Paused is a run of a job with a pool that was stopped because the job was
	// paused.
	Paused Outcome = "Paused"
	// BoundsFound is a run that was only to find the bounds of a query, and has;
	// NoBounds one that was to find them and has not.
	BoundsFound Outcome = "BoundsFound"
	NoBounds    Outcome = "NoBounds"
)

// Run is one entry of the history.
type Run struct {
	// RunSpec is what was submitted. Once the outcome is recorded, only Number and
	// Template are kept.
	plan.RunSpec
	// Declaration is what the run was submitted with; nil while that is still the
	// declaration of the state.
	Declaration *Declaration
	// SpecHash is the digest of the submitted Workflow's spec: the run can be
	// lowered again, byte for byte, and the hash proves it.
	SpecHash string
	// Claim is the random token of the submission, by which its author knows it
	// again.
	Claim string

	// Intervals is the text of Covers, up to MaxIntervalBytes, then "".
	Intervals  string
	Partitions int64
	Start, End time.Time
	Outcome    Outcome
	// Message is why the run found no bounds, or why Argo ended it although no
	// partition failed.
	Message string
	// SetupError and TeardownError say why setup and teardown failed; "" where
	// they did not.
	SetupError, TeardownError string
	// Tries identifies what the run's canary tries; "" when it has none.
	Tries string
	// Retiring tells that the outcome is recorded, and that the run's objects have
	// yet to be told to leave.
	Retiring bool
	// Lingers tells that pods of the run may live although its outcome is recorded.
	// No other run is submitted until they have ended.
	Lingers bool
}

// Whole tells whether everything that was submitted is known. Runs of format 1, and
// those that were found without a record, may lack it.
func (r *Run) Whole() bool { return r.ShardSize > 0 && r.MaxParallel > 0 && r.First > 0 }

// FindsBounds tells whether the run finds the bounds of the job's query.
func (r *Run) FindsBounds() bool { return r.Query != nil }

// Submitted is the run of a RunSpec that is being submitted.
func Submitted(spec plan.RunSpec, p plan.Plan, at time.Time) Run {
	text := spec.Covers.Text(spec.Domain)
	if len(text) > MaxIntervalBytes {
		text = ""
	}
	return Run{RunSpec: spec, Intervals: text, Partitions: p.Partitions, Start: at}
}

// Recorded drops what only an active run keeps.
func (r *Run) Recorded(outcome Outcome) {
	r.RunSpec = plan.RunSpec{Number: r.Number, Template: r.Template}
	r.Declaration, r.Outcome = nil, outcome
}

// Failure is a partition that failed for good.
type Failure struct {
	Key      string `json:"key"`
	Start    string `json:"start"` // Start and End are "" for values and products
	End      string `json:"end"`
	Attempts int    `json:"attempts"`
	Message  string `json:"message,omitempty"`
	// Details are the last attempts, ascending.
	Details []Attempt `json:"details,omitempty"`
}

// Attempt is one pod that failed.
type Attempt struct {
	Number int `json:"number"` // from 0
	// Node it ran on, and whether that had to be "spot" or "on_demand"; both may
	// be "".
	Node     string `json:"node,omitempty"`
	Capacity string `json:"capacity,omitempty"`
	// Cause is application, oom, interruption, deadline, image or unknown.
	Cause string `json:"cause"`
	// ExitCode is that of the runner, nil when it is not known.
	ExitCode *int   `json:"exit_code,omitempty"`
	Message  string `json:"message,omitempty"`
	// Started and Finished are RFC 3339, or "".
	Started  string `json:"started,omitempty"`
	Finished string `json:"finished,omitempty"`
}

// String is the attempt in one line: "attempt 2 on node-1 (spot), oom: message".
func (a Attempt) String() string {
	text := "attempt " + strconv.Itoa(a.Number)
	if a.Node != "" {
		text += " on " + a.Node
	}
	switch a.Capacity {
	case "":
	case "on_demand":
		text += " (on demand)"
	default:
		text += " (" + a.Capacity + ")"
	}
	text += ", " + a.Cause
	if a.Message != "" {
		text += ": " + a.Message
	}
	return text
}
