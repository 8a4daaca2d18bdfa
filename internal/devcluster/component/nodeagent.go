// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package component

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/controlplane"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/nodeagent"
)

// runNodeAgent offers the virtual nodes until it is told to stop.
func runNodeAgent(args []string) int {
	var c nodeagent.Config
	flags := flag.NewFlagSet(controlplane.NodeAgent, flag.ExitOnError)
	flags.StringVar(&c.Kubeconfig, "kubeconfig", "", "kubeconfig of the agent")
	flags.StringVar(&c.StateDir, "state", "", "directory of the agent's own")
	flags.StringVar(&c.Runtime, "runtime", "", "how containers run")
	flags.StringVar(&c.Simulation, "simulation", "", "file that says how simulated pods behave")
	flags.StringVar(&c.Profile, "profile", "", "whose labels and taints the nodes carry")
	flags.IntVar(&c.OnDemand, "on-demand", 0, "number of on-demand nodes")
	flags.IntVar(&c.Spot, "spot", 0, "number of spot nodes")
	flags.IntVar(&c.OnDemandMax, "on-demand-max", 0, "on-demand nodes at most, when pods wait for them")
	flags.IntVar(&c.SpotMax, "spot-max", 0, "spot nodes at most, when pods wait for them")
	flags.DurationVar(&c.NodeDelay, "node-delay", 0, "time from ordering a machine to its node")
	flags.DurationVar(&c.NodeGrace, "node-grace", 0, "how long a node may be silent before it counts as lost")
	flags.StringVar(&c.CPU, "cpu", "", "CPU capacity of each node")
	flags.StringVar(&c.Memory, "memory", "", "memory capacity of each node")
	flags.BoolVar(&c.WatchMemory, "watch-memory", false, "keep memory limits by watching")
	flags.StringVar(&c.Pods, "pods", "", "pod capacity of each node")
	flags.StringVar(&c.Argoexec, "argoexec", "", "Argo's executor")
	flags.StringVar(&c.CAFile, "ca", "", "CA of the API server")
	flags.StringVar(&c.ServingCert, "serving-cert", "", "certificate of the agent's port")
	flags.StringVar(&c.ServingKey, "serving-key", "", "key of the agent's port")
	flags.StringVar(&c.ClientCAFile, "client-ca", "", "CA of the API server's client certificate")
	flags.Func("hide", "path that containers must not see (may be repeated)", func(path string) error {
		c.Hide = append(c.Hide, path)
		return nil
	})
	server := flags.String("api-server", "", "host and port of the API server")
	_ = flags.Parse(args) // ExitOnError

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if c.APIServerHost, c.APIServerPort, err = net.SplitHostPort(*server); err == nil {
		err = nodeagent.Run(ctx, c)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", controlplane.NodeAgent, err)
		return 1
	}
	return 0
}
