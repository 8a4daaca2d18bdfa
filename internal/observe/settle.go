// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package observe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/lower"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/read"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// killSlack is how long after its grace period a pod may need to be gone.
const killSlack = 10 * time.Second

// Leftover are the pods of a run whose Workflows have ended. A run has settled when
// none of them lives, and only then has it ended.
// See internal/decisions/0050-a-run-ends-with-its-pods.md.
type Leftover struct {
	// Possible tells that there may be any: the run was cut short.
	Possible bool
	// Living are those that have not ended.
	Living []manifest.Object
	// Overdue tells that there may be some that end only with their Workflow: their
	// time is over, or they cannot be listed, which takes a right of its own.
	Overdue bool
}

// Settling tells whether the Workflows of the run have ended, and pods of it have not.
func (r *Run) Settling() bool {
	return r.Workflow != nil && argo.Ended(r.Workflow) && !r.Outcome.Ended && r.Left.Possible
}

// settle looks at the pods of a run whose Workflows have all ended, where they may
// live on. It gives parsed what they have finished, and tells whether the run has
// settled.
func (r *Reader) settle(ctx context.Context, s *state.State, run *Run, parsed *read.Run) (bool, *hcl.Diagnostic) {
	all := append(slices.Clone(run.Children), run.Workflow)
	if slices.ContainsFunc(all, func(o manifest.Object) bool { return !argo.Ended(o) }) {
		return true, nil // not even that; the outcome says so
	}
	abandoned := slices.ContainsFunc(all, read.Abandoned)
	if !abandoned && !slices.ContainsFunc(all, argo.CutShort) {
		return true, nil
	}
	pods, err := r.backend.List(ctx, cluster.Pod, s.Namespace, argo.OfRun(s.Name, run.Entry.Number))
	switch {
	case cluster.ReasonOf(err) == cluster.Forbidden:
		run.Left = Leftover{Possible: true, Overdue: true}
		return true, nil
	case err != nil:
		return false, Failed(err)
	}
	parsed.Finish(pods)
	run.Left = Leftover{Possible: true, Living: slices.DeleteFunc(pods, argo.PodEnded)}
	if len(run.Left.Living) == 0 {
		return true, nil
	}
	run.Left.Overdue = abandoned || r.now().Sub(lastEnd(all)) >= Grace(s)+killSlack
	return run.Left.Overdue, nil
}

// lastEnd is when the last of some ended Workflows ended.
func lastEnd(of []manifest.Object) time.Time {
	var last time.Time
	for _, o := range of {
		if at := argo.FinishedAt(o); at.After(last) {
			last = at
		}
	}
	return last
}

// Living lists the pods of a job that have not ended.
func (r *Reader) Living(ctx context.Context, namespace, job string) ([]manifest.Object, error) {
	pods, err := r.backend.List(ctx, cluster.Pod, namespace, argo.OfJob(job))
	return slices.DeleteFunc(pods, argo.PodEnded), err
}

// MayLive tells whether pods of a run may live that is over: of one that was cut
// short, or whose Workflow is gone.
func (s *Snapshot) MayLive() bool {
	return s.Active() || s.Missing() || s.Run != nil && s.Run.Left.Possible || s.State.Lingers()
}

// Grace is the longest that pods of a job take to end when they are told to.
func Grace(s *state.State) time.Duration {
	grace := lower.Grace(s.Job())
	if active := s.Active(); active != nil && active.Declaration != nil {
		grace = max(grace, lower.Grace(active.Declaration.Job()))
	}
	return grace
}

// settling is the obstacle of a run whose pods have not all ended.
func (r *Run) settling() []state.Obstacle {
	if !r.Settling() || len(r.Left.Living) == 0 {
		return nil
	}
	return []state.Obstacle{{
		Kind: "settling",
		What: fmt.Sprintf("Workflow %s has been stopped and waits for its pods to end: %s",
			r.Workflow.GetName(), Some(r.Left.Living)),
	}}
}

// Some names the first few of some objects.
func Some(objects []manifest.Object) string {
	const most = 5
	var names []string
	for _, o := range objects[:min(len(objects), most)] {
		names = append(names, o.GetName())
	}
	text := strings.Join(names, ", ")
	if more := len(objects) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// PodsUnlisted warns that a grace period was waited out, because whether pods live
// could not be seen.
func PodsUnlisted(namespace, name string, grace time.Duration) *hcl.Diagnostic {
	return Warning(diag.CodePodsUnlisted, "Whether pods of the last run of job \"%s/%s\" still ran could not be seen, "+
		"because the credentials may not list pods in namespace %q. So their grace period of %s was waited out, and what "+
		"they finished in it counts as not done. Apply the Role \"backfill-pods\" that the command rbac prints, and the "+
		"pods themselves are waited for.", namespace, name, namespace, grace)
}
