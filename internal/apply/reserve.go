// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package apply

import (
	"context"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// How long a job waits for another that asked for the same keys at the same time
// to give them up.
const (
	tiePause  = time.Second
	tieChecks = 5
)

// Contend settles who gets keys of a target that a job has just asked for, by a
// record that was created or by a reservation on one. Two jobs that look after
// they have written cannot both miss each other. The later job gives up at once.
//
// The earlier one may be certain that the other has seen it: a new record that is
// older, by whole seconds, than the other's. Otherwise the other may have looked
// before, and gone on; so the earlier job waits for it to give up, and in the end
// gives up itself.
// See internal/decisions/0025-keys-are-asked-for-first.md.
func (a *Applier) Contend(ctx context.Context, s *state.State, r state.Reservation, created bool) hcl.Diagnostics {
	for check := 1; ; check++ {
		others, diags := a.overlapping(ctx, s, r)
		if diags.HasErrors() {
			return diags
		}
		tied := false
		for _, other := range others {
			if created && other.Created.After(s.Created) {
				continue
			}
			if later(s, other.State) || check == tieChecks {
				return append(diags, overlaps(r.Domain, other))
			}
			tied = true
		}
		if !tied {
			return diags
		}
		if err := a.Pause(ctx, tiePause); err != nil {
			call := cluster.Call{Verb: "list", Kind: cluster.ConfigMap, Namespace: s.Namespace}
			return append(diags, failed(cluster.NewError(cluster.Canceled, call, "", err)))
		}
	}
}

// Free refuses keys that another job holds, without asking for them.
func (a *Applier) Free(ctx context.Context, s *state.State, r state.Reservation) hcl.Diagnostics {
	others, diags := a.overlapping(ctx, s, r)
	if len(others) > 0 {
		diags = append(diags, overlaps(r.Domain, others[0]))
	}
	return diags
}

// Reserve writes what the job reserves; nil for nothing.
func (a *Applier) Reserve(
	ctx context.Context, s *state.State, owner string, r *state.Reservation,
) (*state.State, hcl.Diagnostics) {
	return a.Swap(ctx, s, func(rec *state.State) (bool, *hcl.Diagnostic) {
		if problem := Owned(rec, owner); problem != nil {
			return false, problem
		}
		changed := rec.Reserved != nil || r != nil
		rec.Reserved = r
		return changed, nil
	})
}

// holder is a job that holds some keys.
type holder struct {
	*state.State
	held domain.Domain
}

// overlapping lists the other jobs of a target that hold some of its keys, or
// reserve them.
func (a *Applier) overlapping(ctx context.Context, s *state.State, r state.Reservation) ([]holder, hcl.Diagnostics) {
	hash, err := state.TargetHash(r.Target)
	if err != nil {
		return nil, hcl.Diagnostics{internal("hashing the target", err)}
	}
	var found []holder
	var diags hcl.Diagnostics
	seen := map[string]bool{s.Name: true}
	for _, label := range []string{state.LabelTargetHash, state.LabelReservedHash} {
		all, err := a.backend.List(ctx, cluster.ConfigMap, s.Namespace, label+"="+hash)
		if err != nil {
			return nil, hcl.Diagnostics{failed(err)}
		}
		for _, o := range all {
			other, err := state.DecodeRecord(o)
			if err != nil {
				diags = append(diags, observe.Warning(diag.CodeRecordDamaged, "ConfigMap \"%s/%s\" carries the label of a job "+
					"with the target "+
					"%q and cannot be read, so that whether that job overlaps is not known: %v. Restore that record, or delete it "+
					"if nobody "+
					"needs the job.", s.Namespace, o.GetName(), r.Target, err))
				continue
			}
			if seen[other.Name] {
				continue
			}
			seen[other.Name] = true
			for _, held := range other.Holds(r.Target) {
				if overlap(r.Domain, held) {
					found = append(found, holder{other, held})
					break
				}
			}
		}
	}
	return found, diags
}

// overlap tells whether two domains may have keys in common. One whose bounds are
// not known yet may hold any key of its kind.
func overlap(a, b domain.Domain) bool {
	if !a.Bounded() || !b.Bounded() {
		return a.SameSpace(b)
	}
	return !common(a, b).Empty()
}

func common(a, b domain.Domain) ledger.Set {
	if !a.SameSpace(b) {
		return ledger.Set{}
	}
	return ledger.Full(a).Intersect(ledger.Full(b))
}

func overlaps(d domain.Domain, other holder) *hcl.Diagnostic {
	keys := "which ones is known at run time only, so that it may be any"
	if d.Bounded() && other.held.Bounded() {
		keys = state.Text(common(d, other.held), d)
	}
	return observe.Problem(diag.CodeOverlap, "Job \"%s/%s\" holds the target %q for keys that this job declares too: "+
		"%s. A job holds its "+
		"whole domain until it is destroyed. Nothing was submitted. Change the domain of one of the jobs, destroy the "+
		"other, or set "+
		"overlap = \"allow\".", other.Namespace, other.Name, other.Target(), keys)
}

// later tells which of two jobs was created after the other. Creation times have
// whole seconds.
func later(a, b *state.State) bool {
	if !a.Created.Equal(b.Created) {
		return a.Created.After(b.Created)
	}
	return a.UID > b.UID
}
