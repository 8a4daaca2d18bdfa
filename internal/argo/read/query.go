// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
)

// Result is what the generator of a run has found.
type Result struct {
	// Bounds is nil while there is no usable result.
	Bounds *domain.Interval
	// Problem is why there will be none, for people; "" while there may be one.
	Problem string
}

// findBounds reads the result of the run's generator, and what follows from it:
// the whole grid between the bounds is the only segment of the run.
func (r *Run) findBounds() error {
	// What does not depend on the result is read now, so that no result is blamed.
	q, err := expr.QueryOf(r.args)
	if err != nil {
		return err
	}
	text, written, problem := r.generated()
	if r.result.Problem = problem; !written {
		return nil
	}
	found, problem := q.Bounds(text)
	if r.result.Problem = problem; problem == "" {
		r.result.Bounds = &found.Bounds
		r.segments, r.total = []expr.Segment{found.Whole}, found.Total
	}
	return nil
}

// generated is what the generator wrote, or why it will write nothing.
func (w workflow) generated() (text string, written bool, problem string) {
	for _, n := range w.running(argo.TemplateGenerator) {
		if strings.HasPrefix(n.DisplayName, argo.StepFirstWave) {
			continue // the check
		}
		switch {
		case n.Phase == argo.PhaseSucceeded:
			text, _ := n.Outputs.get(argo.OutResult)
			return text, true, ""
		case n.failed() && w.stopped(n):
			return "", false, "the run was stopped before its generator had answered"
		case n.failed():
			return "", false, "the generator failed: " + w.reason(n)
		}
	}
	if !w.phase.Ended() {
		return "", false, ""
	}
	problem = "the run ended before its generator had answered"
	if w.message != "" {
		problem += ": " + argo.Clip(w.message, argo.MaxMessage)
	}
	return "", false, problem
}
