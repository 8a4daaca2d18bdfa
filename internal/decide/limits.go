// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package decide

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/lower"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// limitForbidden is the limit that is a matter of time.
const limitForbidden = "forbidden_windows"

// ownedLimits are limits with words for whose they are.
type ownedLimits struct {
	job.Limits
	owner string
}

// limitsOf are those that apply to a job, the provider's first.
func limitsOf(p state.Policy, j *job.Job) []ownedLimits {
	return []ownedLimits{{p.Limits, "the limits of the provider"}, {j.Limits, "the job's own limits"}}
}

func lifts(p state.Policy, limit string) bool { return slices.Contains(p.OverrideLimits, limit) }

// Guard refuses a job that exceeds its own limits or those of the policy, and
// warns of those that the policy lifts. Whether runs may be submitted at this
// time is a matter of the submission, see Timely.
func Guard(p state.Policy, j *job.Job, template string) hcl.Diagnostics {
	known, possible := job.Extent{Partitions: j.Domain.Count()}, job.Extent{}
	if j.Query != nil {
		possible.Partitions = lower.MostPartitions(j)
	}
	if p.Limits.Shards > 0 || j.Limits.Shards > 0 {
		known.Shards = shardsOf(j, j.Domain, template)
		if j.Query != nil {
			possible.Shards = shardsOf(j, plan.LargestResult(lower.MostPartitions(j)), template)
		}
	}
	var diags hcl.Diagnostics
	told := map[string]bool{}
	for _, l := range limitsOf(p, j) {
		for _, b := range l.Breaches(j, known, possible) {
			if told[b.Limit] {
				continue
			}
			told[b.Limit] = true
			diags = append(diags, breached(p, b, l.owner))
		}
	}
	return diags
}

func breached(p state.Policy, b job.Breach, owner string) *hcl.Diagnostic {
	text := fmt.Sprintf(b.Text, owner)
	if lifts(p, b.Limit) {
		return diag.Warning(diag.CodeLimitLifted, b.Path, diag.SummaryOf(diag.CodeLimitLifted),
			text+fmt.Sprintf(" It is permitted, because override_limits names %q.", b.Limit))
	}
	return diag.At(diag.CodeLimit, b.Path, text+fmt.Sprintf(" To exceed the limit on purpose, name %q in "+
		"override_limits.", b.Limit))
}

// shardsOf is the number of shards of the whole job, whatever its gates, when
// this is its domain.
func shardsOf(j *job.Job, d domain.Domain, template string) int64 {
	own := *j
	own.Domain = d
	if !d.Bounded() {
		return 0
	}
	return int64(compile.NextSpec(&own, template, ledger.Full(d), compile.Ungated).Plan().ShardCount())
}

// Timely refuses to submit a run at a forbidden time.
func Timely(p state.Policy, j *job.Job, now time.Time) *hcl.Diagnostic {
	if lifts(p, limitForbidden) || now.IsZero() {
		return nil
	}
	for _, l := range limitsOf(p, j) {
		w, end, forbidden := l.Forbids(now)
		if !forbidden {
			continue
		}
		const clock = "Mon 2006-01-02 15:04"
		return problem(diag.CodeForbidden, "The apply would submit a run of job \"%s/%s\", and %s forbid that %s: it is "+
			"%s there. "+
			"Nothing was submitted. Apply again after %s, or name %q in override_limits.",
			j.Namespace, j.Name, l.owner, w, now.In(w.Zone).Format(clock), end.In(w.Zone).Format(clock), limitForbidden)
	}
	return nil
}
