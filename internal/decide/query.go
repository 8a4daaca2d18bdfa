// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package decide

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/lower"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// The bounds of a query are found once, by a run, and then kept: from then on the
// job is one of a range or of windows. Only another revision or another
// rerun_token runs the query again, and a run that found nothing.

// bind gives the job the bounds that its query has found, or has a run find them.
func (s *situation) bind() *hcl.Diagnostic {
	if s.job.Query == nil {
		return nil
	}
	var known *domain.Interval
	if s.seen != nil {
		known = s.seen.Bounds
	}
	switch {
	case s.seen == nil:
		s.findsBounds = true
	case s.revised(), s.otherKeys():
		s.findsBounds, known = true, nil
	case s.seen.Job().Query == nil:
		// What is done of declared bounds stays done.
		s.findsBounds, known = true, hull(s.seen.Domain())
	default:
		s.findsBounds = known == nil || s.seen.Ending() == state.NoBounds || s.asksAgain() && !s.seen.UnderWay()
	}
	if s.findsBounds && (s.seen == nil || s.seen.Done.Empty()) && !lower.OnlyFindsBounds(s.job) {
		known = nil // whatever the result is runs at once
	}
	bound, err := state.Bound(s.job, known)
	if err != nil {
		return queryProblem(err)
	}
	s.job = bound
	return nil
}

// queryProblem is about bounds that do not fit the declaration.
func queryProblem(err error) *hcl.Diagnostic {
	text := err.Error()
	return problem(diag.CodeQuery, "%s%s.", strings.ToUpper(text[:min(1, len(text))]), text[min(1, len(text)):])
}

// queryRun is a run that finds the bounds; nil where none is called for.
func (s *situation) queryRun() *Run {
	r := &Run{NextRun: NextRun{Template: s.template, FindsBounds: true}}
	again := false
	switch {
	case s.seen == nil:
		r.Because = "This is a new job, whose bounds are found at run time"
	case s.revised():
		r.Empties = true
		r.Because = fmt.Sprintf("The revision changed from %q to %q: the query runs again, and nothing counts as done any "+
			"more (%s so far)",
			s.seen.Policy.Revision, s.policy.Revision, Partitions(s.seen.DoneCount(), ""))
	case s.otherKeys():
		r.Empties = true
		r.Because = fmt.Sprintf("The kind of the keys changed from %s to %s, and nothing that is done counts any more: "+
			"the bounds are found at run time", s.seen.Domain(), s.job.Domain)
	case s.seen.UnderWay() && (!s.changesRunner() || s.policy.OnChange == state.OnChangeFinish):
		return nil
	case s.asksAgain():
		r.Because, again = "rerun_token changed: the query runs again", true
	case s.policy.Manual() && s.seen.Ending() == state.NoBounds:
		return nil // as for what has failed
	case s.seen.Ending() == state.NoBounds:
		r.Because = fmt.Sprintf("Run %s found no bounds (%s): the query runs again", s.seen.LatestRun(), s.seen.Message())
	default:
		r.Because = "The bounds are not known yet: they are found at run time"
	}
	r.Stops = s.seen != nil && s.seen.UnderWay()
	kept := s.seen != nil && !r.Empties && !s.seen.Done.Empty()
	only := kept || lower.OnlyFindsBounds(s.job)
	switch {
	case kept && again:
		r.Because += ". New keys between them run with the next apply."
	case only:
		r.Because += ". The keys between them run with the next apply."
	default:
		r.Because += fmt.Sprintf(", and everything between them runs: at most "+
			"%s.", Partitions(lower.MostPartitions(s.job), ""))
	}
	r.Spec = compile.QuerySpec(s.job, s.template, only)
	return r
}

// Partitions is a number of partitions, with the keys where that is short.
func Partitions(n int64, intervals string) string {
	text := fmt.Sprintf("%d partitions", n)
	if n == 1 {
		text = "1 partition"
	}
	if intervals != "" && len(intervals) <= 200 {
		text += " (" + intervals + ")"
	}
	return text
}
