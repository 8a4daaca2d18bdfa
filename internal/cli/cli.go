// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package cli is the command line: flags, commands, output and exit codes. It
// contains no rules about jobs, and accesses a cluster only through package engine.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kong"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/tfcheck"
)

// The exit codes.
const (
	exitGood      = 0
	exitFailure   = 1 // diagnostics, or the job failed
	exitUsage     = 2 // wrong usage
	exitDifferent = 3 // a comparison with differences
	// exitInterrupted is that of a shell for a program that a signal has ended.
	exitInterrupted = 130
)

// Env is the environment of the command line.
type Env struct {
	// Name is the program's name in help and messages.
	Name    string
	Args    []string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Getenv  func(string) string
	Environ func() []string
	Version string
	// Schemas are the types of the provider's resources, against which Terraform files
	// are checked.
	Schemas func() (tfcheck.Schemas, error)
	// Connect replaces the connection to the cluster; nil for the default.
	Connect func(cluster.Config) (cluster.Backend, error)
	// Sleep waits between two observations of a job; nil for the default.
	Sleep func(ctx context.Context, d time.Duration) error
}

// commands is the command tree for kong; each command has its own file.
type commands struct {
	Compile    compileCmd    `cmd:"" help:"Print the Kubernetes objects of the jobs in the files."`
	Validate   validateCmd   `cmd:"" help:"Check the jobs in the files, and the names in Terraform files, without a cluster."`
	Partitions partitionsCmd `cmd:"" help:"List the partitions of a job."`
	Diff       diffCmd       `cmd:"" help:"Compare two compilations, or a compilation and a manifest file."`
	Fmt        fmtCmd        `cmd:"" help:"Format job files in the canonical style."`
	Convert    convertCmd    `cmd:"" help:"Convert a handwritten Argo Workflow that fans out to a job file."`
	Status     statusCmd     `cmd:"" help:"Show the state of a job in the cluster."`
	Stop       stopCmd       `cmd:"" help:"Stop the active run of a job. Partitions that have not finished count as not done."`
	Pause      pauseCmd      `cmd:"" help:"Pause the active run of a job: no further partitions start."`
	Resume     resumeCmd     `cmd:"" help:"Resume a paused job."`
	Approve    approveCmd    `cmd:"" help:"Approve the next wave of a job that waits for approval."`
	Rbac       rbacCmd       `cmd:"" help:"Print the Roles that jobs need in a namespace. Applying them needs an administrator."`
	Schema     schemaCmd     `cmd:"" help:"Print the JSON Schema of job files, for editors."`
	Docs       docsCmd       `cmd:"" help:"Print the reference of the job language, or of all error codes, as Markdown."`
	Completion completionCmd `cmd:"" help:"Print a completion script for bash, zsh or fish."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// exitError is an exit code without a further message.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// usageError is a wrong command line.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// patience is how long a command may take to end itself after a signal.
const patience = 500 * time.Millisecond

// Run runs one command and returns the exit code of the process. When the context
// is done, it returns soon, whatever the command does: the process is to end then.
func Run(ctx context.Context, env Env) int {
	a := newApp(ctx, env)
	done := make(chan int, 1)
	go func() { done <- a.exitCode() }()
	select {
	case code := <-done:
		return code
	case <-ctx.Done():
	}
	select {
	case code := <-done:
		return code
	case <-time.After(patience):
		newApp(ctx, env).notes.Linef("%s: %s", env.Name, errInterrupted) // the other one may be in use
		return exitInterrupted
	}
}

// exitCode runs the command and reports why it failed.
func (a *app) exitCode() (code int) {
	defer func() {
		if r := recover(); r != nil {
			a.reportPanic(r)
			code = exitFailure
		}
	}()
	err := errors.Join(a.run(), a.results.Err(), a.notes.Err())
	var exit exitError
	var usage usageError
	switch {
	case err == nil:
		return exitGood
	case errors.Is(err, errInterrupted):
		a.notes.Linef("%s: %s", a.Name, err)
		return exitInterrupted
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &usage):
		a.notes.Linef("%s: %s", a.Name, usage.text)
		a.notes.Linef("See %s --help.", a.Name)
		return exitUsage
	default:
		a.notes.Block(fmt.Sprintf("%s: %s", a.Name, err))
		return exitFailure
	}
}

// helpShown unwinds from kong after it has printed help.
type helpShown struct{}

func (a *app) run() error {
	var tree commands
	parser, err := kong.New(&tree,
		kong.Name(a.Name),
		kong.Description("Declarative backfills: compiles job files to Argo Workflows and shows the state of jobs.\n\n"+
			"The same program is the Terraform provider. Long flags have one or two dashes, before or after files. \"-\" is "+
			"standard input."),
		a.helpWriters(),
		kong.Exit(func(int) { panic(helpShown{}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
	)
	if err != nil {
		return fmt.Errorf("building the command line: %w", err)
	}
	args := a.Args
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, shown, err := parse(parser, normalize(parser.Model, args))
	switch {
	case shown:
		return nil
	case err != nil:
		return usageError{err.Error()}
	}
	a.command = parsed.Command()
	return parsed.Run(a, parser)
}

func parse(parser *kong.Kong, args []string) (parsed *kong.Context, shown bool, err error) {
	defer func() {
		switch r := recover(); r.(type) {
		case nil:
		case helpShown:
			shown = true
		default:
			panic(r)
		}
	}()
	parsed, err = parser.Parse(args)
	return parsed, false, err
}
