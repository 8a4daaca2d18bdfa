// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
	escape "github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// Time between two observations of a job: short at first, for jobs that are almost
// done.
const (
	firstLook   = 2 * time.Second
	longestLook = 15 * time.Second
)

// wait is what is waited for, and how long.
type wait struct {
	namespace, job string
	until          string
	share          float64 // of the partitions, for untilProgress
	goesOn         bool    // after a failure
	limit          time.Duration
}

// await observes the job until the condition is met, and returns what it saw last. An
// observation with a transient failure is repeated.
func (r *awaitResource) await(ctx context.Context, w wait) (last *state.Observation, diags tfdiag.Diagnostics) {
	ctx, cancel := context.WithTimeout(ctx, w.limit)
	defer cancel()
	e := r.connection.use(&diags)
	if e == nil {
		return nil, diags
	}
	pause := r.connection.edges.Pause
	if pause == nil {
		pause = cluster.Pause
	}
	for span := firstLook; ; span = min(2*span, longestLook) {
		seen, problems := e.Observe(ctx, w.namespace, w.job)
		if problems.HasErrors() && ctx.Err() == nil {
			return nil, atAttributes(problems)
		}
		if ctx.Err() == nil && seen == nil {
			return nil, tfdiag.Diagnostics{fault(diag.CodeAwaitNothing, path.Root("job"),
				"Namespace %q has no record of a job %q. Correct the name, or make this resource depend on the backfill_job.",
				w.namespace, w.job)}
		}
		if seen != nil {
			if told := line(seen) + "." + obstacles(seen); last == nil || told != line(last)+"."+obstacles(last) {
				tflog.Info(ctx, escape.Escape("waiting for backfill "+w.job+": "+told))
			}
			last = seen
			if over, diags := w.over(seen); over {
				return seen, diags
			}
		}
		if pause(ctx, span) != nil || ctx.Err() != nil {
			return nil, w.outOfTime(last)
		}
	}
}

func line(o *state.Observation) string {
	told := fmt.Sprintf("%s, %s partitions done, %d failed", o.Phase, strings.Replace(o.Progress(), "/", " of ", 1),
		o.FailedCount())
	if o.SetupError() != "" {
		told += fmt.Sprintf(", and the setup of run %s failed (%s)", o.LatestRun(), o.SetupError())
	}
	if o.Message() != "" {
		told += fmt.Sprintf(", and run %s found no bounds (%s)", o.LatestRun(), o.Message())
	}
	return told
}

// obstacles are sentences about the obstacles of the run.
func obstacles(o *state.Observation) string {
	var b strings.Builder
	for _, t := range o.Obstacles {
		b.WriteString(" ")
		switch {
		case t.Stuck:
			b.WriteString("The run is stuck: ")
		case !t.Retried && !t.Refused:
			b.WriteString("The run is waiting: ")
		}
		b.WriteString(strings.TrimSuffix(t.Sentence(), ".") + ".")
	}
	return b.String()
}

// over is true if the wait has ended. The diagnostics are its result.
func (w wait) over(o *state.Observation) (bool, tfdiag.Diagnostics) {
	if w.until == untilCanary {
		switch o.CanaryState {
		case state.CanaryPassed:
			return true, nil
		case state.CanaryNone:
			return true, tfdiag.Diagnostics{fault(diag.CodeAwaitCanary, path.Root("until"),
				"Job %s/%s has no canary. Set canary in the job, or set until to \"completed\" or \"progress\".", o.Namespace,
				o.Name)}
		}
	}
	if o.Phase == state.PhaseComplete {
		return true, nil
	}
	if w.until == untilProgress && o.Domain().Bounded() &&
		float64(o.DoneCount()) >= w.share*float64(o.Total()) {
		return true, nil
	}
	if o.Phase.Active() || o.Phase == state.PhaseAwaitingApproval {
		return false, nil
	}
	short := "the backfill is not complete"
	if w.until == untilCanary {
		short = "the last run ended before its canary"
		if o.CanaryState == state.CanaryBroken {
			short = "the canary failed"
		}
	}
	d := diag.At(diag.CodeAwaitFailed, nil, fmt.Sprintf(
		"No run of job %s/%s is active, and %s: %s. Plan the job again to run the remaining partitions.", o.Namespace,
		o.Name, short, line(o)))
	if w.goesOn {
		d.Severity = hcl.DiagWarning
	}
	return true, tfdiag.Diagnostics{convert(d, path.Empty(), d.Detail)}
}

func (w wait) outOfTime(last *state.Observation) tfdiag.Diagnostics {
	where := "its state could not be read."
	if last != nil {
		where = "it is " + line(last) + "." + obstacles(last)
	}
	return tfdiag.Diagnostics{fault(diag.CodeAwaitTime, path.Root("timeouts"),
		"Job %s did not reach the condition within %s: %s The backfill continues. Apply again to continue waiting, or "+
			"raise timeouts.", w.job, w.limit, where)}
}
