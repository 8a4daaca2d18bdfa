// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package engine holds the use-cases that the provider and the command line
// share. Each is the same loop: observe the job, decide, apply the decision, and
// observe again.
//
// The packages below do the work: observe reads the cluster, decide is a pure
// function, apply writes. This package puts their steps in order, and nothing
// else; it speaks neither Terraform nor flags, and prints nothing.
package engine

import (
	"context"
	"crypto/rand"
	"io"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/apply"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// Options are the engine's edges.
type Options struct {
	// Now is the clock; nil: the history has no times, and nothing else needs one.
	Now    func() time.Time
	Random io.Reader // nil: that of the operating system
	// Pause waits, or returns the context's error early. Nil: real time.
	Pause func(context.Context, time.Duration) error
	// Version is that of the program, which records name as their writer.
	Version string
}

// Engine runs the use-cases that need a cluster.
type Engine struct {
	*apply.Applier // pools
	read           *observe.Reader
	now            func() time.Time
	// created has the owners of the jobs that this process creates or has created.
	created sync.Map
}

// New returns an engine on a backend.
func New(b cluster.Backend, o Options) *Engine {
	if o.Now == nil {
		o.Now = func() time.Time { return time.Time{} }
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Pause == nil {
		o.Pause = cluster.Pause
	}
	read := observe.NewReader(b, o.Now)
	edges := apply.Options{Now: o.Now, Random: o.Random, Pause: o.Pause, Version: o.Version}
	return &Engine{Applier: apply.New(b, read, edges), read: read, now: o.Now}
}

// Observe reads a job; the outcome of an ended run is recorded on the way. It
// returns nil without errors when there is no such job.
func (e *Engine) Observe(ctx context.Context, namespace, name string) (*state.Observation, hcl.Diagnostics) {
	return e.observe(ctx, e.read, namespace, name)
}

// ObserveKnown is Observe for those who read many jobs at once and remember them:
// a few lists serve all jobs of a namespace, up to five seconds old. When the
// record of a job was deleted by hand, or its runs were applied without one, the
// observation is what is known and what they show, its Drift says so, and the next
// update writes the record.
func (e *Engine) ObserveKnown(
	ctx context.Context, namespace, name string, known *state.Observation,
) (*state.Observation, hcl.Diagnostics) {
	o, diags := e.observe(ctx, e.read.Cached(), namespace, name)
	if o != nil || diags.HasErrors() || known == nil {
		return o, diags
	}
	snap, problem := e.read.Unrecorded(ctx, namespace, name, known)
	if problem != nil {
		return nil, append(diags, problem)
	}
	if snap == nil {
		return nil, diags
	}
	o, more := snap.Observation(e.now())
	o.Unrecorded = true
	missing := "is gone. It is restored from the Terraform state; nothing that the state knows as done runs again."
	if !known.Declaration.Exists() {
		missing = "does not exist yet: its runs were applied without Terraform. It is written from what they show; " +
			"nothing that " +
			"they have done runs again."
	}
	o.Drift = append(o.Drift, "The record of the job, ConfigMap "+namespace+"/"+state.RecordName(name)+", "+missing)
	return o, append(diags, more...)
}

func (e *Engine) observe(
	ctx context.Context, r *observe.Reader, namespace, name string,
) (*state.Observation, hcl.Diagnostics) {
	snap, diags := r.Snapshot(ctx, namespace, name)
	if snap == nil {
		return nil, diags
	}
	if diags = append(diags, e.RecordIfPossible(ctx, snap)...); diags.HasErrors() {
		return nil, diags
	}
	e.KeepBounds(ctx, snap)
	o, more := r.Observe(ctx, snap)
	return o, append(diags, more...)
}

// Delete stops and removes everything a job made in the cluster. Without an owner
// token (after an import) it takes the job as it is. A job of another owner is left
// alone, with a warning.
func (e *Engine) Delete(ctx context.Context, namespace, name, owner string) hcl.Diagnostics {
	e.read.Forget()
	snap, diags := e.read.Snapshot(ctx, namespace, name)
	unread := false
	if apply.Caused(diags, func(err error) bool { return err != nil }) {
		return diags
	}
	if snap == nil && diags.HasErrors() {
		// A run that cannot be read can be removed all the same, if the record can
		// be read.
		s, more := e.read.Load(ctx, namespace, name)
		if s == nil {
			return append(diags, more...)
		}
		unread, snap = true, &observe.Snapshot{State: s}
	}
	if snap == nil {
		return e.Remove(ctx, namespace, name, nil, false)
	}
	if apply.Owned(snap.State, owner) != nil {
		return hcl.Diagnostics{apply.Forgotten(snap.State)}
	}
	mayLive := unread || snap.MayLive()
	if snap.Active() {
		if _, diags := e.BringDown(ctx, snap); diags.HasErrors() {
			return diags
		}
	}
	return e.Remove(ctx, namespace, name, snap.State, mayLive)
}

// Release leaves a job as it is in the cluster, and lets whoever imports it next
// own it. One of another owner stays that owner's, with a warning.
func (e *Engine) Release(ctx context.Context, namespace, name, owner string) hcl.Diagnostics {
	e.read.Forget()
	s, diags := e.read.Load(ctx, namespace, name)
	if s == nil {
		return diags
	}
	if apply.Owned(s, owner) != nil {
		return hcl.Diagnostics{apply.Forgotten(s)}
	}
	return e.Applier.Release(ctx, s, owner)
}
