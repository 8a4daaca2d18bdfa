// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
)

// HasPlace refuses a run with shards that would take the last of the places that
// Workflows of the namespace have, where it is declared how many these are. It looks
// before anything is written.
// See internal/decisions/0048-runs-leave-a-place-for-shards.md.
func (a *Applier) HasPlace(ctx context.Context, c *compile.Compiled) *hcl.Diagnostic {
	if !needsPlace(c) {
		return nil
	}
	others, problem := a.launching(ctx, c.Run)
	if problem != nil || len(others) < c.Job.Controller.MaxWorkflows-1 {
		return problem
	}
	return noPlace(c, others)
}

// keepPlace looks again after the run was created: others may have looked before they
// saw it. The later run gives up at once, and the earlier one waits for that. Creation
// times have whole seconds, so one that was created in the same second may have looked
// before; when it does not give up, this one does in the end.
func (a *Applier) keepPlace(ctx context.Context, c *compile.Compiled, run manifest.Object) *hcl.Diagnostic {
	if !needsPlace(c) {
		return nil
	}
	live, err := a.backend.Get(ctx, cluster.Workflow, run.GetNamespace(), run.GetName())
	if err != nil {
		return failed(err)
	}
	most := c.Job.Controller.MaxWorkflows - 1
	for check := 1; ; check++ {
		others, problem := a.launching(ctx, live)
		if problem != nil {
			return problem
		}
		before, tied := 0, 0
		for _, other := range others {
			created, ours := other.GetCreationTimestamp(), live.GetCreationTimestamp()
			switch {
			case created.Before(&ours), created.Equal(&ours) && other.GetUID() < live.GetUID():
				before++
			case created.Equal(&ours):
				tied++
			}
		}
		switch {
		case before >= most, check == tieChecks && before+tied >= most:
			return noPlace(c, others)
		case before+tied < most:
			return nil
		}
		if err := a.Pause(ctx, tiePause); err != nil {
			return failed(canceled("get", live, err))
		}
	}
}

// needsPlace tells whether it is declared how many places there are, and the run's
// shards need some.
func needsPlace(c *compile.Compiled) bool {
	return c != nil && c.Run != nil && c.Job.Controller.MaxWorkflows > 0 && argo.ArgumentsOf(c.Run).Launches()
}

// launching lists the other runs under way in a namespace that have shards.
func (a *Applier) launching(ctx context.Context, but manifest.Object) ([]manifest.Object, *hcl.Diagnostic) {
	all, err := a.backend.List(ctx, cluster.Workflow, but.GetNamespace(), argo.UnfinishedRuns)
	if err != nil && cluster.ReasonOf(err) != cluster.NoSuchKind {
		return nil, failed(err)
	}
	return slices.DeleteFunc(all, func(o manifest.Object) bool {
		return argo.Ended(o) || o.GetName() == but.GetName() || !argo.ArgumentsOf(o).Launches()
	}), nil
}

func noPlace(c *compile.Compiled, others []manifest.Object) *hcl.Diagnostic {
	var names []string
	for _, o := range others {
		names = append(names, o.GetName())
	}
	slices.Sort(names)
	const most = 5
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("%d more", more))
	}
	n := c.Job.Controller.MaxWorkflows
	return observe.Problem(diag.CodeNoPlace, "Run %q of job \"%s/%s\" has shards, and controller.max_workflows says that "+
		"Workflows of the namespace have %d places. Runs with shards may take %d of them, and do: %s. With one more, no "+
		"shard of any of them could start. Nothing was submitted. Apply again when one of them has ended, or raise the "+
		"controller's limit and max_workflows.",
		c.Run.GetName(), c.Job.Namespace, c.Job.Name, n, n-1, strings.Join(names, ", "))
}
