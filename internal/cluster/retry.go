// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cluster

import (
	"context"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Retry limits the retries of a failed call.
type Retry struct {
	// Attempts includes the first one.
	Attempts int
	// Backoff is the pause after the first attempt; it doubles up to MaxBackoff.
	Backoff, MaxBackoff time.Duration
	// Pause waits, or returns the context's error. Nil: real time.
	Pause func(context.Context, time.Duration) error
	// renewed is true if rejected credentials have been renewed since the call,
	// and a retry may succeed.
	renewed bool
}

// DefaultRetry retries for about four seconds.
func DefaultRetry() Retry {
	return Retry{Attempts: 5, Backoff: 250 * time.Millisecond, MaxBackoff: 2 * time.Second}
}

// WithRetry returns a backend that retries transient failures of b. All calls can be
// repeated, see the package comment.
func WithRetry(b Backend, r Retry) Backend {
	if r.Pause == nil {
		r.Pause = Pause
	}
	return &retrying{b, r}
}

// Pause waits for d, or returns the context's error as soon as the context ends.
func Pause(ctx context.Context, d time.Duration) error {
	waiting, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-waiting.Done()
	return ctx.Err()
}

type retrying struct {
	next   Backend
	policy Retry
}

func (r *retrying) do(ctx context.Context, call func() error) error {
	backoff, renewed := r.policy.Backoff, r.policy.renewed
	for attempt := 1; ; attempt++ {
		err := call()
		if renewed && ReasonOf(err) == Unauthorized {
			renewed = false
			continue
		}
		if err == nil || !IsTransient(err) || attempt >= r.policy.Attempts {
			return err
		}
		if r.policy.Pause(ctx, backoff) != nil {
			return err
		}
		backoff = min(2*backoff, r.policy.MaxBackoff)
	}
}

func (r *retrying) Get(ctx context.Context, kind Kind, namespace, name string) (o manifest.Object, err error) {
	err = r.do(ctx, func() error {
		o, err = r.next.Get(ctx, kind, namespace, name)
		return err
	})
	return o, err
}

func (r *retrying) List(ctx context.Context, kind Kind, namespace, selector string) (os []manifest.Object, err error) {
	err = r.do(ctx, func() error {
		os, err = r.next.List(ctx, kind, namespace, selector)
		return err
	})
	return os, err
}

func (r *retrying) Create(ctx context.Context, in manifest.Object) (o manifest.Object, err error) {
	err = r.do(ctx, func() error {
		o, err = r.next.Create(ctx, in)
		return err
	})
	return o, err
}

func (r *retrying) Update(ctx context.Context, in manifest.Object) (o manifest.Object, err error) {
	err = r.do(ctx, func() error {
		o, err = r.next.Update(ctx, in)
		return err
	})
	return o, err
}

func (r *retrying) Patch(ctx context.Context, kind Kind, namespace, name string, patch []byte) (o manifest.Object,
	err error) {
	err = r.do(ctx, func() error {
		o, err = r.next.Patch(ctx, kind, namespace, name, patch)
		return err
	})
	return o, err
}

// Delete treats "not found" after a failed attempt as success of that attempt.
func (r *retrying) Delete(ctx context.Context, kind Kind, namespace, name, uid string) error {
	repeated := false
	return r.do(ctx, func() error {
		err := r.next.Delete(ctx, kind, namespace, name, uid)
		if repeated && IsNotFound(err) {
			return nil
		}
		repeated = true
		return err
	})
}
