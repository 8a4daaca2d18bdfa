// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/term"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// app is the environment of a command.
type app struct {
	Env
	ctx     context.Context
	command string
	// doing is the current operation, for the report of a panic.
	doing string
}

// report writes diagnostics for people to standard error.
func (a *app) report(diags hcl.Diagnostics, files map[string]*hcl.File) error {
	o := diag.TextOptions{}
	if f, ok := a.Stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		o.Color = a.Getenv("NO_COLOR") == ""
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			o.Width = uint(width)
		}
	}
	return diag.WriteText(a.Stderr, diags, files, o)
}

// finish reports diagnostics, and fails if there are errors.
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
	fmt.Fprintf(a.Stderr, `%s: internal error while %s: %v

This is a bug in the program, not in your job. Please report it at
https://github.com/terraform-backfill/terraform-provider-backfill/issues with the version (%s),
the command (%s), the job file and the lines below.

%s`, a.Name, doing, reason, a.Version, a.command, debug.Stack())
}
