// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/report"
)

// watchInterval is the pause between two looks at a job. One look is a few
// requests, whatever the size of the job.
const watchInterval = 2 * time.Second

type statusCmd struct {
	clusterFlags
	Name     string `arg:"" name:"job" help:"Name of the job."`
	Attempts bool   `help:"List the attempts of all failed partitions, not of the first ten alone."`
	Watch    bool   `help:"Print a line whenever something changes, until no run is active; fails when keys are left then."`
}

// Run prints the state of a job, once or until it rests.
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
	return report.Status(a.Stdout, seen, c.Attempts)
}

func (c *statusCmd) observe(a *app, e *engine.Engine) (*engine.Observation, error) {
	seen, diags := e.Observe(a.ctx, c.Namespace, c.Name)
	if err := a.finish(diags, nil); err != nil {
		return nil, err
	}
	if seen == nil {
		return nil, fmt.Errorf("there is no job %s in namespace %s; check the name, and --namespace and --context for where it is looked for", c.Name, c.Namespace)
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
		for _, failed := range seen.FailedPartitions {
			if !told[failed.Key] {
				told[failed.Key] = true
				fmt.Fprintln(a.Stdout, report.FailedLine(failed))
			}
		}
		if line := report.Line(seen); line != last {
			fmt.Fprintln(a.Stdout, line)
			last = line
		}
		for _, obstacle := range seen.Obstacles {
			if kind := fmt.Sprint("obstacle ", obstacle.Kind, obstacle.Stuck); !told[kind] {
				told[kind] = true
				fmt.Fprintln(a.Stdout, report.ObstacleLine(obstacle))
			}
		}
		switch seen.Phase {
		case engine.Complete, engine.AwaitingApproval:
			return nil
		case engine.Failed, engine.Incomplete:
			return exitError(exitFailure)
		}
		if a.interrupted(watchInterval) {
			return nil
		}
	}
}

// interrupted waits, and tells whether the user ended the wait. That is no
// error: nothing is wrong with the job.
func (a *app) interrupted(d time.Duration) bool {
	wait := cluster.Pause
	if a.Sleep != nil {
		wait = a.Sleep
	}
	return wait(a.ctx, d) != nil
}
