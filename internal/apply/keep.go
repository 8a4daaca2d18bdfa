// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package apply

import (
	"context"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/observe"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// Bounds of keepers: how long Argo may take to put one in line, and how long one stays
// beyond the time that pods may take to end, first by themselves and then with their
// Workflow.
const (
	lineTimeout = 15 * time.Second
	keepSlack   = time.Minute
)

// keepPlaces has the places of a pool kept that a run is about to leave, until
// releasePlaces. A stop that cannot have them kept is a stop all the same.
// See internal/decisions/0051-a-keeper-takes-the-places.md.
func (a *Applier) keepPlaces(ctx context.Context, s *state.State, number int) error {
	j := s.Job()
	if j.Pool == "" {
		return nil
	}
	all, err := a.backend.List(ctx, cluster.Workflow, s.Namespace, argo.OfRun(s.Name, number))
	if err != nil {
		return err
	}
	places := argo.PlacesHeld(all)
	run := byName(all, argo.RunName(s.Name, number))
	if places == 0 || run == nil {
		return nil
	}
	longest := 2*observe.Grace(s) + keepSlack
	keeper := argo.Keeper(run, argo.Place(j.Pool, j.ArgoVersion), places, longest)
	if _, err := a.backend.Create(ctx, keeper); err != nil {
		return nil //nolint:nilerr // the stop goes on without a keeper
	}
	for w := a.wait(lineTimeout); ; {
		if seen, err := a.backend.Get(ctx, cluster.Workflow, s.Namespace, keeper.GetName()); err != nil ||
			argo.Keeps(seen, places) {
			return nil //nolint:nilerr // a keeper that is gone keeps nothing, and the stop goes on
		}
		if more, err := w.next(ctx); err != nil || !more {
			return err
		}
	}
}

// releasePlaces gives the places of a run to whoever waits for them.
func (a *Applier) releasePlaces(ctx context.Context, s *state.State, number int) error {
	if s.Job().Pool == "" {
		return nil
	}
	name := argo.KeeperName(argo.RunName(s.Name, number))
	return ignoreGone(a.backend.Delete(ctx, cluster.Workflow, s.Namespace, name, ""))
}

// releaseAll gives up the places of all runs of which pods may have lived.
func (a *Applier) releaseAll(ctx context.Context, s *state.State) error {
	for _, run := range s.Runs {
		if run.Lingers || run.Outcome == state.Active {
			if err := a.releasePlaces(ctx, s, run.Number); err != nil {
				return err
			}
		}
	}
	return nil
}

// byName is the object of a name; nil when it is not among them.
func byName(objects []manifest.Object, name string) manifest.Object {
	for _, o := range objects {
		if o.GetName() == name {
			return o
		}
	}
	return nil
}
