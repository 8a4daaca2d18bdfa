// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package component holds the programs that the one binary can become: etcd,
// the Kubernetes control plane, Argo's workflow controller, the node agent and
// kubectl. Each takes over the process it runs in, as upstream's own main
// function does.
//
// The package does not choose arguments, ports or an order of starting.
package component

import (
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"

	// First of all: Argo's packages log while they are initialised.
	_ "github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/component/quiet"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/controlplane"
)

var programs = map[string]func(args []string) int{
	controlplane.Etcd: func(args []string) int {
		etcdmain.Main(append([]string{controlplane.Etcd}, args...))
		return 0
	},
	controlplane.APIServer:         cobraProgram(apiserver.NewAPIServerCommand),
	controlplane.ControllerManager: cobraProgram(controllermanager.NewControllerManagerCommand),
	controlplane.Scheduler:         cobraProgram(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
	controlplane.ArgoController:    runArgoController,
	controlplane.NodeAgent:         runNodeAgent,
}

// Run becomes the named program and returns its exit code. Some programs exit
// by themselves and never return.
func Run(name string, args []string) int {
	program, ok := programs[name]
	if !ok {
		names := make([]string, 0, len(programs))
		for known := range programs {
			names = append(names, known)
		}
		slices.Sort(names)
		fmt.Fprintf(os.Stderr, "devcluster: no component is called %q; there are %v.\n", name, names)
		return 2
	}
	// Upstream's mains read os.Args in places (for usage lines and process titles).
	os.Args = append([]string{name}, args...)
	return program(args)
}

func cobraProgram(newCommand func() *cobra.Command) func(args []string) int {
	return func(args []string) int {
		command := newCommand()
		command.SetArgs(args)
		return cli.Run(command)
	}
}
