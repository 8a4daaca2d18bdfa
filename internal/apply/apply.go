// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package apply carries out what package decide has decided, by writes to the
// cluster. Each function is one step; package engine puts them in order.
//
// Invariants:
//
//   - The record is changed by compare-and-swap alone (Swap). A change is asked
//     again on the record as it then is, and checks there that the record is still
//     the one it was decided for: its owner, its UID, its next run.
//   - A run is claimed on the record before anything is created, and its objects
//     have deterministic names. So a crash at any point leaves nothing orphaned,
//     and the next apply goes on where this one ended.
//   - Objects that were not made for the job are never overwritten, patched or
//     deleted.
//   - Every wait has a bound.
package apply

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// Options are the edges of an Applier.
type Options struct {
	Now    func() time.Time
	Random io.Reader
	// Pause waits, or returns the context's error early.
	Pause func(context.Context, time.Duration) error
	// Version is that of the program, which records name as their writer.
	Version string
}

// Applier writes to the cluster.
type Applier struct {
	Options
	backend cluster.Backend
	read    *observe.Reader
}

// New returns an applier that sees what it writes to through a reader.
func New(b cluster.Backend, r *observe.Reader, o Options) *Applier {
	return &Applier{Options: o, backend: b, read: r}
}

// Token returns 16 random bytes as text.
func (a *Applier) Token() (string, *hcl.Diagnostic) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(a.Random, b); err != nil {
		return "", internal("making a random token", err)
	}
	return hex.EncodeToString(b), nil
}

// maxSwaps bounds how often a write of the record is tried again because
// somebody else wrote it meanwhile.
const maxSwaps = 8

// Change changes a state and tells whether it did, or refuses.
type Change func(*state.State) (changed bool, refused *hcl.Diagnostic)

// Swap changes a record by compare-and-swap, starting from s. The change is asked
// again, on the record as it then is, whenever somebody else was faster; it must
// therefore notice what it has already done (an answer may be lost) and may
// refuse. It returns the state as stored.
func (a *Applier) Swap(ctx context.Context, s *state.State, change Change) (*state.State, hcl.Diagnostics) {
	for attempt := 1; ; attempt++ {
		next := s.Clone()
		changed, refused := change(next)
		if refused != nil {
			return nil, hcl.Diagnostics{refused}
		}
		if !changed {
			return s, nil
		}
		next.Writer = a.Version
		o, err := state.EncodeRecord(next)
		if err != nil {
			return nil, hcl.Diagnostics{internal("writing the record", err)}
		}
		stored, err := a.backend.Update(ctx, o)
		if err == nil {
			next.ResourceVersion = stored.GetResourceVersion()
			a.read.Written(stored)
			return next, nil
		}
		if !cluster.IsConflict(err) || attempt == maxSwaps {
			return nil, hcl.Diagnostics{failed(err)}
		}
		current, diags := a.read.Load(ctx, s.Namespace, s.Name)
		if diags.HasErrors() {
			return nil, diags
		}
		if current == nil || current.UID != s.UID {
			return nil, hcl.Diagnostics{observe.Gone(s.Namespace, s.Name)}
		}
		s = current
	}
}

// CreateRecord writes a new record. exists tells that the name is taken, maybe by
// an earlier attempt of the same call whose answer was lost.
func (a *Applier) CreateRecord(
	ctx context.Context, s *state.State,
) (stored *state.State, exists bool, problem *hcl.Diagnostic) {
	s = s.Clone()
	s.Writer = a.Version
	o, err := state.EncodeRecord(s)
	if err != nil {
		return nil, false, internal("writing the record", err)
	}
	made, err := a.backend.Create(ctx, o)
	if cluster.IsAlreadyExists(err) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, failed(err)
	}
	a.read.Written(made)
	s.UID, s.ResourceVersion = string(made.GetUID()), made.GetResourceVersion()
	s.Created = made.GetCreationTimestamp().Time
	return s, false, nil
}

// DeleteRecord removes exactly the record that was read or written.
func (a *Applier) DeleteRecord(ctx context.Context, s *state.State) error {
	return a.backend.Delete(ctx, cluster.ConfigMap, s.Namespace, state.RecordName(s.Name), s.UID)
}

// Owned refuses records of another Terraform state. An owner of "" takes the job
// as it is, and a record without an owner is anybody's.
func Owned(s *state.State, owner string) *hcl.Diagnostic {
	if owner == "" || s.Owner == "" || s.Owner == owner {
		return nil
	}
	return observe.Problem(diag.CodeHeldElsewhere, "Job \"%s/%s\" is managed by another Terraform state (owner token "+
		"%s…), or was created "+
		"again since this state was written; nothing was changed. Manage it in one place: remove it from this state, or "+
		"import it "+
		"here with\n\n  terraform import <address> %s/%s\n\nafter removing it from the other one.",
		s.Namespace, s.Name, s.Owner[:min(8, len(s.Owner))], s.Namespace, s.Name)
}

// Forgotten tells that a job of another owner was left as it is by whoever was to
// remove it. That is no error: the resource could never leave its state otherwise, and
// a deposed one has no address by which it could be removed by hand.
func Forgotten(s *state.State) *hcl.Diagnostic {
	return observe.Warning(diag.CodeForgotten, "Job \"%s/%s\" belongs to another Terraform state (owner token %s…), or "+
		"was created again since this state was written. It was left as it is with all that it has in the cluster, and "+
		"only this state forgets it. To remove the job, destroy it where it is managed.",
		s.Namespace, s.Name, s.Owner[:min(8, len(s.Owner))])
}

func internal(doing string, err error) *hcl.Diagnostic {
	return observe.Problem(diag.CodeInternal, "Failure while %s: %v.", doing, err)
}

// canceled is the error of a wait within a call that its caller gave up.
func canceled(verb string, o manifest.Object, cause error) error {
	call := cluster.Call{Verb: verb, Kind: cluster.Kind(o.GetKind()), Namespace: o.GetNamespace(), Name: o.GetName()}
	return cluster.NewError(cluster.Canceled, call, "", cause)
}

// Uncertain tells that a failed call may have been carried out, or will be.
func Uncertain(err error) bool {
	return cluster.IsTransient(err) || cluster.ReasonOf(err) == cluster.Canceled
}

// ignoreGone takes an object that is gone for one that was dealt with.
func ignoreGone(err error) error {
	if cluster.IsNotFound(err) {
		return nil
	}
	return err
}

// waiting is a bounded wait with growing pauses.
type waiting struct {
	*Applier
	pause, waited, most time.Duration
}

// The pauses between observations of something that is under way.
const (
	firstPause   = 500 * time.Millisecond
	longestPause = 5 * time.Second
)

func (a *Applier) wait(most time.Duration) *waiting {
	return &waiting{Applier: a, pause: firstPause, most: most}
}

// next pauses; false when the time is over. The error is that of the context.
func (w *waiting) next(ctx context.Context) (bool, error) {
	if w.waited >= w.most {
		return false, nil
	}
	if err := w.Pause(ctx, w.pause); err != nil {
		return false, err
	}
	w.waited += w.pause
	w.pause = min(2*w.pause, longestPause)
	return true, nil
}

// lingering is the error of an object that is being deleted and does not go away.
type lingering struct{ manifest.Object }

func (l *lingering) Error() string {
	return fmt.Sprintf("%s is being deleted and does not go away", named(l.Object))
}
