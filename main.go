// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Command terraform-provider-backfill serves the Terraform plugin when
// Terraform starts it, and is the backfill command line otherwise.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // windows follow calendars also where the machine has no zone data

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cli"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/provider"
)

// version is set by the release build.
var version = "dev"

func main() {
	collectLess()
	if servesTerraform() {
		servePlugin()
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, cli.Env{
		Name:    filepath.Base(os.Args[0]),
		Args:    os.Args[1:],
		Stdin:   os.Stdin,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Getenv:  os.Getenv,
		Environ: os.Environ,
		Version: version,
		Schemas: provider.Schemas,
	})
	stop()
	os.Exit(code)
}

// collectLess lets the heap grow to three times of what is alive before garbage
// is collected, unless somebody has said otherwise. Plans and compilations keep
// little of what they allocate: with a thousand jobs it saves a third of a plan's
// processor time, for 50 MB. Near the limit, garbage is collected more often.
func collectLess() {
	const limit = 400 << 20
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}

// servesTerraform tells whether Terraform has started the program: it passes a
// cookie in the environment, or a debugger's user asks for a plugin server.
func servesTerraform() bool {
	return os.Getenv("TF_PLUGIN_MAGIC_COOKIE") != "" ||
		len(os.Args) == 2 && (os.Args[1] == "-debug" || os.Args[1] == "--debug")
}

func servePlugin() {
	debug := flag.Bool("debug", false, "serve for a debugger and print how Terraform can attach")
	flag.Parse()
	if err := provider.Serve(version, *debug); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
