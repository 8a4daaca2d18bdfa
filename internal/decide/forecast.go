// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package decide

import (
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// Forecast is the job right after its actions are carried out, as far as what is
// seen tells. An apply only submits, so it changes nothing that a plan cannot
// foresee; what pods have done meanwhile, the next observation shows.
// See internal/decisions/0038-results-are-planned.md.
func (d *Decision) Forecast(seen *state.Observation) (*state.Observation, error) {
	o := &state.Observation{State: state.State{Namespace: d.Job.Namespace, Name: d.Job.Name, NextRun: 1}}
	if seen != nil {
		o.State, o.Phase = *seen.State.Clone(), seen.Phase
	}
	number, resumes := d.Number(&o.State)
	if _, err := d.WriteTo(&o.State, o.Owner); err != nil {
		return nil, err
	}
	switch {
	case d.Next != nil:
		d.forecastRun(o, number, resumes)
	case seen == nil || !seen.UnderWay():
		o.Phase = o.PhaseAtRest()
	default:
		d.forecastPause(o)
	}
	return o, nil
}

// forecastRun enters the run that is submitted: what it covers has not failed
// any more.
func (d *Decision) forecastRun(o *state.Observation, number int, resumes bool) {
	o.Phase = state.PhasePending
	if d.Policy.IsPaused() {
		o.Phase = state.PhasePaused
	}
	o.Failed = o.Failed.Minus(d.Next.Spec.Covers)
	o.Clip()
	if !resumes {
		o.NextRun = number
		o.Claim(state.Run{RunSpec: plan.RunSpec{Template: d.Template}})
	}
}

// forecastPause is what pausing or resuming makes of the phase of a run that goes
// on.
func (d *Decision) forecastPause(o *state.Observation) {
	for _, action := range d.Actions {
		set, ok := action.(SetPaused)
		switch {
		case !ok:
		case set.Paused:
			o.Phase = state.PhasePaused // a run that holds places of a pool has ended by then
		default:
			o.Phase = state.PhaseRunning
		}
	}
}

// Number is the number of the run that is submitted, and whether it is one that
// was claimed before, see Resumes.
func (d *Decision) Number(s *state.State) (number int, resumes bool) {
	if !d.Stops() && d.Resumes(s) {
		return s.Latest().Number, true
	}
	return s.NextRun, false
}
