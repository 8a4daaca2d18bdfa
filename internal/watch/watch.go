// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package watch answers for work that does not end: a library that hangs cannot be
// stopped from outside. It does not limit work that ends; packages do that for their
// own. See internal/decisions/0041-evaluation-has-a-budget.md.
package watch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// The limits of what is watched are meant to end it long before these. Both must have
// passed: a machine may be busy with something else.
var (
	maxWait      = 10 * time.Second // by the clock
	maxProcessor = 5 * time.Second  // of the process
)

// grace is how long work may take to notice that it is to end.
const grace = 250 * time.Millisecond

// ErrLeft is returned for work that was left behind: it took too long, or its context
// was done, and it did not end by itself.
var ErrLeft = errors.New("it takes too long, or was interrupted")

// Run does some work, and returns soon after the context is done or the work has
// taken too long; the context of the work is done then. After an error the work may
// still go on, so nothing that it writes may be read. A panic of the work is one of
// the caller.
func Run(ctx context.Context, work func(context.Context)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan any, 1) // what it panicked with
	go func() {
		defer func() {
			r := recover()
			if r != nil {
				r = fmt.Sprintf("%v\n\n%s", r, debug.Stack())
			}
			done <- r
		}()
		work(ctx)
	}()
	return wait(ctx, cancel, done)
}

func wait(ctx context.Context, cancel func(), done <-chan any) error {
	begin, used := time.Now(), ProcessorTime() //nolint:forbidigo // no result depends on it
	tick := time.NewTicker(time.Second)        //nolint:forbidigo // no result depends on it
	defer tick.Stop()
	ended := ctx.Done()
	var deadline <-chan time.Time
	for {
		select {
		case r := <-done:
			if r != nil {
				panic(r) // reported by whoever has called
			}
			return nil
		case <-tick.C:
			waited := time.Since(begin) //nolint:forbidigo // no result depends on it
			if waited > maxWait && ProcessorTime()-used > maxProcessor {
				cancel()
			}
		case <-ended:
			ended = nil
			deadline = time.After(grace) //nolint:forbidigo // no result depends on it
		case <-deadline:
			return ErrLeft
		}
	}
}
