// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package observe reads a job from the cluster: its record, the run whose outcome
// is not recorded yet, and what was changed by hand.
//
// It writes nothing. The main types:
//
//   - Reader reads through a cluster.Backend. Reads for a refresh of many jobs
//     come from a cache; whoever is about to write reads what it writes to.
//   - Snapshot is what the cluster shows of a job at one moment. Merge puts the
//     outcome of its run into a State; package apply records that, and Observation
//     shows it where it is not recorded.
//   - Dependencies are the objects that a run under way depends on, as they were
//     written and as they are; their differences are drift.
package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/read"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// Reader reads jobs.
type Reader struct {
	backend cluster.Backend
	now     func() time.Time
	get     getter
	*cache
}

// getter reads one object: fresh, or from the cache.
type getter func(ctx context.Context, kind cluster.Kind, namespace, name string) (manifest.Object, error)

// NewReader returns a reader on a backend.
func NewReader(b cluster.Backend, now func() time.Time) *Reader {
	return &Reader{backend: b, now: now, get: b.Get, cache: newCache(b, now)}
}

// Cached is a reader for refreshes of many jobs at once: a few lists serve all
// jobs of a namespace.
func (r *Reader) Cached() *Reader {
	cached := *r
	cached.get = r.cache.get
	return &cached
}

// Snapshot is what the cluster shows of a job at one moment.
type Snapshot struct {
	State *state.State
	// Run is the latest run while its outcome is not recorded, else nil.
	Run *Run

	holders holders // of places, where the run waits for one
}

// Run is one run as its Workflows show it.
type Run struct {
	Entry state.Run
	// Domain is the grid by which the run was cut.
	Domain domain.Domain
	// Workflow is nil when there is none: the run was never submitted, or is gone.
	Workflow manifest.Object
	Children []manifest.Object
	Outcome  read.Outcome
	// Left are the pods that may outlive the Workflows.
	Left Leftover
	// Written and WrittenData are the run as it was submitted, nil when that
	// cannot be told.
	Written     manifest.Object
	WrittenData []manifest.Object

	// FindsBounds tells that the run finds bounds, and Only that it does nothing
	// else.
	FindsBounds, Only bool
	Query             read.Result
	// NewBounds tells that the record did not have the bounds.
	NewBounds bool

	data []manifest.Object
}

// Active tells whether a run is under way.
func (s *Snapshot) Active() bool {
	return s.Run != nil && s.Run.Workflow != nil && !s.Run.Outcome.Ended
}

// Ended tells whether a run has ended and its outcome is not recorded yet.
func (s *Snapshot) Ended() bool { return s.Run != nil && s.Run.Workflow != nil && s.Run.Outcome.Ended }

// Missing tells whether a run is recorded as active and has no Workflow.
func (s *Snapshot) Missing() bool { return s.Run != nil && s.Run.Workflow == nil }

// Load reads a record; nil without problems when there is none.
func (r *Reader) Load(ctx context.Context, namespace, name string) (*state.State, hcl.Diagnostics) {
	o, err := r.get(ctx, cluster.ConfigMap, namespace, state.RecordName(name))
	if cluster.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, hcl.Diagnostics{Failed(err)}
	}
	s, err := state.DecodeRecord(o)
	if err != nil {
		return nil, hcl.Diagnostics{DamagedRecord(namespace, name, err)}
	}
	return s, nil
}

// Snapshot reads a job and the run whose outcome is not recorded; nil without
// problems when there is no such job. A finished job costs one request.
func (r *Reader) Snapshot(ctx context.Context, namespace, name string) (*Snapshot, hcl.Diagnostics) {
	s, diags := r.Load(ctx, namespace, name)
	if s == nil {
		return nil, diags
	}
	return r.SnapshotOf(ctx, s)
}

// SnapshotOf reads the run of a state that was loaded before.
func (r *Reader) SnapshotOf(ctx context.Context, loaded *state.State) (*Snapshot, hcl.Diagnostics) {
	snap := &Snapshot{State: loaded.Clone()}
	active := snap.State.Active()
	if active == nil {
		return snap, nil
	}
	run, problem := r.run(ctx, snap.State, *active)
	if problem != nil {
		return nil, hcl.Diagnostics{problem}
	}
	snap.Run = run
	return snap, nil
}

// run reads one run. Bounds that it has found are given to the state.
func (r *Reader) run(ctx context.Context, s *state.State, entry state.Run) (*Run, *hcl.Diagnostic) {
	run := &Run{Entry: entry, Domain: entry.Domain}
	workflow, err := r.get(ctx, cluster.Workflow, s.Namespace, argo.RunName(s.Name, entry.Number))
	if cluster.IsNotFound(err) {
		return run, nil
	}
	if err != nil {
		return nil, Failed(err)
	}
	run.Workflow = workflow
	run.lower(s)
	if !argo.Belongs(workflow, s.Name, entry.Number) && !run.sameSpec() {
		return nil, NotOurs(workflow)
	}
	parsed, err := read.Parse(run.AsWritten())
	if err != nil {
		return nil, unreadable(workflow, err)
	}
	run.findBounds(parsed, s)
	if problem := r.gather(ctx, s, run, parsed); problem != nil {
		return nil, problem
	}
	settled, problem := r.settle(ctx, s, run, parsed)
	if problem != nil {
		return nil, problem
	}
	if run.Outcome, err = parsed.Outcome(run.Domain, run.Children, run.allData()); err != nil {
		return nil, unreadable(workflow, err)
	}
	run.Outcome.Ended = run.Outcome.Ended && settled
	return run, nil
}

// lower makes the objects of the run again as they were submitted. The hash proves
// that they are the same: another version of this program may write others.
// See internal/decisions/0004-a-run-keeps-its-spec.md.
func (r *Run) lower(s *state.State) {
	if r.Entry.SpecHash == "" || !r.Entry.Whole() {
		return
	}
	declared := s.Declaration
	if r.Entry.Declaration != nil {
		declared = *r.Entry.Declaration
	}
	j := *declared.Job()
	j.Domain = r.Entry.Domain
	data, workflow, err := compile.Lower(&j, r.Entry.RunSpec)
	if err == nil && argo.SpecHash(workflow) == r.Entry.SpecHash {
		r.Written, r.WrittenData = workflow, data
	}
}

// sameSpec tells whether the live run carries the hash of what we would write:
// then it is ours, whatever labels it has lost.
func (r *Run) sameSpec() bool {
	return r.Written != nil && argo.SpecHash(r.Written) == argo.SpecHash(r.Workflow)
}

// AsWritten is the run with the arguments of its submission. What a run did is
// read by these: with others, edited by hand, its nodes would stand for other keys.
func (r *Run) AsWritten() manifest.Object {
	if r.Written == nil {
		return r.Workflow
	}
	return argo.WithArguments(r.Workflow, argo.AtScale(r.Written, argo.ScaleOf(r.Workflow)))
}

// allData are the data of the run, as they were submitted where that can be told:
// they may have been edited or deleted by hand.
func (r *Run) allData() []manifest.Object {
	if r.Written == nil {
		return r.data
	}
	return r.WrittenData
}

// findBounds reads the bounds that a run has found, and gives them to the state,
// which nobody else has.
func (r *Run) findBounds(parsed *read.Run, s *state.State) {
	if r.FindsBounds, r.Only = parsed.FindsBounds(); !r.FindsBounds {
		return
	}
	if r.Query = parsed.Query(); r.Query.Bounds == nil {
		return
	}
	var err error
	if r.NewBounds, err = keepBounds(s, *r.Query.Bounds); err != nil {
		// The declaration was changed such that the result does not fit it.
		r.Query = read.Result{Problem: err.Error()}
		return
	}
	if s.Domain().Bounded() {
		r.Domain = s.Domain()
	}
}

// keepBounds keeps what a run has found, and tells whether that is news. Keys that
// are outside of the bounds leave the ledger; whether another job holds those that
// are new is for the next update to see.
func keepBounds(s *state.State, found domain.Interval) (bool, error) {
	if s.Bounds != nil && *s.Bounds == found && s.Domain().Bounded() || s.Declaration.Job().Query == nil {
		return false, nil
	}
	before := s.Domain()
	if err := s.Declare(s.Declaration, &found); err != nil {
		return false, err
	}
	s.Grown = s.Grown || !state.HoldsAll(before, s.Domain())
	s.Clip()
	return true, nil
}

// KeepBounds gives a state the bounds that a run has found; it tells whether that
// changed the state.
func (r *Run) KeepBounds(s *state.State) bool {
	if r.Query.Bounds == nil {
		return false
	}
	news, err := keepBounds(s, *r.Query.Bounds)
	return err == nil && news
}

// gather reads what is needed besides the run's own Workflow.
func (r *Reader) gather(ctx context.Context, s *state.State, run *Run, parsed *read.Run) *hcl.Diagnostic {
	var err error
	if run.Children, err = r.children(ctx, s, run.Entry.Number, parsed.Wanted()); err != nil {
		return Failed(err)
	}
	if parsed.NeedsData() {
		run.data, err = r.backend.List(ctx, cluster.ConfigMap, s.Namespace, argo.OfRun(s.Name, run.Entry.Number))
		if err != nil {
			return Failed(err)
		}
	}
	return nil
}

// children reads some children of a run, one by one where they are few. Those that
// are gone are left out.
func (r *Reader) children(ctx context.Context, s *state.State, number int, wanted []string) ([]manifest.Object, error) {
	if len(wanted) > 2 {
		all, err := r.backend.List(ctx, cluster.Workflow, s.Namespace, argo.ChildrenOf(s.Name, number))
		return slices.DeleteFunc(all, func(o manifest.Object) bool { return !slices.Contains(wanted, o.GetName()) }), err
	}
	var found []manifest.Object
	for _, name := range wanted {
		child, err := r.backend.Get(ctx, cluster.Workflow, s.Namespace, name)
		if cluster.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, child)
	}
	return found, nil
}

// Problem is a diagnostic of this package and of package apply: an error without
// a place in the user's text.
func Problem(code, format string, args ...any) *hcl.Diagnostic {
	return diag.At(code, nil, fmt.Sprintf(format, args...))
}

// Warning is a Problem that stops nothing.
func Warning(code, format string, args ...any) *hcl.Diagnostic {
	d := Problem(code, format, args...)
	d.Severity = hcl.DiagWarning
	return d
}

// Failed words an error of the cluster.
func Failed(err error) *hcl.Diagnostic {
	var known *cluster.Error
	if !errors.As(err, &known) {
		return Problem(diag.CodeInternal, "Failure while talking to the cluster: %v.", err)
	}
	d := diag.Error(diag.CodeCluster, nil, known.Summary, known.Detail)
	d.Extra = diag.Extra{Code: diag.CodeCluster, Cause: known}
	return d
}

func unreadable(workflow manifest.Object, err error) *hcl.Diagnostic {
	return Problem(diag.CodeRunUnreadable, "The state of Workflow \"%s/%s\" cannot be read: %v. If that cannot be "+
		"fixed, delete the "+
		"Workflow: what it covers and is not recorded yet then counts as not done, and the next apply runs it.",
		workflow.GetNamespace(), workflow.GetName(), err)
}

// NotOurs is about an object of a name that we need, and that we did not make.
func NotOurs(o manifest.Object) *hcl.Diagnostic {
	return notOurs(o.GetKind(), o.GetNamespace(), o.GetName())
}

func notOurs(kind, namespace, name string) *hcl.Diagnostic {
	return Problem(diag.CodeNotOurs, "%s \"%s/%s\" exists and was not made for this job; it is never overwritten. "+
		"Rename the job, or remove that object if nobody needs it.", kind, namespace, name)
}

// DamagedRecord is about a record that cannot be used.
func DamagedRecord(namespace, job string, err error) *hcl.Diagnostic {
	name := state.RecordName(job)
	if errors.Is(err, state.ErrForeign) {
		return notOurs(string(cluster.ConfigMap), namespace, name)
	}
	fix := "Restore it from a backup. Without one, delete it and plan again: what the Terraform state knows as done, " +
		"and what the " +
		"job's Workflows show, is kept."
	var newer *state.NewerError
	if errors.As(err, &newer) {
		fix = "Use the version of this program that wrote it, or a later one."
	}
	return Problem(diag.CodeRecordDamaged, "ConfigMap \"%s/%s\" holds the record of the job, and it cannot be read: "+
		"%v. Nothing was changed. %s",
		namespace, name, err, fix)
}

// DamagedState is about what a Terraform state remembers.
func DamagedState(err error) *hcl.Diagnostic {
	return Problem(diag.CodeRecordDamaged, "What the Terraform state remembers of the job cannot be read: %v. Remove "+
		"the resource from "+
		"the state and import it again: the job's record in the cluster holds everything.", err)
}

// Gone is about a job that has no record.
func Gone(namespace, name string) *hcl.Diagnostic {
	return Problem(diag.CodeJobNotFound, "Namespace %q has no record of job %q. Check name, namespace and cluster; if "+
		"the record was "+
		"deleted by hand, plan again.", namespace, name)
}
