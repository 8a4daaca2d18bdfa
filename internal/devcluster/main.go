// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Command devcluster runs a real Kubernetes control plane with Argo Workflows
// on one Linux machine that has nothing but Go: etcd, API server, controller
// manager, scheduler and Argo's controller, each a process of this one binary,
// and a node agent that offers virtual nodes to the scheduler.
//
// Everything listens on loopback, and everything it writes is in one state
// directory. It is for trying things out and for tests, never for production:
// containers are processes of this machine, and an image is only a name.
package main

import (
	_ "embed"
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/argoexec"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/component"
)

// The module's own requirements say which Argo is linked, hence which executor
// belongs to it.
var (
	//go:embed go.mod
	goMod string
	//go:embed go.sum
	goSum string
)

func main() {
	// Components take the rest of the command line as it is.
	if len(os.Args) > 2 && os.Args[1] == "component" {
		os.Exit(component.Run(os.Args[2], os.Args[3:]))
	}
	pin, err := argoexec.PinFrom(goMod, goSum)
	if err != nil {
		fail(err)
	}
	var cli commands
	parsed := kong.Parse(&cli,
		kong.Name("devcluster"),
		kong.Description("A local Kubernetes control plane with Argo Workflows, for development and tests."),
		kong.UsageOnError(),
		kong.Bind(&cli.globals, pin))
	if err := parsed.Run(); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintf(os.Stderr, "devcluster: %v\n", err)
	os.Exit(1)
}
