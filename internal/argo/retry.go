// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"fmt"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// interrupted is an expression that is true when the last attempt was taken
// away rather than failed. Argo reports the same lost pod as Error or as
// Failed, by race, so the message decides: a kubelet that shuts its node down,
// an eviction, a pod that a node turned away, a container killed by SIGTERM or
// SIGKILL (but not for its memory), or no word from any container.
const interrupted = `lastRetry.status == 'Error' || ` +
	`lastRetry.message matches '` + lostPod + `' && not (lastRetry.message contains 'OOMKilled')`

const lostPod = `imminent node shutdown|[Nn]ode is shutting down|node was low on resource|node had condition|` +
	`Pod was rejected|find failed message for pod|neither main nor wait|wait container did not complete|` +
	`exit code (137|143)`

// attempts is the most pods that one partition may take.
func attempts(r job.Retry) int { return r.Limit + job.Interruptions + 1 }

// leafRetry tries an application failure again while retries < limit and an
// interruption while retries < limit + job.Interruptions. Argo has one counter,
// so the limit is that of both together and the expression tells them apart.
func leafRetry(j *job.Job) node {
	return strategy(j, attempts(j.Retry)-1, fmt.Sprintf("asInt(retries) < %d || %s", j.Retry.Limit, interrupted))
}

// launcherAttempts is the most pods that one launcher may take.
const launcherAttempts = 11

// launcherRetry tries again only after an interruption: a launcher that could
// not create its child for any other reason would fail the same way again, and
// one whose child ended never fails.
func launcherRetry(j *job.Job) node { return strategy(j, launcherAttempts-1, interrupted) }

func strategy(j *job.Job, limit int, expression string) node {
	r := j.Retry
	// Without a policy written out, the default would depend on whether there
	// is an expression; without a limit Argo ignores the backoff.
	s := node{"limit": int64(limit), "retryPolicy": "Always", "expression": expression}
	if r.Backoff <= 0 {
		return s
	}
	backoff := node{"duration": duration(r.Backoff), "factor": int64(max(r.Factor, 1))}
	if r.MaxBackoff > 0 && j.BoundsBackoff() {
		backoff["cap"] = duration(r.MaxBackoff)
	}
	s["backoff"] = backoff
	return s
}
