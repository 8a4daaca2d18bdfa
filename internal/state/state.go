// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package state is what is known of a job: its declaration and policy, what is
// done and what failed, its runs, gates and bounds.
//
// A State is a value. The ConfigMap record in the cluster and the private state
// of Terraform are two serializations of it by one codec (codec.go); nobody else
// reads or writes their texts. What somebody saw of a job at one moment is an
// Observation: a State together with what only that moment shows.
//
// Invariants:
//
//   - Done and Failed are disjoint and lie in the domain of the job.
//   - Runs have ascending numbers, all below NextRun. Only the last one may be
//     active, and only an active run keeps its whole RunSpec: it is read by
//     whoever needs to know what was submitted, and never guessed.
//   - A job whose query has found bounds has a bounded domain.
//
// The package is pure. Package observe reads records, and package apply writes
// them.
package state

import (
	"slices"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// State is what a job has declared and achieved.
type State struct {
	Namespace, Name string
	// Declaration is what was applied last. Use Declare to change it.
	Declaration Declaration
	// Bounds is what the job's query found last; nil without a query, and while
	// it has found nothing.
	Bounds *domain.Interval
	// Grown tells that the query ran again and found keys that the job did not
	// hold before. Whether another job holds them is not known yet.
	Grown  bool
	Policy Policy
	// Owner is the random token of the Terraform state that manages the job; ""
	// after an import, or when the command line created the job.
	Owner string
	// Creating is set from the first write of the record until its first run is
	// submitted: only then may somebody else go on with the creation.
	Creating bool

	Done, Failed ledger.Set
	Failures     []Failure // the first MaxFailures

	NextRun int   // number of the next run, from 1
	Runs    []Run // the last MaxRuns, oldest first
	// Canary identifies what the last successful canary tried; "" for none.
	Canary string
	Gate   Gate
	// Reserved are keys that an update is about to declare; nil but for the
	// moment between asking for them and having them.
	Reserved *Reservation

	// Writer is the version of the program that wrote the state last.
	Writer string

	UID, ResourceVersion string // of the ConfigMap
	Created              time.Time

	bound *job.Job // the declared job, with Bounds
}

// Job is the declared job, with the bounds that its query has found.
func (s *State) Job() *job.Job { return s.bound }

// Domain is that of the job: open while its bounds are not known.
func (s *State) Domain() domain.Domain {
	if s.bound == nil {
		return domain.Domain{}
	}
	return s.bound.Domain
}

// Target is what the job writes to, by which jobs exclude each other.
func (s *State) Target() string { return s.Declaration.job.Target }

// Declare replaces the declaration and the bounds of its query. It fails when
// the bounds do not fit the declaration, and changes nothing then.
func (s *State) Declare(d Declaration, bounds *domain.Interval) error {
	j, err := Bound(d.job, bounds)
	if err != nil {
		return err
	}
	s.Declaration, s.Bounds, s.bound = d, bounds, j
	if d.job.Query == nil {
		s.Bounds = nil
	}
	return nil
}

// Bound is a job with the bounds that its query has found; without a query, or
// without bounds, it is the job itself.
func Bound(j *job.Job, bounds *domain.Interval) (*job.Job, error) {
	if j.Query == nil || bounds == nil {
		return j, nil
	}
	return j.Bound(*bounds)
}

// Clip drops what lies outside of the domain from the ledger.
func (s *State) Clip() {
	full := ledger.Full(s.Domain())
	s.Done = s.Done.Intersect(full)
	s.Failed = s.Failed.Intersect(full).Minus(s.Done)
	s.Failures = s.detailed(s.Failures)
}

// Remaining is every key that is not done.
func (s *State) Remaining() ledger.Set { return ledger.Full(s.Domain()).Minus(s.Done) }

// Holds lists the domains that a job holds or reserves of a target.
func (s *State) Holds(target string) []domain.Domain {
	var held []domain.Domain
	if s.Target() == target {
		held = append(held, s.Domain())
	}
	if s.Reserved != nil && s.Reserved.Target == target {
		held = append(held, s.Reserved.Domain)
	}
	return held
}

// HoldsAll tells whether a job that holds a holds all keys of b too.
func HoldsAll(a, b domain.Domain) bool {
	if !a.SameSpace(b) || !a.Bounded() {
		return a.SameSpace(b)
	}
	return b.Bounded() && ledger.Full(a).Contains(ledger.Full(b))
}

// Reservation is a domain of a target that a job wants to hold besides its own.
type Reservation struct {
	Domain domain.Domain
	Target string
}

// Clone returns a copy that can be changed without changing s.
func (s *State) Clone() *State {
	c := *s
	c.Failures = slices.Clone(s.Failures)
	c.Runs = slices.Clone(s.Runs)
	return &c
}

// Latest returns the last run, or nil.
func (s *State) Latest() *Run {
	if len(s.Runs) == 0 {
		return nil
	}
	return &s.Runs[len(s.Runs)-1]
}

// Active is the latest run while its outcome is not recorded; else nil.
func (s *State) Active() *Run {
	if latest := s.Latest(); latest != nil && latest.Outcome == Active {
		return latest
	}
	return nil
}

// Lingers tells whether pods of a recorded run may live.
func (s *State) Lingers() bool {
	return slices.ContainsFunc(s.Runs, func(r Run) bool { return r.Lingers })
}

// Unfinished tells whether the job's creation was cut off, as far as the record tells:
// nothing but its first run is claimed.
func (s *State) Unfinished() bool { return s.Creating && s.Active() != nil && s.NextRun == 2 }

// Run finds a run of the history by its number; nil when there is none.
func (s *State) Run(number int) *Run {
	for i := range s.Runs {
		if s.Runs[i].Number == number {
			return &s.Runs[i]
		}
	}
	return nil
}

// Claim adds a run to the history under the next number.
func (s *State) Claim(run Run) {
	run.Number = s.NextRun
	run.Outcome = Active
	s.NextRun++
	s.Runs = append(s.Runs, run)
	s.Runs = slices.Clone(s.Runs[max(0, len(s.Runs)-MaxRuns):])
}

// PausedWithoutRun tells whether a job of a pool is paused, and so has no run:
// one that waits would keep its places. The policy takes precedence over the
// command line.
func (s *State) PausedWithoutRun() bool { return PausedWithoutRun(s.bound, s.Policy, s.Gate) }

// PausedWithoutRun is the same for a job, a policy and a gate.
func PausedWithoutRun(j *job.Job, p Policy, g Gate) bool {
	if j.Pool == "" {
		return false
	}
	if p.Paused != nil {
		return *p.Paused
	}
	return g.Paused
}

// AwaitsApproval tells whether the job waits at a gate.
func (s *State) AwaitsApproval() bool { return s.Gate.Next > s.Gate.Approvals(s.Policy) }
