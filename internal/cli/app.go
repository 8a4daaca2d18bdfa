// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/watch"
)

// app is the environment of a command.
type app struct {
	Env
	ctx context.Context
	// results prints to standard output for people, notes to standard error.
	results, notes *text.Printer

	command string
	// doing is the current operation, for the report of a panic.
	doing string
}

// errInterrupted ends a command after a signal.
var errInterrupted = errors.New("interrupted")

// bounded does a step with what others have written. If it does not end, it is left
// behind, and what it writes may not be read.
func (a *app) bounded(step func()) error {
	err := watch.Run(a.ctx, func(context.Context) { step() })
	switch {
	case err == nil:
		return nil
	case a.ctx.Err() != nil:
		return errInterrupted
	}
	return fmt.Errorf("%s: %w", a.doing, err)
}

// finish reports diagnostics for people, and fails if there are errors.
func (a *app) finish(diags hcl.Diagnostics, files map[string]*hcl.File) error {
	if err := a.report(diags, files); err != nil {
		return err
	}
	if diags.HasErrors() {
		return exitError(exitFailure)
	}
	return nil
}

// reportPanic reports the current operation and the stack. The stack alone does not
// help the user.
func (a *app) reportPanic(reason any) {
	doing := a.doing
	if doing == "" {
		doing = "reading the command line"
	}
	a.notes.Linef("%s: internal error while %s: %v", a.Name, doing, reason)
	a.notes.Block(fmt.Sprintf(`
This is a bug in the program, not in your job. Please report it at
https://github.com/terraform-backfill/terraform-provider-backfill/issues with the version (%s),
the command (%s), the job file and the lines below.

%s`, a.Version, a.command, debug.Stack()))
}
