// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

// playArgo writes to a run of one shard the status that Argo's controller
// would: a leaf for every partition, of which some failed. phase is the
// Workflow's own.
func playArgo(t testing.TB, c *fake.Cluster, run, phase string, partitions int, failed map[int]string) {
	t.Helper()
	if err := tryArgo(c, run, phase, partitions, failed); err != nil {
		t.Fatal(err)
	}
}

// tryArgo is playArgo for a run that may be gone.
func tryArgo(c *fake.Cluster, run, phase string, partitions int, failed map[int]string) error {
	nodes := map[string]any{}
	for i := range partitions {
		node := map[string]any{
			"id": fmt.Sprintf("leaf-%d", i), "displayName": fmt.Sprintf("p(%d:%d)", i, i), "type": "Retry", "phase": "Succeeded",
			"templateRef": map[string]any{"template": "partition"},
			"inputs":      map[string]any{"parameters": []any{map[string]any{"name": "i", "value": fmt.Sprint(i)}}},
			"children":    []any{fmt.Sprintf("pod-%d", i)},
		}
		pod := map[string]any{
			"id":          fmt.Sprintf("pod-%d", i),
			"type":        "Pod",
			"phase":       "Succeeded",
			"templateRef": node["templateRef"],
		}
		if message, ok := failed[i]; ok {
			node["phase"], node["message"] = "Failed", "No more retries left"
			pod["phase"], pod["message"] = "Failed", message
		}
		nodes[fmt.Sprintf("leaf-%d", i)], nodes[fmt.Sprintf("pod-%d", i)] = node, pod
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{
		"phase": phase, "nodes": nodes, "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:01:00Z",
	}})
	if err != nil {
		return err
	}
	_, err = c.Patch(context.Background(), cluster.Workflow, "default", run, patch)
	return err
}
