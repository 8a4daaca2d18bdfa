// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/lower"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

// maxText is the longest set that is shown in full, in bytes.
const maxText = 16 << 10

// NextRun is what the next apply will submit.
type NextRun struct {
	Because string
	// Asks tells that the run asks for the bounds of the job's query, so that its
	// partitions are not known.
	Asks       bool
	Partitions int64
	Intervals  string // "" when longer than 16 kB
	Template   string
}

// Preview is everything about a job that is known without a cluster.
type Preview struct {
	// Open tells that the bounds, and with them the following, are not known yet.
	Open                          bool
	PartitionCount, ShardCount    int64
	FirstPartition, LastPartition string // keys, ascending
	Template                      string
	Next                          *NextRun // nil: nothing to run
	// Heals repeats what was changed by hand and will be put back; the plan is
	// not empty then.
	Heals []string
}

// Known is what a Terraform state remembers of a job; planning uses it and
// never the cluster.
type Known struct {
	Job          []byte // canonical declaration last applied; nil for a new job
	Done, Failed string // interval text
	Phase        Phase
	Run          string
	Drift        []string // of the last observation
	Policy       Policy   // of the last observation
	Ending       string   // of the last observation
	SetupError   string   // of the last observation
	Message      string   // of the last observation
	Bounds       *domain.Interval
	Canary       string // of the last observation
	Gate         Gate   // of the last observation
}

// Declared is a declaration that has been read. It can be planned more than
// once, and is compiled once for all of them.
type Declared struct {
	value cty.Value
	job   *job.Job // nil where something that it needs is unknown
	diags hcl.Diagnostics
	whole func() (*Compiled, hcl.Diagnostics)
}

// Declare reads a value of the table's type. What is wrong with it, each plan
// tells.
func Declare(v cty.Value) *Declared {
	d := &Declared{value: v}
	d.job, d.diags = decode(v)
	d.whole = sync.OnceValues(func() (*Compiled, hcl.Diagnostics) { return compileWhole(d.job) })
	return d
}

// compileWhole compiles a job whatever of it is done and whatever waits for
// approval: it shows now what a later apply would stumble over.
func compileWhole(j *job.Job) (*Compiled, hcl.Diagnostics) {
	open := *j
	open.Gates = plan.Gates{}
	return compile(&open, ledger.Full(j.Domain), 1, stand{})
}

// Plan says what applying the declaration on top of what is known would do, with
// the known policy. It is pure. The preview is nil when there are errors, or when
// something that it needs is unknown.
func (d *Declared) Plan(known *Known) (*Preview, hcl.Diagnostics) {
	var p Policy
	if known != nil {
		p = known.Policy
	}
	preview, _, diags := d.plan(p, known)
	return preview, diags
}

// PlanWith is Plan with a policy, which may differ from the known one. Limits are
// checked when there is something to apply: a job at rest is never refused.
func (d *Declared) PlanWith(policy Policy, known *Known) (*Preview, hcl.Diagnostics) {
	p, now, diags := d.plan(policy, known)
	if p == nil {
		return nil, diags
	}
	if p.Next != nil || known == nil || known.changed(d.value) {
		diags = append(diags, policy.guard(now, p.Template)...)
	}
	return p, diags
}

// changed tells whether a declaration is another than the known one.
func (k *Known) changed(v cty.Value) bool {
	canonical, err := job.Canonical(v)
	return err != nil || !bytes.Equal(k.Job, canonical)
}

// plan also returns the job with the bounds that its query has found.
func (d *Declared) plan(policy Policy, known *Known) (*Preview, *job.Job, hcl.Diagnostics) {
	diags := slices.Clone(d.diags)
	if d.job == nil || diags.HasErrors() {
		return nil, nil, diags
	}
	canonical, err := job.Canonical(d.value)
	if err != nil {
		// Unknown parts: what is needed is known, or j would be nil.
		canonical = nil
	}
	s, err := known.situation(d.job, canonical)
	if err != nil {
		return nil, nil, append(diags, damagedState(err))
	}
	s.policy = policy
	var bounds *domain.Interval
	if known != nil {
		s.policyBefore, bounds = known.Policy, known.Bounds
	}
	if problem := s.bind(bounds); problem != nil {
		return nil, nil, append(diags, problem)
	}
	j := s.now
	compiled := d.whole
	if j != d.job { // its query has found bounds
		compiled = func() (*Compiled, hcl.Diagnostics) { return compileWhole(j) }
	}
	whole, more := compiled()
	diags = append(diags, more...)
	if whole == nil || diags.HasErrors() {
		return nil, nil, diags
	}
	if err := s.name(whole.Template); err != nil {
		return nil, nil, append(diags, internal("comparing templates", err))
	}
	p := &Preview{Template: whole.Template, Open: !j.Domain.Bounded()}
	if !p.Open {
		p.PartitionCount, p.ShardCount = j.Domain.Count(), int64(whole.Plan.ShardCount())
		p.FirstPartition, p.LastPartition = j.Domain.Key(j.Domain.At(0)), j.Domain.Key(j.Domain.At(j.Domain.Count()-1))
	}
	if known != nil {
		p.Heals = known.Drift
	}
	next := s.next()
	if next != nil {
		p.Next = &next.NextRun
	}
	return p, j, append(diags, s.prevented(next)...)
}

// situation is what a decision about the next run is made from. The sets are
// over the key space of the old job.
type situation struct {
	now          *job.Job
	template     string // of now
	before       *job.Job
	beforeName   string // template of before
	done, failed ledger.Set
	// run is the name of the active run, "" when none is.
	run string
	// stopping tells that it is about to end.
	stopping bool
	// stopped tells that a run was active and has been stopped for the change.
	stopped bool

	policy, policyBefore Policy
	// last is the name of the last run and ending how it ended.
	last, ending string
	setupError   string // of the last run
	message      string // why the last run found no bounds, or why Argo ended it
	// asks tells that the next run asks for the bounds of the query. Where those
	// known before still serve to tell what is done, now has them.
	asks bool
	// canary is the one that succeeded last, see canaryOf.
	canary string
	gate   Gate
}

// situation reads what a state remembers.
func (k *Known) situation(j *job.Job, canonical []byte) (*situation, error) {
	s := &situation{now: j}
	if k == nil || len(k.Job) == 0 {
		return s, nil
	}
	s.last, s.ending, s.setupError, s.canary, s.gate, s.message = k.Run, k.Ending, k.SetupError, k.Canary, k.Gate, k.Message
	if k.Phase.Active() && k.Ending == record.Active { // a job of a pool is paused without a run
		s.run, s.stopping = k.Run, k.Phase == Stopping
	}
	s.before = j
	if !bytes.Equal(k.Job, canonical) {
		before, err := parseJob(k.Job)
		if err != nil {
			return nil, err
		}
		s.before = before
	}
	var err error
	if s.before, err = bound(s.before, k.Bounds); err != nil {
		return nil, err
	}
	if s.done, err = ledger.Parse(s.before.Domain, k.Done); err != nil {
		return nil, err
	}
	if s.failed, err = ledger.Parse(s.before.Domain, k.Failed); err != nil {
		return nil, err
	}
	return s, nil
}

// name sets the name of the template, and finds that of the job before.
func (s *situation) name(template string) error {
	s.template, s.beforeName = template, template
	if s.before == nil || s.before == s.now {
		return nil
	}
	before, err := lower.Template(s.before)
	if err != nil {
		return err
	}
	s.beforeName = before.GetName()
	return nil
}

// parseJob reads a canonical declaration.
func parseJob(canonical []byte) (*job.Job, error) {
	v, err := job.ParseCanonical(canonical)
	if err != nil {
		return nil, err
	}
	j, diags := job.Decode(v)
	if diags.HasErrors() {
		return nil, diags
	}
	if j == nil {
		return nil, fmt.Errorf("the declaration is not complete")
	}
	return j, nil
}

// decision is a next run with the keys that it covers.
type decision struct {
	NextRun
	// remaining is what the run covers, up to a gate; left is all that remains.
	remaining, left ledger.Set
	from            stand
	// stops tells that the active run is stopped for it.
	stops bool
	// empties tells that the ledger is emptied for it.
	empties bool
	// only tells that it does nothing but ask for bounds.
	only bool
}

// next decides whether a run is called for, over what, and why.
func (s *situation) next() *decision {
	if s.asks {
		return s.ask()
	}
	full, gate, tried := ledger.Full(s.now.Domain), s.gate, s.canary
	d := &decision{remaining: full, NextRun: NextRun{Template: s.template}}
	switch {
	case s.before != nil && s.run == "" && held(s.now, s.policy, s.gate):
		return nil
	case s.before == nil:
		d.Because = fmt.Sprintf("This is a new job: %s will run.", all(s.now.Domain.Count()))
	case s.policy.Revision != s.policyBefore.Revision:
		d.stops, d.empties = s.run != "", true
		gate, tried = reset(s.policyBefore, s.policy, gate.Held), ""
		d.Because = fmt.Sprintf("The revision changed from %q to %q: %s will run again, also those that are done (%d).",
			s.policyBefore.Revision, s.policy.Revision, all(s.now.Domain.Count()), s.done.Intersect(full).Count(s.now.Domain))
	case !s.now.Domain.SameSpace(s.before.Domain):
		d.stops, d.empties = s.run != "", true
		d.Because = fmt.Sprintf("The kind of the keys changed from %s to %s, and nothing that is done counts any more: %s will run.",
			s.before.Domain, s.now.Domain, all(s.now.Domain.Count()))
	case s.run != "" && !s.resumes() && (s.template == s.beforeName || s.policy.OnChange == OnChangeFinish):
		// The active run goes on; what it leaves is proposed after its end.
		return nil
	default:
		d.stops = s.run != ""
		d.remaining = full.Minus(s.done)
		if s.policy.manual() && s.policy.RerunToken == s.policyBefore.RerunToken && s.ending != record.Asked {
			d.remaining = d.remaining.Minus(s.waiting())
		}
		d.Because = s.because(d.remaining)
	}
	d.left, d.from = d.remaining, stand{tried, gate.Next, approved(s.policy, gate)}
	if s.now.Gates != (plan.Gates{}) {
		p := d.from.plan(s.now, s.template, d.left)
		if d.remaining = p.Covers; p.Until > 0 {
			d.Because += fmt.Sprintf(" %d of them run now; wave %d and what follows it wait for approval.", p.Partitions, p.Until)
		}
	}
	if d.remaining.Empty() {
		return nil
	}
	d.Partitions = d.remaining.Count(s.now.Domain)
	d.Intervals = short(d.remaining, s.now.Domain)
	return d
}

// waiting are the keys that only another rerun_token takes up again: what has
// failed and, unless a run is stopped just to go on with it, what was left.
func (s *situation) waiting() ledger.Set {
	if s.run != "" || s.stopped || s.ending == record.Paused {
		return s.failed
	}
	return ledger.Full(s.before.Domain)
}

// resumes tells that the run of a job that was paused is still about to end,
// and that a new one is wanted already.
func (s *situation) resumes() bool {
	return s.now.Pool != "" && s.stopping && !held(s.now, s.policy, s.gate)
}

// prevented refuses a decision by which finished keys would run again.
func (s *situation) prevented(d *decision) hcl.Diagnostics {
	if d == nil || !d.empties || !s.policy.PreventReprocess || s.done.Empty() {
		return nil
	}
	return hcl.Diagnostics{problem(diag.CodeReprocess, "%s That is refused, because prevent_reprocess is true. Undo the change, or set prevent_reprocess to false first.", d.Because)}
}

func all(n int64) string {
	if n == 1 {
		return "its only partition"
	}
	return fmt.Sprintf("all %d partitions", n)
}

// because names the reasons for which keys remain.
func (s *situation) because(remaining ledger.Set) string {
	d := s.now.Domain
	grown := remaining.Minus(ledger.Full(s.before.Domain))
	failed := remaining.Intersect(s.failed)
	rest := remaining.Minus(grown).Minus(failed)
	var reasons []string
	for _, part := range []struct {
		set       ledger.Set
		one, many string
	}{
		{failed, "failed", "failed"},
		{rest, "has not run to its end", "have not run to their end"},
		{grown, "is new because the domain has grown", "are new because the domain has grown"},
	} {
		switch n := part.set.Count(d); n {
		case 0:
		case 1:
			reasons = append(reasons, "1 partition "+part.one)
		default:
			reasons = append(reasons, fmt.Sprintf("%d partitions %s", n, part.many))
		}
	}
	text := strings.Join(reasons, ", ") + "."
	if s.ending == record.Asked {
		text += fmt.Sprintf(" Run %s found the bounds %s.", s.last, short(ledger.Full(s.now.Domain), s.now.Domain))
	}
	switch {
	case s.run != "" && s.template == s.beforeName:
		return fmt.Sprintf("The job goes on while run %s is being stopped: when it has ended, what it has not done runs. So far %s", s.run, text)
	case s.run != "":
		return fmt.Sprintf("The runner changed while run %s is active: the run will be stopped, and what it has not done by then runs with the new template. So far %s", s.run, text)
	}
	switch s.ending {
	case record.Failed:
		if s.message != "" {
			text += fmt.Sprintf(" Argo ended run %s: %s.", s.last, s.message)
		}
	case record.OverBudget:
		text += fmt.Sprintf(" Run %s started no further wave, because more partitions had failed than its failure budget allows.", s.last)
	case record.SetupFailed:
		text += fmt.Sprintf(" The setup of run %s failed, and nothing else was started: %s.", s.last, strings.TrimSuffix(s.setupError, "."))
	case record.CanaryFailed:
		text += fmt.Sprintf(" The canary of run %s failed, and nothing else was started.", s.last)
	case record.Stopped:
		text += fmt.Sprintf(" Run %s was stopped before its end.", s.last)
	case record.Paused:
		text += fmt.Sprintf(" Run %s was stopped when the job was paused.", s.last)
	}
	if s.template != s.beforeName {
		text += " The runner changed; they run with the new template."
	}
	return text
}

func short(set ledger.Set, d domain.Domain) string {
	if text := set.Text(d); len(text) <= maxText {
		return text
	}
	return ""
}
