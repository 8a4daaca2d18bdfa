// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"fmt"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// attempts is the most pods that one partition may take.
func attempts(r job.Retry) int { return r.Limit + r.Interruptions + 1 }

// leafRetry tries an application failure again while retries < limit and an
// interruption while retries < limit + interruptions. Argo has one counter,
// so the limit is that of both together and the expression tells them apart.
func leafRetry(j *job.Job) node {
	return strategy(j, attempts(j.Retry)-1, failedAgain(j)+" || "+expr.Interrupted)
}

// failedAgain is an expression that is true when the runner failed and may try
// again. An exit code is text there, "-1" when it is not known.
func failedAgain(j *job.Job) string {
	r := j.Retry
	again := fmt.Sprintf("asInt(retries) < %d", r.Limit)
	if len(r.FailOn) > 0 {
		again += fmt.Sprintf(" && not (lastRetry.exitCode in %s)", codes(r.FailOn))
	}
	if len(r.RetryOn) == 0 {
		return again
	}
	wanted := "lastRetry.exitCode in " + codes(r.RetryOn)
	if j.OOM != nil {
		wanted = "(" + wanted + " || lastRetry.message contains 'OOMKilled')"
	}
	return again + " && " + wanted
}

func codes(of []int) string {
	quoted := make([]string, len(of))
	for i, code := range of {
		quoted[i] = argo.Literal(decimal(int64(code)))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// launcherAttempts is the most pods that one launcher may take.
const launcherAttempts = 11

// launcherRetry tries again only after an interruption: a launcher that could
// not create its child for any other reason would fail the same way again, and
// one whose child ended never fails.
func launcherRetry(j *job.Job) node { return strategy(j, launcherAttempts-1, expr.Interrupted) }

func strategy(j *job.Job, limit int, expression string) node {
	r := j.Retry
	// Without a policy written out, the default would depend on whether there
	// is an expression; without a limit Argo ignores the backoff.
	s := node{"limit": int64(limit), "retryPolicy": "Always", "expression": expression, "backoff": wait(nil)}
	if r.Backoff <= 0 {
		return s
	}
	backoff := node{"duration": duration(r.Backoff), "factor": int64(max(r.Factor, 1))}
	if r.MaxBackoff > 0 && j.BoundsBackoff() {
		backoff["cap"] = duration(r.MaxBackoff)
	}
	s["backoff"] = wait(backoff)
	return s
}
