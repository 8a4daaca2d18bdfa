// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package state

import (
	"fmt"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// Phase is the state of a job as users see it.
type Phase string

// The phases of a job.
const (
	PhasePending          Phase = "Pending"
	PhaseRunning          Phase = "Running"
	PhasePaused           Phase = "Paused"
	PhaseStopping         Phase = "Stopping"
	PhaseAwaitingApproval Phase = "AwaitingApproval"
	PhaseComplete         Phase = "Complete"
	PhaseIncomplete       Phase = "Incomplete"
	PhaseFailed           Phase = "Failed"
)

// Active tells whether a run is under way in this phase, or paused.
func (p Phase) Active() bool {
	switch p {
	case PhasePending, PhaseRunning, PhasePaused, PhaseStopping:
		return true
	}
	return false
}

// CanaryState is how the canary of the latest run stands.
type CanaryState string

// The states of a canary.
const (
	CanaryNone    CanaryState = "none"    // the job declares none
	CanaryPending CanaryState = "pending" // it has not ended
	CanaryPassed  CanaryState = "passed"  // it succeeded, in this run or before
	CanaryBroken  CanaryState = "failed"
	CanaryLost    CanaryState = "lost" // the run ended before it
)

// Observation is a job at one moment. The State holds what is recorded together
// with what the latest run shows, also where that is not recorded yet. Terraform
// remembers one between its commands, with State, Phase and Drift alone.
type Observation struct {
	State
	Phase Phase
	// Running are the keys whose pods have begun and not ended.
	Running     ledger.Set
	CanaryState CanaryState
	// Obstacles say what an active run waits for or tries again, and what was refused
	// one that ended.
	Obstacles []Obstacle
	// Drift says, one sentence each, what was changed by hand.
	Drift []string
	// Unrecorded tells that there is no record of the job in the cluster.
	Unrecorded bool
}

// Obstacle is what keeps an active run from going on, or would keep the next one. It
// is no drift: an apply would change nothing about it.
type Obstacle struct {
	// Stuck tells that it has lasted longer than it should.
	Stuck bool
	// Retried tells that attempts failed and others follow.
	Retried bool
	// Refused tells that a run ended because the API server did not take its pods.
	Refused bool
	// What is one clause, without a full stop; Fix, if there is one, is a
	// sentence.
	What, Fix string
	// Kind is the same for what is the same obstacle at another moment.
	Kind string
}

// Sentence is the obstacle with what helps against it; without a full stop where
// nothing is to be done.
func (t Obstacle) Sentence() string {
	if t.Fix == "" {
		return t.What
	}
	return t.What + ". " + t.Fix
}

// LatestRun is the name of the latest run; "" when there was none.
func (o *Observation) LatestRun() string {
	if latest := o.Latest(); latest != nil {
		return argo.RunName(o.Name, latest.Number)
	}
	return ""
}

// UnderWay tells whether a run is under way. A job of a pool is paused without
// one.
func (o *Observation) UnderWay() bool { return o.Active() != nil && o.Phase.Active() }

// PhaseAtRest is the phase of a job that has no run under way.
func (o *Observation) PhaseAtRest() Phase {
	switch {
	case o.Ending() == NoBounds:
		return PhaseFailed
	case !o.Domain().Bounded():
		return PhaseIncomplete
	case o.Remaining().Empty():
		return PhaseComplete
	case o.PausedWithoutRun():
		return PhasePaused
	case o.AwaitsApproval():
		return PhaseAwaitingApproval
	case !o.Failed.Empty() || o.Ending() == SetupFailed:
		return PhaseFailed
	}
	return PhaseIncomplete
}

// Ending is how the latest run ended; Active when there is none, or it has not.
func (o *Observation) Ending() Outcome { return o.latest().Outcome }

// Template is the name of the latest run's template.
func (o *Observation) Template() string { return o.latest().Template }

// Message is why the latest run found no bounds, or why Argo ended it.
func (o *Observation) Message() string { return o.latest().Message }

// SetupError is why the latest run's setup failed; "" where it did not.
func (o *Observation) SetupError() string { return o.latest().SetupError }

// TeardownError is why the latest run's teardown failed; "" where it did not.
func (o *Observation) TeardownError() string { return o.latest().TeardownError }

func (o *Observation) latest() Run {
	if latest := o.Latest(); latest != nil {
		return *latest
	}
	return Run{}
}

// Total is the number of partitions of the domain; 0 while its bounds are not
// known.
func (s *State) Total() int64 { return s.Domain().Count() }

// DoneCount is the number of partitions that are done.
func (s *State) DoneCount() int64 { return s.Done.Count(s.Domain()) }

// FailedCount is the number of partitions that failed for good.
func (s *State) FailedCount() int64 { return s.Failed.Count(s.Domain()) }

// RemainingCount is the number of partitions that are not done.
func (s *State) RemainingCount() int64 { return s.Remaining().Count(s.Domain()) }

// maxText is the longest set that is shown in full, in bytes.
const maxText = 16 << 10

// Text is the text of a set of keys; "" when longer than 16 kB, see the counts.
func Text(set ledger.Set, d domain.Domain) string {
	if text := set.Text(d); len(text) <= maxText {
		return text
	}
	return ""
}

// DoneText is the text of what is done; "" when longer than 16 kB.
func (s *State) DoneText() string { return Text(s.Done, s.Domain()) }

// FailedText is the text of what failed for good; "" when longer than 16 kB.
func (s *State) FailedText() string { return Text(s.Failed, s.Domain()) }

// RemainingText is the text of what is not done; "" when longer than 16 kB.
func (s *State) RemainingText() string { return Text(s.Remaining(), s.Domain()) }

// Progress is the number of partitions that are done, of all.
func (s *State) Progress() string {
	if !s.Domain().Bounded() {
		return fmt.Sprintf("%d/?", s.DoneCount())
	}
	return fmt.Sprintf("%d/%d", s.DoneCount(), s.Total())
}

// FailedPartitions lists the first partitions that have failed, at most so many,
// in ascending order, with the details at hand.
func (s *State) FailedPartitions(most int) []Failure { return s.Describe(s.Failed, most) }

// SetFailures keeps the details of what is still failed, the first MaxFailures
// in ascending order; earlier entries of the same key win.
func (s *State) SetFailures(details []Failure) { s.Failures = s.detailed(details) }

func (s *State) detailed(details []Failure) []Failure {
	var kept []Failure
	for _, f := range s.described(details, s.Failed, MaxFailures) {
		if f.Attempts > 0 {
			kept = append(kept, f)
		}
	}
	return kept
}

// Describe lists the first partitions of a set of keys, at most so many, with what
// is known of those that have failed.
func (s *State) Describe(set ledger.Set, most int) []Failure {
	return s.described(s.Failures, set, most)
}

func (s *State) described(details []Failure, set ledger.Set, most int) []Failure {
	byKey := map[string]Failure{}
	for _, f := range details {
		if _, known := byKey[f.Key]; !known {
			byKey[f.Key] = f
		}
	}
	var out []Failure
	d := s.Domain()
	for p := range set.Partitions(d) {
		if len(out) == most {
			break
		}
		key := d.Key(p)
		f, known := byKey[key]
		if !known {
			f = Failure{Key: key}
			f.Start, f.End = BoundsOf(d, p)
		}
		out = append(out, f)
	}
	return out
}

// BoundsOf are the bounds of a partition of one axis with positions, else "".
func BoundsOf(d domain.Domain, p domain.Partition) (start, end string) {
	if len(d.Dimensions) != 1 || d.Dimensions[0].Axis.Kind() == domain.Value {
		return "", ""
	}
	return d.Bounds(0, p.Parts[0])
}
