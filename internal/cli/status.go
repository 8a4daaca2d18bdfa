// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/report"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// watchInterval is the time between two observations of a job. Each takes a few
// requests, regardless of the size of the job.
const watchInterval = 2 * time.Second

type statusCmd struct {
	clusterFlags
	Name     string `arg:"" name:"job" help:"Name of the job."`
	Attempts bool   `help:"List all failed partitions with their attempts, not only the first 100, and the attempts of the first ten."`
	Watch    bool   `help:"Print a line for every change until no run is active. Fails if partitions failed or did not run."`
}

// Run prints the state of a job, once or until no run is active.
func (c *statusCmd) Run(a *app) error {
	a.doing = fmt.Sprintf("reading the state of job %s/%s", c.Namespace, c.Name)
	e, err := a.engine(c.clusterFlags)
	if err != nil {
		return err
	}
	if c.Watch {
		return c.watch(a, e)
	}
	seen, err := c.observe(a, e)
	if err != nil {
		return err
	}
	report.Status(a.results, seen, c.Attempts)
	return nil
}

func (c *statusCmd) observe(a *app, e *engine.Engine) (*state.Observation, error) {
	seen, diags := e.Observe(a.ctx, c.Namespace, c.Name)
	if err := a.finish(diags, nil); err != nil {
		return nil, err
	}
	if seen == nil {
		return nil, fmt.Errorf("there is no job %s in namespace %s; check the name, --namespace and --context", c.Name,
			c.Namespace)
	}
	return seen, nil
}

func (c *statusCmd) watch(a *app, e *engine.Engine) error {
	last := ""
	told := map[string]bool{}
	for {
		seen, err := c.observe(a, e)
		if err != nil {
			return err
		}
		for _, failed := range seen.FailedPartitions(state.MaxFailures) {
			if !told[failed.Key] {
				told[failed.Key] = true
				a.results.Linef("%s", report.FailedLine(failed))
			}
		}
		if line := report.Line(seen); line != last {
			a.results.Linef("%s", line)
			last = line
		}
		for _, obstacle := range seen.Obstacles {
			if kind := fmt.Sprint("obstacle ", obstacle.Kind, obstacle.Stuck); !told[kind] {
				told[kind] = true
				a.results.Linef("%s", report.ObstacleLine(obstacle))
			}
		}
		switch seen.Phase {
		case state.PhaseComplete, state.PhaseAwaitingApproval:
			return nil
		case state.PhaseFailed, state.PhaseIncomplete:
			return exitError(exitFailure)
		}
		if a.interrupted(watchInterval) {
			return nil
		}
	}
}

// interrupted waits. It is true if the user interrupted the wait, which is not an
// error.
func (a *app) interrupted(d time.Duration) bool {
	wait := cluster.Pause
	if a.Sleep != nil {
		wait = a.Sleep
	}
	return wait(a.ctx, d) != nil
}
