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
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// situation is what a decision is made from.
type situation struct {
	seen     *state.Observation // nil: there is no such job
	declared state.Declaration
	policy   state.Policy
	// outlined tells that parts of the declared job are not known yet.
	outlined bool
	// stopped tells that a run was under way and has been stopped for the change.
	stopped bool

	// job is the declared job with the bounds that are known.
	job *job.Job
	// findsBounds tells that the next run finds the bounds of the query. Where
	// those known before still serve to tell what is done, job has them.
	findsBounds bool

	// template is that of the declared job, and before that of the job as it was
	// declared before.
	template, before string
}

// certain tells whether an outline decides as the whole job will. A run under way is
// stopped for another template, and a canary is left out that succeeded with the same.
func (s *situation) certain() bool {
	return s.seen == nil || !s.seen.UnderWay() && (compile.Tries(s.job, "") == "" || s.seen.Canary == "")
}

// compareTemplates finds the template of the job as it was declared before. It
// matters only where an attribute of the class next was edited: nothing else may
// stop a run that is under way.
// See internal/decisions/0006-edit-classes.md.
func (s *situation) compareTemplates() error {
	s.before = s.template
	if s.seen == nil || s.outlined || !s.edited(jobschema.Next) {
		return nil
	}
	before, err := lower.Template(s.seen.Job())
	if err != nil {
		return err
	}
	s.before = before.GetName()
	return nil
}

// edited tells whether an attribute of a class differs from what is recorded.
func (s *situation) edited(class jobschema.EditClass) bool {
	if s.seen.Declaration.Text() == s.declared.Text() {
		return false
	}
	if s.declared.Text() == "" {
		return true // parts are unknown; what they will be is not compared
	}
	for _, e := range jobschema.Edits([]byte(s.seen.Declaration.Text()), []byte(s.declared.Text())) {
		if e.Class == class {
			return true
		}
	}
	return false
}

// changesRunner tells whether what runs differs from what ran before.
func (s *situation) changesRunner() bool { return s.template != s.before }

// revised tells whether the policy asks for everything to run again.
func (s *situation) revised() bool { return s.policy.Revision != s.seen.Policy.Revision }

// asksAgain tells whether the policy has another rerun_token.
func (s *situation) asksAgain() bool { return s.policy.RerunToken != s.seen.Policy.RerunToken }

// otherKeys tells whether the declared keys are of another kind.
func (s *situation) otherKeys() bool { return !s.job.Domain.SameSpace(s.seen.Domain()) }

// next decides whether a run is called for, over what, and why.
func (s *situation) next() *Run {
	if s.findsBounds {
		return s.queryRun()
	}
	full := ledger.Full(s.job.Domain)
	total := s.job.Domain.Count()
	if s.seen == nil {
		r := &Run{NextRun: NextRun{Because: fmt.Sprintf("This is a new job: %s will run.", all(total))}}
		return s.cut(r, full, state.Gate{}, "")
	}
	if !s.seen.UnderWay() && state.PausedWithoutRun(s.job, s.policy, s.seen.Gate) {
		return nil
	}
	r := &Run{Stops: s.seen.UnderWay()}
	switch {
	case s.revised():
		r.Empties = true
		r.Because = fmt.Sprintf("The revision changed from %q to %q: %s will run again, including %d that are done.",
			s.seen.Policy.Revision, s.policy.Revision, all(total), s.seen.Done.Intersect(full).Count(s.job.Domain))
		return s.cut(r, full, s.seen.Gate.AfterRevision(s.seen.Policy, s.policy), "")
	case s.otherKeys():
		r.Empties = true
		r.Because = fmt.Sprintf("The kind of the keys changed from %s to %s, and nothing that is done counts any more: %s "+
			"will run.",
			s.seen.Domain(), s.job.Domain, all(total))
		return s.cut(r, full, s.seen.Gate, s.seen.Canary)
	case s.goesOn():
		return nil
	}
	remaining := full.Minus(s.seen.Done)
	if s.policy.Manual() && !s.asksAgain() && s.seen.Ending() != state.BoundsFound {
		remaining = remaining.Minus(s.waiting())
	}
	r.Because = s.because(remaining)
	return s.cut(r, remaining, s.seen.Gate, s.seen.Canary)
}

// goesOn tells whether the run under way goes on; what it leaves is proposed
// after its end.
func (s *situation) goesOn() bool {
	return s.seen.UnderWay() && !s.resumes() && (!s.changesRunner() || s.policy.OnChange == state.OnChangeFinish)
}

// cut fixes what the run covers: what remains, up to a closed gate. It is nil
// where that is nothing.
func (s *situation) cut(r *Run, remaining ledger.Set, gate state.Gate, tried string) *Run {
	from := compile.Position{Tried: tried, First: gate.Next, Approved: gate.Approvals(s.policy)}
	r.Spec = compile.NextSpec(s.job, s.template, remaining, from)
	if r.Spec.Covers.Empty() {
		return nil
	}
	r.Template = s.template
	r.Partitions = r.Spec.Covers.Count(s.job.Domain)
	if r.Spec.Until > 0 {
		r.Partitions = r.Spec.Plan().Partitions
		r.Because += fmt.Sprintf(" %d run now; wave %d and what follows it wait for approval.", r.Partitions, r.Spec.Until)
	}
	r.Intervals = state.Text(r.Spec.Covers, s.job.Domain)
	return r
}

// waiting are the keys that only another rerun_token takes up again: what has
// failed and, unless a run is stopped just to continue with a new one, what was
// left.
func (s *situation) waiting() ledger.Set {
	if s.seen.UnderWay() || s.stopped || s.seen.Ending() == state.Paused {
		return s.seen.Failed
	}
	return ledger.Full(s.seen.Domain())
}

// resumes tells that the run of a job that was paused is still about to end, and
// that a new one is wanted already.
func (s *situation) resumes() bool {
	return s.job.Pool != "" && s.seen.Phase == state.PhaseStopping && !state.PausedWithoutRun(s.job, s.policy, s.seen.Gate)
}

// prevented refuses a run by which finished keys would run again.
func (s *situation) prevented(r *Run) hcl.Diagnostics {
	if r == nil || !r.Empties || !s.policy.PreventReprocess || s.seen.Done.Empty() {
		return nil
	}
	return hcl.Diagnostics{problem(diag.CodeReprocess, "%s That is refused, because prevent_reprocess is true. "+
		"Undo the change, or set prevent_reprocess to false first.", r.Because)}
}

func all(n int64) string {
	if n == 1 {
		return "its only partition"
	}
	return fmt.Sprintf("all %d partitions", n)
}

// because names the reasons for which keys remain.
func (s *situation) because(remaining ledger.Set) string {
	d := s.job.Domain
	grown := remaining.Minus(ledger.Full(s.seen.Domain()))
	failed := remaining.Intersect(s.seen.Failed)
	rest := remaining.Minus(grown).Minus(failed)
	var reasons []string
	for _, part := range []struct {
		set       ledger.Set
		one, many string
	}{
		{failed, "failed", "failed"},
		{rest, "did not finish", "did not finish"},
		{grown, "is new because the domain has grown", "are new because the domain has grown"},
	} {
		n, what := part.set.Count(d), part.many
		if n == 0 {
			continue
		}
		number := fmt.Sprint(n)
		if len(reasons) == 0 {
			number = Partitions(n, "")
		}
		if n == 1 {
			what = part.one
		}
		reasons = append(reasons, number+" "+what)
	}
	text := strings.Join(reasons, ", ") + "."
	if s.seen.Ending() == state.BoundsFound {
		text += fmt.Sprintf(" Run %s found the bounds %s.", s.seen.LatestRun(), state.Text(ledger.Full(d), d))
	}
	switch {
	case s.seen.UnderWay() && !s.changesRunner():
		return fmt.Sprintf("The job goes on while run %s is being stopped: what it has not done by its end runs then. So "+
			"far %s",
			s.seen.LatestRun(), text)
	case s.seen.UnderWay():
		return fmt.Sprintf("The runner changed while run %s is active: the run will be stopped, and what it has not done "+
			"by then "+
			"runs with the new template. So far %s", s.seen.LatestRun(), text)
	}
	text += s.ended()
	if s.changesRunner() {
		text += " The runner changed; they run with the new template."
	}
	return text
}

// ended says how the last run ended, where that explains what remains.
func (s *situation) ended() string {
	run := s.seen.LatestRun()
	switch s.seen.Ending() {
	case state.Failed:
		if message := s.seen.Message(); message != "" {
			return fmt.Sprintf(" Argo ended run %s: %s.", run, message)
		}
	case state.OverBudget:
		return fmt.Sprintf(" Run %s started no further wave, because more partitions had failed than its failure budget "+
			"allows.", run)
	case state.SetupFailed:
		return fmt.Sprintf(" The setup of run %s failed, and nothing else was started: %s.",
			run, strings.TrimSuffix(s.seen.SetupError(), "."))
	case state.CanaryFailed:
		return fmt.Sprintf(" The canary of run %s failed, and nothing else was started.", run)
	case state.Stopped:
		return fmt.Sprintf(" Run %s was stopped before its end.", run)
	case state.Paused:
		return fmt.Sprintf(" Run %s was stopped when the job was paused.", run)
	}
	return ""
}

func problem(code, format string, args ...any) *hcl.Diagnostic {
	return diag.At(code, nil, fmt.Sprintf(format, args...))
}
