// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/hashicorp/hcl/v2"
)

// The limits of package lang are meant to end every evaluation long before these.
// Both must have passed: a machine may be busy with something else.
const (
	maxWait      = 20 * time.Second // by the clock
	maxProcessor = 10 * time.Second // of the process
	// grace is how long an evaluation may take to notice that it is to end.
	grace = 250 * time.Millisecond
)

// watch answers for an evaluation that does not end in time. HCL's evaluator cannot
// be stopped from outside: what hangs is left behind, and ends at its next step.
func watch(b *budget, cancel func(), evaluate func() (*Module, hcl.Diagnostics)) (*Module, hcl.Diagnostics) {
	type answer struct {
		module   *Module
		diags    hcl.Diagnostics
		panicked any
	}
	done := make(chan answer, 1)
	go func() {
		var a answer
		defer func() {
			if r := recover(); r != nil {
				a.panicked = fmt.Sprintf("%v\n\n%s", r, debug.Stack())
			}
			done <- a
		}()
		a.module, a.diags = evaluate()
	}()
	begin, used := time.Now(), processorTime()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	ended := b.ctx.Done()
	var deadline <-chan time.Time
	for {
		select {
		case a := <-done:
			if a.panicked != nil {
				panic(a.panicked) // reported by whoever has called
			}
			return a.module, a.diags
		case <-tick.C:
			if time.Since(begin) > maxWait && processorTime()-used > maxProcessor {
				cancel()
			}
		case <-ended:
			ended, deadline = nil, time.After(grace)
		case <-deadline:
			return &Module{Files: map[string]*hcl.File{}}, hcl.Diagnostics{b.timeout(hcl.Range{})}
		}
	}
}
