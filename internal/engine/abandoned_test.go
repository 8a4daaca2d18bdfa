// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// Argo gives a run up when its template is deleted: the run has ended, nodes of
// partitions stay as they were, and pods go on. What had succeeded was once run
// again, because only the nodes of their attempts told so; and pods of both runs
// worked side by side.
func TestRunThatArgoGaveUp(t *testing.T) {
	for _, size := range []int{500, 4} {
		w := newWorld(t)
		d := orders().with("shard_size", size)
		w.must(w.apply(d))
		w.argo.tick(1)
		w.argo.tick(3)
		given := 0
		for _, o := range w.cluster.Objects() {
			nodes := nodesOf(o)
			if o.GetKind() != "Workflow" {
				continue
			}
			// As it is while a run is suspended: the attempt has ended, and the
			// partition does not know.
			for _, n := range nodes {
				if n := n.(map[string]any); n["type"] == "Retry" && n["phase"] == "Succeeded" {
					n["phase"] = "Running"
					given++
				}
			}
			patch, err := json.Marshal(
				map[string]any{
					"status": map[string]any{"phase": "Error", "nodes": nodes, "message": "workflowtemplates \"t\" not found"},
				},
			)
			w.must(err)
			w.patch(cluster.Workflow, o.GetName(), string(patch))
		}
		if given < 3 {
			t.Fatalf("%d partitions were done", given)
		}
		o, err := w.refresh("orders")
		w.must(err)
		if o.Phase != state.PhaseIncomplete || o.DoneCount() != int64(given) {
			t.Errorf("shards of %d: phase %s, %d done, want %d", size, o.Phase, o.DoneCount(), given)
		}
		pods := map[int]string{500: "Workflow/orders-r1", 4: "Workflow/orders-r1-s0"}[size]
		if left := w.names(); slices.Contains(left, pods) {
			t.Errorf("shards of %d: pods of %s go on: %v", size, pods, left)
		}
		if next, _ := w.plan(
			d,
		); next == nil ||
			!strings.HasSuffix(next.Because, `did not finish. Argo ended run orders-r1: workflowtemplates "t" not found.`) {
			t.Errorf("shards of %d: next run %+v", size, next)
		}
		w.must(w.apply(d))
		w.complete("orders-r2")
		w.exactly(0, 60, 1)
	}
}
