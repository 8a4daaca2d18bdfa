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
			return hcl.Diagnostics{failed(cluster.NewError(cluster.Canceled, cluster.Call{Verb: "list", Kind: cluster.ConfigMap, Namespace: rec.Namespace}, "", err))}
		}
	}
}

// overlapping lists the other jobs of a target that hold some of the keys of d.
func (e *Engine) overlapping(ctx context.Context, rec *record.Record, d domain.Domain, target string) ([]*record.Record, hcl.Diagnostics) {
	hash, err := record.TargetHash(target)
	if err != nil {
		return nil, hcl.Diagnostics{internal("hashing the target", err)}
	}
	all, err := e.backend.List(ctx, cluster.ConfigMap, rec.Namespace, record.LabelTargetHash+"="+hash)
	if err != nil {
		return nil, hcl.Diagnostics{failed(err)}
	}
	var found []*record.Record
	var diags hcl.Diagnostics
	for _, o := range all {
		other, err := record.Decode(o)
		if err != nil {
			diags = append(diags, warning(diag.CodeRecordDamaged, "ConfigMap \"%s/%s\" carries the label of a job with the target %q and cannot be read, so whether that job overlaps is not known: %v.",
				rec.Namespace, o.GetName(), target, err))
			continue
		}
		if other.Name != rec.Name && other.Target == target && !common(d, other.Domain).Empty() {
			found = append(found, &other)
		}
	}
	return found, diags
}

func common(a, b domain.Domain) ledger.Set {
	if !a.SameSpace(b) {
		return ledger.Set{}
	}
	return ledger.Full(a).Intersect(ledger.Full(b))
}

func overlaps(d domain.Domain, other *record.Record) *hcl.Diagnostic {
	return problem(diag.CodeOverlap, "Job \"%s/%s\" holds the target %q for keys that this job declares too: %s. A job holds its whole domain until it is destroyed. Nothing was submitted. "+
		"Change the domain of one of the jobs, destroy the other, or set overlap = \"allow\".", other.Namespace, other.Name, other.Target, short(common(d, other.Domain), d))
}
