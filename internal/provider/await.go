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

// Pauses between two looks at a job: short at first, for jobs that are nearly
// done.
const (
	firstLook   = 2 * time.Second
	longestLook = 15 * time.Second
)

// await looks at the job until what the model asks for has come true, and
// fills in its results. A look that fails for a passing reason is repeated.
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
				"Namespace %q has no record of a job %q. Correct the name, or let this resource depend on the backfill_job.", m.namespace(), name)}
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
	text := fmt.Sprintf("%s, %s partitions done, %d failed", o.Phase, strings.Replace(o.Progress(), "/", " of ", 1), o.FailedCount)
	if o.SetupError != "" {
		text += fmt.Sprintf(", and the setup of run %s failed (%s)", o.Run, o.SetupError)
	}
	if o.Message != "" {
		text += fmt.Sprintf(", and run %s found no bounds (%s)", o.Run, o.Message)
	}
	return text
}

// obstacles are sentences about what holds the job up.
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
			b.WriteString("The run waits: " + t.What + ".")
		}
	}
	return b.String()
}

// over tells whether the wait has ended, and how.
func (m *awaitModel) over(o *engine.Observation) (bool, tfdiag.Diagnostics) {
	if m.Until.ValueString() == untilCanary {
		switch o.CanaryState {
		case engine.CanaryPassed:
			return true, nil
		case engine.CanaryNone:
			return true, tfdiag.Diagnostics{fault(diag.CodeAwaitCanary, path.Root("until"),
				"Job %s/%s declares no canary that could succeed. Set canary in the job, or wait until \"completed\" or for a share of its partitions.", o.Namespace, o.Name)}
		}
	}
	if o.Phase == engine.Complete {
		return true, nil
	}
	if m.Until.ValueString() == untilProgress && o.Domain.Bounded() && float64(o.DoneCount) >= m.Progress.ValueFloat64()*float64(o.Total) {
		return true, nil
	}
	if o.Phase.Active() || o.Phase == engine.AwaitingApproval {
		return false, nil
	}
	short := "the backfill is not complete"
	if m.Until.ValueString() == untilCanary {
		short = map[bool]string{true: "the canary failed", false: "the last run ended before its canary"}[o.CanaryState == engine.CanaryFailed]
	}
	d := diag.At(diag.CodeAwaitFailed, nil, fmt.Sprintf(
		"No run of job %s/%s is active, and %s: %s. Plan the job again: the plan proposes what is left.", o.Namespace, o.Name, short, line(o)))
	if m.OnFailure.ValueString() == failureContinue {
		d.Severity = hcl.DiagWarning
	}
	return true, tfdiag.Diagnostics{convert(d, path.Empty(), d.Detail)}
}

func outOfTime(name string, limit time.Duration, last *engine.Observation) tfdiag.Diagnostics {
	state := "it could not be read."
	if last != nil {
		state = "it is " + line(last) + "." + obstacles(last)
	}
	return tfdiag.Diagnostics{fault(diag.CodeAwaitTime, path.Root("timeouts"),
		"Job %s did not come as far as asked within %s: %s The backfill goes on; apply again to wait on, or raise timeouts.", name, limit, state)}
}

// fill sets the results.
func (m *awaitModel) fill(o *engine.Observation) {
	m.Phase = types.StringValue(string(o.Phase))
	m.DoneCount = types.Int64Value(o.DoneCount)
	m.FailedCount = types.Int64Value(o.FailedCount)
	m.RemainingCount = types.Int64Value(o.RemainingCount)
	m.Failed, m.Remaining = intervals(o.FailedText, o.FailedCount), intervals(o.RemainingText, o.RemainingCount)
}

// intervals are the text of a set of keys, null when it is too long.
func intervals(text string, count int64) types.String {
	if text == "" && count > 0 {
		return types.StringNull()
	}
	return types.StringValue(text)
}
