// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"errors"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/controlplane"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/lifecycle"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/nodeagent"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/podruntime/simulate"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/supervise"
)

type simulateCommand struct {
	Behaviour string `arg:"" help:"Settings by commas: seed, median and spread of running times, start and pull delays, quiet, exit-code; exit, oom, deadline, eviction, shutdown, image: shares of pods that fail so; always-exit and so on: shares of keys that always do."`
}

// Run writes the behaviour where the node agent reads it.
func (c *simulateCommand) Run(g *globals) error {
	l, err := controlplane.NewLayout(g.State)
	if err != nil {
		return err
	}
	options, err := lifecycle.ReadOptions(l)
	if err != nil {
		return err
	}
	if options.Runtime != nodeagent.RuntimeSimulate {
		return errors.New("this cluster runs all pods; start one with --runtime=simulate")
	}
	return writeSimulation(l, c.Behaviour)
}

// writeSimulation checks a behaviour before anybody relies on it.
func writeSimulation(l controlplane.Layout, text string) error {
	if _, err := simulate.Parse(text); err != nil {
		return err
	}
	return supervise.WriteFile(l.Simulation(), []byte(text+"\n"))
}
