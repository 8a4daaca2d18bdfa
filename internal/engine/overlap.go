// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

// How long a new job waits for another that was created in the same second to
// yield.
const (
	tiePause = time.Second
	tieLooks = 5
)

// reserve makes sure that a record which was just created overlaps no other
// job of its target. Of two jobs the earlier one stays, and what settles that
// is the list that each takes after its own record exists.
//
// Creation times have whole seconds. In a tie the larger UID yields at once. The
// smaller one cannot know whether the other has looked before it appeared, and
// went on; so it waits for the other to yield, and otherwise yields itself.
func (e *Engine) reserve(ctx context.Context, rec *record.Record, p Policy) hcl.Diagnostics {
	if rec.Target == "" || p.AllowOverlap {
		return nil
	}
	for look := 1; ; look++ {
		others, diags := e.overlapping(ctx, rec, rec.Domain, rec.Target)
		if diags.HasErrors() {
			return diags
		}
		tie := false
		for _, other := range others {
			switch {
			case rec.Created.Before(other.Created):
			case other.Created.Before(rec.Created), other.UID < rec.UID, look == tieLooks:
				return hcl.Diagnostics{overlaps(rec.Domain, other)}
			default:
				tie = true
			}
		}
		if !tie {
			return diags
		}
		if err := e.pause(ctx, tiePause); err != nil {
			return hcl.Diagnostics{failed(canceled(cluster.Call{Verb: "list", Kind: cluster.ConfigMap, Namespace: rec.Namespace}, err))}
		}
	}
}

// overlapping lists the other jobs of a target that hold some of the keys of d,
// or reserve them.
func (e *Engine) overlapping(ctx context.Context, rec *record.Record, d domain.Domain, target string) ([]holder, hcl.Diagnostics) {
	hash, err := record.TargetHash(target)
	if err != nil {
		return nil, hcl.Diagnostics{internal("hashing the target", err)}
	}
	var found []holder
	var diags hcl.Diagnostics
	seen := map[string]bool{rec.Name: true}
	for _, label := range []string{record.LabelTargetHash, record.LabelReservedHash} {
		all, err := e.backend.List(ctx, cluster.ConfigMap, rec.Namespace, label+"="+hash)
		if err != nil {
			return nil, hcl.Diagnostics{failed(err)}
		}
		for _, o := range all {
			other, err := record.Decode(o)
			if err != nil {
				diags = append(diags, warning(diag.CodeRecordDamaged, "ConfigMap \"%s/%s\" carries the label of a job with the target %q and cannot be read, so that whether that job overlaps is not known: %v. Restore that record, or delete it if nobody needs the job.",
					rec.Namespace, o.GetName(), target, err))
				continue
			}
			if seen[other.Name] {
				continue
			}
			seen[other.Name] = true
			for _, held := range other.Holds(target) {
				if overlap(d, held) {
					found = append(found, holder{&other, held})
					break
				}
			}
		}
	}
	return found, diags
}

// holder is a job that holds some keys.
type holder struct {
	*record.Record
	held domain.Domain
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
	keys := short(common(d, other.held), d)
	if !d.Bounded() || !other.held.Bounded() {
		keys = "which ones is known at run time only, so that it may be any"
	}
	return problem(diag.CodeOverlap, "Job \"%s/%s\" holds the target %q for keys that this job declares too: %s. A job holds its whole domain until it is destroyed. Nothing was submitted. "+
		"Change the domain of one of the jobs, destroy the other, or set overlap = \"allow\".", other.Namespace, other.Name, other.Target, keys)
}

// later tells which of two jobs was created after the other.
func later(a, b *record.Record) bool {
	if !a.Created.Equal(b.Created) {
		return a.Created.After(b.Created)
	}
	return a.UID > b.UID
}

// holdsAll tells whether a job that holds a holds all keys of b too.
func holdsAll(a, b domain.Domain) bool {
	if !a.SameSpace(b) || !a.Bounded() {
		return a.SameSpace(b)
	}
	return b.Bounded() && ledger.Full(a).Contains(ledger.Full(b))
}

// claims tells whether this update asks for keys of a target that the job does
// not hold yet. What a query has found when it was asked again is claimed by the
// update that would process it, and not by one that asks once more.
func (u *update) claims() bool {
	if u.job.Target == "" || u.Policy.AllowOverlap {
		return false
	}
	rec := u.seen.rec
	return u.restored || rec.Grown && !u.onlyAsks || rec.Target != u.job.Target || !holdsAll(rec.Domain, u.job.Domain)
}

// unreserved refuses keys of a target that another job holds, where this
// update would add them, and tells whether to go on.
func (u *update) unreserved(ctx context.Context) bool {
	if !u.claims() {
		return true
	}
	others, diags := u.overlapping(ctx, u.seen.rec, u.job.Domain, u.job.Target)
	if len(others) > 0 {
		diags = append(diags, overlaps(u.job.Domain, others[0]))
	}
	if u.check(diags...) {
		return true
	}
	u.forsake(ctx)
	return false
}

// grow reserves the keys that this update adds, and then looks whether another
// job has done the same meanwhile: two that look after they have written cannot
// both miss each other. The later one yields at once. The earlier one cannot
// know whether the other had looked before and went on; so it waits for the
// other to yield, and otherwise yields itself.
func (u *update) grow(ctx context.Context) hcl.Diagnostics {
	if !u.claims() {
		return nil
	}
	diags := u.reserveKeys(ctx, &record.Reservation{Domain: u.job.Domain, Target: u.job.Target})
	for look := 1; !diags.HasErrors(); look++ {
		others, more := u.overlapping(ctx, u.seen.rec, u.job.Domain, u.job.Target)
		if diags = append(diags, more...); len(others) == 0 || diags.HasErrors() {
			break
		}
		if other := others[0]; look == tieLooks || later(u.seen.rec, other.Record) {
			diags = append(diags, overlaps(u.job.Domain, other))
		} else if err := u.pause(ctx, tiePause); err != nil {
			diags = append(diags, failed(canceled(cluster.Call{Verb: "list", Kind: cluster.ConfigMap, Namespace: u.seen.rec.Namespace}, err)))
		}
	}
	if diags.HasErrors() {
		diags = append(diags, u.reserveKeys(context.WithoutCancel(ctx), nil)...)
	}
	return diags
}

// reserveKeys writes what the job reserves; nil for nothing.
func (u *update) reserveKeys(ctx context.Context, keys *record.Reservation) hcl.Diagnostics {
	rec, diags := u.swap(ctx, u.seen.rec, func(rec *record.Record) (bool, *hcl.Diagnostic) {
		if problem := u.owned(rec); problem != nil {
			return false, problem
		}
		changed := rec.Reserved != nil || keys != nil
		rec.Reserved = keys
		return changed, nil
	})
	if !diags.HasErrors() {
		u.seen.rec = rec
	}
	return diags
}
