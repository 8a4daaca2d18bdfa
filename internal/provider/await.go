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
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
)

// Time between two observations of a job: short at first, for jobs that are almost
// done.
const (
	firstLook   = 2 * time.Second
	longestLook = 15 * time.Second
)

// await observes the job until the condition of the model is met, and sets the
// results. An observation with a transient failure is repeated.
func (r *awaitResource) await(ctx context.Context, limit time.Duration, m *awaitModel) tfdiag.Diagnostics {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	e, diags := r.connection.use()
	if diags.HasError() {
		return diags
	}
	pause := r.connection.edges.Pause
	if pause == nil {
		pause = cluster.Pause
	}
	name := m.Job.ValueString()
	var last *engine.Observation
	for wait := firstLook; ; wait = min(2*wait, longestLook) {
		seen, problems := e.Observe(ctx, m.namespace(), name)
		if problems.HasErrors() && ctx.Err() == nil {
			return atAttributes(problems)
		}
		if ctx.Err() == nil && seen == nil {
			return tfdiag.Diagnostics{fault(diag.CodeAwaitNothing, path.Root("job"),
				"Namespace %q has no record of a job %q. Correct the name, or make this resource depend on the backfill_job.",
				m.namespace(), name)}
		}
		if seen != nil {
			if told := line(seen) + "." + obstacles(seen); last == nil || told != line(last)+"."+obstacles(last) {
				tflog.Info(ctx, "waiting for backfill "+name+": "+told)
			}
			last = seen
			m.fill(seen)
			if over, diags := m.over(seen); over {
				return diags
			}
		}
		if pause(ctx, wait) != nil || ctx.Err() != nil {
			return outOfTime(name, limit, last)
		}
	}
}

func line(o *engine.Observation) string {
	text := fmt.Sprintf("%s, %s partitions done, %d failed", o.Phase, strings.Replace(o.Progress(), "/", " of ", 1),
		o.FailedCount)
	if o.SetupError != "" {
		text += fmt.Sprintf(", and the setup of run %s failed (%s)", o.Run, o.SetupError)
	}
	if o.Message != "" {
		text += fmt.Sprintf(", and run %s found no bounds (%s)", o.Run, o.Message)
	}
	return text
}

// obstacles are sentences about the obstacles of the run.
func obstacles(o *engine.Observation) string {
	var b strings.Builder
	for _, t := range o.Obstacles {
		b.WriteString(" ")
		switch {
		case t.Stuck:
			b.WriteString("The run is stuck: " + t.What + ". " + t.Cure)
		case t.Retried:
			b.WriteString(t.What + ".")
		default:
			b.WriteString("The run is waiting: " + t.What + ".")
		}
	}
	return b.String()
}

// over is true if the wait has ended. The diagnostics are its result.
func (m *awaitModel) over(o *engine.Observation) (bool, tfdiag.Diagnostics) {
	if m.Until.ValueString() == untilCanary {
		switch o.CanaryState {
		case engine.CanaryPassed:
			return true, nil
		case engine.CanaryNone:
			return true, tfdiag.Diagnostics{fault(diag.CodeAwaitCanary, path.Root("until"),
				"Job %s/%s has no canary. Set canary in the job, or set until to \"completed\" or \"progress\".", o.Namespace,
				o.Name)}
		}
	}
	if o.Phase == engine.Complete {
		return true, nil
	}
	if m.Until.ValueString() == untilProgress && o.Domain.Bounded() &&
		float64(o.DoneCount) >= m.Progress.ValueFloat64()*float64(o.Total) {
		return true, nil
	}
	if o.Phase.Active() || o.Phase == engine.AwaitingApproval {
		return false, nil
	}
	short := "the backfill is not complete"
	if m.Until.ValueString() == untilCanary {
		short = "the last run ended before its canary"
		if o.CanaryState == engine.CanaryFailed {
			short = "the canary failed"
		}
	}
	d := diag.At(diag.CodeAwaitFailed, nil, fmt.Sprintf(
		"No run of job %s/%s is active, and %s: %s. Plan the job again to run the remaining partitions.", o.Namespace,
		o.Name, short, line(o)))
	if m.OnFailure.ValueString() == failureContinue {
		d.Severity = hcl.DiagWarning
	}
	return true, tfdiag.Diagnostics{convert(d, path.Empty(), d.Detail)}
}

func outOfTime(name string, limit time.Duration, last *engine.Observation) tfdiag.Diagnostics {
	state := "its state could not be read."
	if last != nil {
		state = "it is " + line(last) + "." + obstacles(last)
	}
	return tfdiag.Diagnostics{fault(diag.CodeAwaitTime, path.Root("timeouts"),
		"Job %s did not reach the condition within %s: %s The backfill continues. Apply again to continue waiting, or "+
			"raise timeouts.", name, limit, state)}
}

// fill sets the results.
func (m *awaitModel) fill(o *engine.Observation) {
	m.Phase = types.StringValue(string(o.Phase))
	m.DoneCount = types.Int64Value(o.DoneCount)
	m.FailedCount = types.Int64Value(o.FailedCount)
	m.RemainingCount = types.Int64Value(o.RemainingCount)
	m.Failed, m.Remaining = intervals(o.FailedText, o.FailedCount), intervals(o.RemainingText, o.RemainingCount)
}

// intervals are the text of a set of keys, null if it is too long.
func intervals(text string, count int64) types.String {
	if text == "" && count > 0 {
		return types.StringNull()
	}
	return types.StringValue(text)
}
