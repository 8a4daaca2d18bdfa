// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package observe

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/read"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// Observation is the recorded state plus what the run shows whose outcome is not
// recorded.
func (s *Snapshot) Observation(now time.Time) (*state.Observation, hcl.Diagnostics) {
	o := &state.Observation{State: *s.State.Clone(), CanaryState: s.canaryState()}
	var diags hcl.Diagnostics
	switch {
	case s.Ended():
		Merge(&o.State, s.Run, now)
	case s.Active():
		s.Run.addTo(&o.State)
		latest := o.Latest()
		latest.SetupError, latest.TeardownError = s.Run.Outcome.Setup.Message, s.Run.Outcome.Teardown.Message
		o.Running = s.Run.Outcome.Running.Intersect(ledger.Full(o.Domain())).Minus(o.Done)
	case s.Missing():
		diags = append(diags, lost(s.State, s.Run.Entry.Number))
	}
	o.Phase = s.phase(o)
	return o, diags
}

// Merge puts the outcome of an ended run into a state; false when somebody did so
// before.
func Merge(s *state.State, r *Run, now time.Time) bool {
	entry := s.Run(r.Entry.Number)
	if entry == nil || entry.Outcome != state.Active {
		return false
	}
	r.KeepBounds(s)
	r.addTo(s)
	outcome := r.ending(s)
	entry.SetupError, entry.TeardownError = r.Outcome.Setup.Message, r.Outcome.Teardown.Message
	entry.Message = r.problem(outcome)
	if r.FindsBounds {
		entry.Intervals = r.Outcome.Covers.Text(s.Domain())
		if len(entry.Intervals) > state.MaxIntervalBytes {
			entry.Intervals = ""
		}
		entry.Partitions = r.Outcome.Covers.Count(s.Domain())
	}
	s.Gate = s.Gate.After(entry.Until, outcome)
	if entry.Tries != "" && r.Outcome.Canary == argo.PhaseSucceeded {
		s.Canary = entry.Tries
	}
	if !r.Outcome.Started.IsZero() {
		entry.Start = r.Outcome.Started
	}
	if entry.End = r.Outcome.Finished; entry.End.IsZero() {
		entry.End = now
	}
	entry.Retiring, entry.Lingers = true, r.Left.Overdue
	entry.Recorded(outcome)
	return true
}

// addTo puts what a run has achieved into a state. Keys that left the domain
// meanwhile are dropped.
func (r *Run) addTo(s *state.State) {
	d := s.Domain()
	if !d.SameSpace(r.Domain) {
		return
	}
	full := ledger.Full(d)
	s.Done = s.Done.Union(r.Outcome.Done.Intersect(full))
	s.Failed = s.Failed.Minus(r.Outcome.Covers).Union(r.Outcome.Failed.Intersect(full)).Minus(s.Done)
	failures := make([]state.Failure, 0, len(r.Outcome.Failures)+len(s.Failures))
	for _, f := range r.Outcome.Failures {
		failures = append(failures, describe(r.Domain, f))
	}
	s.SetFailures(append(failures, s.Failures...))
}

// ending is the outcome of a run, as its job sees it.
func (r *Run) ending(s *state.State) state.Outcome {
	outcome := r.outcome()
	if outcome == state.Stopped && s.PausedWithoutRun() {
		return state.Paused
	}
	return outcome
}

func (r *Run) outcome() state.Outcome {
	stopped := argo.ShutDown(r.Workflow)
	switch {
	case r.Outcome.Setup.Failed() && !stopped && r.FindsBounds:
		return state.SetupFailed
	case r.FindsBounds && r.Query.Bounds == nil:
		return state.NoBounds
	case r.Only:
		return state.BoundsFound
	case r.Outcome.Done.Contains(r.Outcome.Covers):
		return state.Succeeded
	case stopped:
		return state.Stopped
	case r.Outcome.Setup.Failed():
		return state.SetupFailed
	case r.Outcome.OverBudget:
		return state.OverBudget
	case r.Outcome.Canary == argo.PhaseFailed:
		return state.CanaryFailed
	}
	return state.Failed
}

// problem is why a run that ended so found no bounds, or why Argo ended it
// although no partition failed; else "".
func (r *Run) problem(outcome state.Outcome) string {
	switch {
	case r.FindsBounds:
		return r.Query.Problem
	case outcome == state.Failed && (r.Outcome.Failed.Empty() || r.Outcome.Unlaunched > 0):
		return strings.TrimSuffix(text.OneLine(r.Outcome.Message), ".")
	}
	return ""
}

// phase is the state of the job as users see it.
func (s *Snapshot) phase(o *state.Observation) state.Phase {
	if s.Active() {
		return s.Run.Phase()
	}
	return o.PhaseAtRest()
}

// Phase is that of a run under way.
func (r *Run) Phase() state.Phase {
	switch {
	case argo.ShutDown(r.Workflow) || r.Settling():
		return state.PhaseStopping
	case argo.Suspended(r.Workflow):
		return state.PhasePaused
	case r.Outcome.Phase == "" || r.Outcome.Phase == argo.PhasePending:
		return state.PhasePending
	}
	return state.PhaseRunning
}

// canaryState looks at the canary of the latest run.
func (s *Snapshot) canaryState() state.CanaryState {
	j, latest := s.State.Job(), s.State.Latest()
	if compile.Tries(j, "") == "" {
		return state.CanaryNone
	}
	if latest == nil {
		return state.CanaryPending
	}
	tried := latest.Tries
	if tried == "" {
		// The run left it out, because it succeeded before; or it is older than
		// the canary's declaration.
		tried = compile.Tries(j, latest.Template)
	}
	seen := argo.Phase("")
	if s.Run != nil {
		seen = s.Run.Outcome.Canary
	}
	switch {
	case s.State.Canary == tried, latest.Tries != "" && seen == argo.PhaseSucceeded:
		return state.CanaryPassed
	case seen.Ended(), latest.Outcome == state.CanaryFailed:
		return state.CanaryBroken
	case s.Active():
		return state.CanaryPending
	}
	return state.CanaryLost
}

func lost(s *state.State, number int) *hcl.Diagnostic {
	return Warning(diag.CodeRunLost, "The record of job \"%s/%s\" names run %s, but there is no such Workflow: it was "+
		"deleted before its "+
		"outcome was recorded, or its submission was interrupted. What it covered and was not recorded before counts as "+
		"not done. "+
		"Plan again, and apply, to run it.", s.Namespace, s.Name, argo.RunName(s.Name, number))
}

func describe(d domain.Domain, f read.Failure) state.Failure {
	out := state.Failure{Key: d.Key(f.Partition), Attempts: f.Attempts, Message: f.Message}
	out.Start, out.End = state.BoundsOf(d, f.Partition)
	for _, a := range f.Details {
		out.Details = append(out.Details, attempt(a))
	}
	return out
}

func attempt(a read.Attempt) state.Attempt {
	out := state.Attempt{
		Number:   a.Number,
		Node:     a.Node,
		Capacity: a.Capacity,
		Cause:    string(a.Cause),
		Message:  text.OneLine(a.Message),
		Started:  stamp(a.Started),
		Finished: stamp(a.Finished),
	}
	if a.ExitCode >= 0 {
		out.ExitCode = &a.ExitCode
	}
	return out
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Troubles warns of what went wrong beside the partitions of the latest run.
func Troubles(o *state.Observation) hcl.Diagnostics {
	troubles := append(Stuck(o), Refused(o)...)
	if o.TeardownError() == "" {
		return troubles
	}
	return append(troubles, Warning(diag.CodeTeardown, "The teardown of run %s of job \"%s/%s\" failed for good, and is "+
		"not tried again: %s. "+
		"What the partitions have done stays done. Do by hand what the teardown was to do; this warning goes with the "+
		"next run.",
		o.LatestRun(), o.Namespace, o.Name, o.TeardownError()))
}

// imposed warns of what the controller's defaults have made of the run under way.
func (s *Snapshot) imposed() hcl.Diagnostics {
	if !s.Active() {
		return nil
	}
	var what []string
	for _, i := range argo.Impositions(s.Run.Workflow) {
		what = append(what, fmt.Sprintf("%q (%s)", i.Field, i.Effect))
	}
	if len(what) == 0 {
		return nil
	}
	return hcl.Diagnostics{Warning(diag.CodeImposed, "The Argo controller's workflowDefaults gave Workflow \"%s/%s\" "+
		"what this program "+
		"cannot keep out: %s. Remove that from the workflowDefaults; the warning goes with the next run.",
		s.State.Namespace, s.Run.Workflow.GetName(), strings.Join(what, ", "))}
}
