// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/report"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// controlFlags select a job in the cluster.
type controlFlags struct {
	clusterFlags
	Name string `arg:"" name:"job" help:"Name of the job."`
}

type (
	stopCmd   struct{ controlFlags }
	pauseCmd  struct{ controlFlags }
	resumeCmd struct{ controlFlags }

	approveCmd struct{ controlFlags }
)

// Run stops the active run. Partitions that have not finished count as not done.
func (c *stopCmd) Run(a *app) error {
	return a.control(c.controlFlags, "stopping", (*engine.Engine).Stop)
}

// Run pauses the active run: no further partitions start.
func (c *pauseCmd) Run(a *app) error {
	return a.control(c.controlFlags, "pausing", (*engine.Engine).Pause)
}

// Run resumes a paused job.
func (c *resumeCmd) Run(a *app) error {
	return a.control(c.controlFlags, "resuming", (*engine.Engine).Resume)
}

// Run approves the gate at which the job waits, and starts the next run.
func (c *approveCmd) Run(a *app) error {
	return a.control(c.controlFlags, "approving", (*engine.Engine).Approve)
}

// control changes the active run and prints the state of the job.
func (a *app) control(f controlFlags, doing string,
	do func(e *engine.Engine, ctx context.Context, namespace, name string) (*state.Observation, hcl.Diagnostics),
) error {
	a.doing = fmt.Sprintf("%s job %s/%s", doing, f.Namespace, f.Name)
	e, err := a.engine(f.clusterFlags)
	if err != nil {
		return err
	}
	seen, diags := do(e, a.ctx, f.Namespace, f.Name)
	if err := a.finish(diags, nil); err != nil {
		return err
	}
	a.results.Linef("%s", report.Line(seen))
	return nil
}
