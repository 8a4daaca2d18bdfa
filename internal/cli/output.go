// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"io"
	"os"

	"github.com/alecthomas/kong"
	"github.com/hashicorp/hcl/v2"
	"golang.org/x/term"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// This file alone writes to standard output and standard error; a test holds that.
// A command has three ways to write, and each escapes what others wrote: a printer
// for people, a document, which its package has made fit to be shown, and records for
// programs. See internal/decisions/0042-escaped-by-the-writer.md.

// newApp is the environment of a command that prints to the streams of env.
func newApp(ctx context.Context, env Env) *app {
	return &app{
		Env: env, ctx: ctx,
		results: text.NewPrinter(env.Stdout, false), notes: text.NewPrinter(env.Stderr, false),
	}
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

// document writes a whole document: a manifest, a job file, a page, a script.
func (a *app) document(data []byte) error {
	_, err := a.Stdout.Write(data)
	return err
}

// records hands standard output to a writer of a format for programs.
func (a *app) records(write func(io.Writer) error) error { return write(a.Stdout) }

// errorRecords is records for standard error.
func (a *app) errorRecords(write func(io.Writer) error) error { return write(a.Stderr) }

// helpWriters are for the help of the command line, which is a text of ours.
func (a *app) helpWriters() kong.Option { return kong.Writers(printed{a.results}, printed{a.notes}) }

// printed is a writer of whole lines to a printer.
type printed struct{ to *text.Printer }

func (p printed) Write(data []byte) (int, error) {
	p.to.Block(string(data))
	return len(data), p.to.Err()
}

// jsonReport writes diagnostics as JSON, and fails if there are errors.
func jsonReport(w io.Writer, diags hcl.Diagnostics, files map[string]*hcl.File) error {
	if err := diag.WriteJSON(w, diags, files); err != nil {
		return err
	}
	if diags.HasErrors() {
		return exitError(exitFailure)
	}
	return nil
}
