// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package record is the durable truth of a job: the content of its ConfigMap
// `<job>-backfill` as typed values, and back.
//
// It is pure; package engine reads and writes the object.
package record

import (
	"errors"
	"fmt"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Labels of records. Other objects of a job carry LabelJob too, and more.
const (
	LabelJob        = "backfill.dev/job"
	LabelTargetHash = "backfill.dev/target-hash"
	// LabelReservedHash is that of a target of which keys are reserved.
	LabelReservedHash = "backfill.dev/reserved-hash"
)

// Limits of what a record keeps.
const (
	MaxFailures      = 100
	MaxMessageBytes  = 256
	MaxAttempts      = 5   // of a failure
	MaxAttemptBytes  = 128 // of an attempt's message
	MaxRuns          = 20
	MaxIntervalBytes = 4 << 10 // of one run in the history
)

// Outcomes of runs.
const (
	Active    = "" // not merged yet
	Succeeded = "Succeeded"
	Failed    = "Failed"  // ended, and some of its keys failed or did not run
	Stopped   = "Stopped" // before its end, by us or by hand
	Lost      = "Lost"    // gone before anybody saw its end
	// OverBudget and CanaryFailed are runs that went no further by themselves.
	OverBudget   = "OverBudget"
	CanaryFailed = "CanaryFailed"
	// SetupFailed is a run of which no partition was started.
	SetupFailed = "SetupFailed"
	// Paused is a run of a job with a pool that was stopped because the job was
	// paused.
	Paused = "Paused"
	// Asked is a run that was only to find the bounds of a query, and has;
	// NoBounds one that was to find them and has not.
	Asked    = "Asked"
	NoBounds = "NoBounds"
)

// Record is what a job has declared and achieved.
type Record struct {
	Namespace, Name string
	// Job is the canonical declaration (job.Canonical).
	Job    []byte
	Domain domain.Domain
	// Bounds is what the job's query has found last; nil without a query, and
	// while it has found nothing.
	Bounds *domain.Interval
	// Grown tells that the query was asked again and has found keys that the job
	// did not hold before, of which it is not known yet whether another job holds them.
	Grown bool
	// Owner is the random token of the Terraform state that manages the job;
	// "" after import or when the command line made it.
	Owner          string
	Done           ledger.Set
	Failed         ledger.Set
	Failures       []Failure // the first 100
	NextRun        int       // number of the next run, from 1
	Runs           []Run     // the last 20, oldest first
	Target, Reason string
	// Policy is how the job is to be treated, as JSON that only package engine
	// reads; nil for the default.
	Policy []byte
	// Canary stands for what the last canary that succeeded has tried; "" when
	// none has.
	Canary string
	Gate   Gate
	// Reserved are keys that an update is about to declare; nil but for the
	// moment between asking for them and having them.
	Reserved *Reservation

	UID, ResourceVersion string // of the ConfigMap it was read from
	Created              time.Time
}

// Reservation is a domain of a target that a job wants to hold besides its own.
type Reservation struct {
	Domain domain.Domain
	Target string
}

// Holds lists the domains that a job holds or reserves of a target.
func (r *Record) Holds(target string) []domain.Domain {
	var held []domain.Domain
	if r.Target == target {
		held = append(held, r.Domain)
	}
	if r.Reserved != nil && r.Reserved.Target == target {
		held = append(held, r.Reserved.Domain)
	}
	return held
}

// Gate is where a job stands between its runs. The zero value is a job that has
// met no gate and is not held.
type Gate struct {
	// Next is the number of the wave behind the gate at which the last run ended.
	Next int `json:"next,omitempty"`
	// Approved is the number of the last wave that the command line has approved.
	Approved int `json:"approved,omitempty"`
	// Held tells that the command line has paused a job of a pool, whose pauses
	// are no state of a run.
	Held bool `json:"held,omitempty"`
	// Void is an approved_wave that was meant for an earlier revision.
	Void *int `json:"void,omitempty"`
}

// Failure is a partition that failed for good.
type Failure struct {
	Key      string `json:"key"`
	Start    string `json:"start"`
	End      string `json:"end"`
	Attempts int    `json:"attempts"`
	Message  string `json:"message,omitempty"`
	// Details are the last attempts, ascending.
	Details []Attempt `json:"details,omitempty"`
}

// Attempt is one pod that failed.
type Attempt struct {
	Number int `json:"number"` // from 0
	// Node it was on, and whether that had to be "spot" or "on_demand"; both may
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

// Run is one entry of the history.
type Run struct {
	Number     int
	Template   string
	Intervals  string // up to 4 kB, then ""
	Partitions int64
	Start, End time.Time
	// Outcome is "" while the run is not merged, else Succeeded, Failed,
	// Stopped, Lost, OverBudget, CanaryFailed, SetupFailed, Paused, Asked or NoBounds.
	Outcome string
	// Asks tells that the run asks for the bounds of the job's query. Message is why
	// it has found none, or why Argo ended the run although no partition failed.
	Asks    bool
	Message string
	// SetupError and TeardownError say why setup and teardown failed; "" where
	// they did not.
	SetupError, TeardownError string
	// Canary stands for what the run's canary tries; "" when it has none.
	Canary string
	// Until is the number of the wave before which the run ends, to wait for
	// approval; 0 when it runs to the end.
	Until int
	// MaxParallel is the job's at the submission; 0 when it is not known. With
	// it the run can be lowered again, byte for byte, and SpecHash proves it.
	MaxParallel int
	SpecHash    string
	// Claim is the random token of the submission, by which its author knows
	// it again.
	Claim string
	// Retiring tells that the run is merged, and that its objects have yet to
	// be told to leave.
	Retiring bool
	// Domain is the grid by which the run was cut, where it is not the
	// record's any more; nil else.
	Domain *domain.Domain
}

// Name is the name of a job's record.
func Name(job string) string { return job + "-backfill" }

// ErrForeign is the error of an object that is not a record of ours.
var ErrForeign = errors.New("not a record of a backfill job")

// ErrNewer is the error of a record that a later version of this program wrote.
var ErrNewer = errors.New("another version of this program wrote the record")

// TargetHash is the label value by which jobs with the same target find each
// other; "" for no target.
func TargetHash(target string) (string, error) {
	if target == "" {
		return "", nil
	}
	return manifest.Digest(target)
}

// Latest returns the last run, or nil.
func (r *Record) Latest() *Run {
	if len(r.Runs) == 0 {
		return nil
	}
	return &r.Runs[len(r.Runs)-1]
}

// Claim adds the next run to the history and returns its entry.
func (r *Record) Claim(run Run) *Run {
	run.Number = r.NextRun
	run.Outcome = Active
	if len(run.Intervals) > MaxIntervalBytes {
		run.Intervals = ""
	}
	r.NextRun++
	r.Runs = append(r.Runs, run)
	if len(r.Runs) > MaxRuns {
		r.Runs = append([]Run(nil), r.Runs[len(r.Runs)-MaxRuns:]...)
	}
	return r.Latest()
}

// Clone returns a copy that can be changed without changing r.
func (r Record) Clone() Record {
	r.Job = append([]byte(nil), r.Job...)
	r.Policy = append([]byte(nil), r.Policy...)
	r.Failures = append([]Failure(nil), r.Failures...)
	r.Runs = append([]Run(nil), r.Runs...)
	return r
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("the record cannot be read: "+format, args...)
}
