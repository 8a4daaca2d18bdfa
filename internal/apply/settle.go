// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package apply

import (
	"context"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// AwaitPods waits until no pod of a job lives, where one may: whoever submits a run
// calls it first. Where pods cannot be listed, their grace period is waited out, and
// a warning says so.
// See internal/decisions/0050-a-run-ends-with-its-pods.md.
func (a *Applier) AwaitPods(ctx context.Context, s *state.State, timeout time.Duration) hcl.Diagnostics {
	if timeout <= 0 {
		timeout = DefaultStopTimeout
	}
	for w := a.wait(timeout); ; {
		living, err := a.read.Living(ctx, s.Namespace, s.Name)
		switch {
		case cluster.ReasonOf(err) == cluster.Forbidden:
			return a.waitOut(ctx, s)
		case err != nil:
			return hcl.Diagnostics{failed(err)}
		case len(living) == 0:
			return a.ended(ctx, s)
		}
		switch more, err := w.next(ctx); {
		case err != nil:
			return hcl.Diagnostics{failed(podsCanceled(s, err))}
		case !more:
			return hcl.Diagnostics{podsLive(s, living, timeout)}
		}
	}
}

// waitOut waits for as long as pods that were told to end may take for it.
func (a *Applier) waitOut(ctx context.Context, s *state.State) hcl.Diagnostics {
	grace := observe.Grace(s)
	if err := a.Pause(ctx, grace); err != nil {
		return hcl.Diagnostics{failed(podsCanceled(s, err))}
	}
	return append(a.ended(ctx, s), observe.PodsUnlisted(s.Namespace, s.Name, grace))
}

// ended gives up what was kept until the pods had ended.
func (a *Applier) ended(ctx context.Context, s *state.State) hcl.Diagnostics {
	if err := a.releaseAll(ctx, s); err != nil {
		return hcl.Diagnostics{failed(err)}
	}
	return nil
}

func podsCanceled(s *state.State, cause error) error {
	return cluster.NewError(cluster.Canceled, cluster.Call{Verb: "list", Kind: cluster.Pod, Namespace: s.Namespace}, "",
		cause)
}

func podsLive(s *state.State, living []manifest.Object, timeout time.Duration) *hcl.Diagnostic {
	return observe.Problem(diag.CodePodsLive, "The last run of job \"%s/%s\" is over, but pods of it have not ended "+
		"within %s: %s. Nothing was submitted: no run starts beside pods of another. Apply again when they have ended, "+
		"or raise \"stop_timeout\". A pod that ignores SIGTERM ends after its grace period. One whose node is lost stays "+
		"until the node is back or deleted, or until somebody who knows that it does not run deletes the pod.",
		s.Namespace, s.Name, job.DurationText(timeout), observe.Some(living))
}
