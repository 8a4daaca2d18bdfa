// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine

import (
	"context"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/record"
)

// maxSwaps bounds how often a write of the record is tried again because
// somebody else wrote it meanwhile.
const maxSwaps = 8

// load reads a record; nil without problems when there is none.
func (e *Engine) load(ctx context.Context, namespace, name string) (*record.Record, hcl.Diagnostics) {
	return e.loadBy(ctx, e.backend.Get, namespace, name)
}

func (e *Engine) loadBy(ctx context.Context, get reader, namespace, name string) (*record.Record, hcl.Diagnostics) {
	o, err := get(ctx, cluster.ConfigMap, namespace, record.Name(name))
	if cluster.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, hcl.Diagnostics{failed(err)}
	}
	rec, err := record.Decode(o)
	if err != nil {
		return nil, hcl.Diagnostics{damagedRecord(namespace, name, err)}
	}
	return &rec, nil
}

// swap changes a record by compare-and-swap, starting from rec. The change is
// asked again, on the record as it then is, whenever somebody else was faster;
// it must therefore notice what it has already done (an answer may be lost) and
// may refuse. It returns the record as stored.
func (e *Engine) swap(ctx context.Context, rec *record.Record, change func(*record.Record) (changed bool, refused *hcl.Diagnostic)) (*record.Record, hcl.Diagnostics) {
	for attempt := 1; ; attempt++ {
		next := rec.Clone()
		changed, refused := change(&next)
		if refused != nil {
			return nil, hcl.Diagnostics{refused}
		}
		if !changed {
			return rec, nil
		}
		o, err := record.Encode(next)
		if err != nil {
			return nil, hcl.Diagnostics{internal("writing the record", err)}
		}
		stored, err := e.backend.Update(ctx, o)
		if err == nil {
			next.ResourceVersion = stored.GetResourceVersion()
			e.records.put(rec.Namespace, stored.GetName(), stored)
			return &next, nil
		}
		if !cluster.IsConflict(err) || attempt == maxSwaps {
			return nil, hcl.Diagnostics{failed(err)}
		}
		current, diags := e.load(ctx, rec.Namespace, rec.Name)
		if diags.HasErrors() {
			return nil, diags
		}
		if current == nil || current.UID != rec.UID {
			return nil, hcl.Diagnostics{jobGone(rec.Namespace, rec.Name)}
		}
		rec = current
	}
}

// create writes a new record. exists tells that the name is taken, maybe by an
// earlier attempt of the same call whose answer was lost.
func (e *Engine) createRecord(ctx context.Context, rec record.Record) (stored *record.Record, exists bool, diags hcl.Diagnostics) {
	o, err := record.Encode(rec)
	if err != nil {
		return nil, false, hcl.Diagnostics{internal("writing the record", err)}
	}
	made, err := e.backend.Create(ctx, o)
	if cluster.IsAlreadyExists(err) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, hcl.Diagnostics{failed(err)}
	}
	e.records.put(rec.Namespace, made.GetName(), made)
	rec.UID, rec.ResourceVersion, rec.Created = string(made.GetUID()), made.GetResourceVersion(), made.GetCreationTimestamp().Time
	return &rec, false, nil
}
