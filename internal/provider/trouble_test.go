// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

// pend lets the pods of all partitions of the first run wait for a node since
// midnight.
func pend(c *fake.Cluster) error {
	nodes := map[string]any{}
	for i := range 4 {
		nodes[fmt.Sprint(i)] = map[string]any{
			"id": fmt.Sprint(
				i,
			),
			"displayName": fmt.Sprintf("p(%d:%d)", i, i),
			"type":        "Pod",
			"phase":       "Pending",
			"startedAt":   "2026-01-01T00:00:00Z",
			"message":     "Unschedulable: no nodes",
			"templateRef": map[string]any{"template": "partition"},
			"inputs":      map[string]any{"parameters": []any{map[string]any{"name": "i", "value": fmt.Sprint(i)}}},
		}
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"phase": "Running", "nodes": nodes}})
	if err != nil {
		return err
	}
	_, err = c.Patch(context.Background(), cluster.Workflow, "default", "orders-r1", patch)
	return err
}

// A run that is stuck is a warning of the read, and no drift: the plan is empty.
func TestStuckIsAWarning(t *testing.T) {
	tf, c := inFake(t)
	config := orders(object{"spot": object{"provider": "gke", "mode": "require", "max_pending": "1s"}})
	tf.mustApply(config)
	if err := pend(c); err != nil {
		t.Fatal(err)
	}
	diags := tf.refresh()
	if len(diags) != 1 || diags[0].Severity != tfprotov6.DiagnosticSeverityWarning ||
		diags[0].Summary != "Backfill Stuck" ||
		!strings.Contains(diags[0].Detail, "no spot capacity since 2026-01-01T00:00:00Z: 4 pods wait for a spot node") {
		t.Errorf("got %v", diags)
	}
	tf.mustPlan(config, "no-op")
}

func TestAttemptDetails(t *testing.T) {
	tf, c := inFake(t)
	tf.mustApply(orders())
	playArgo(t, c, "orders-r1", "Failed", 4, map[int]string{2: "main: OOMKilled (exit code 137)"})
	got := show(t, tf.partitions(object{"name": "orders"}), "partitions")
	want := `"attempt_details":[{"attempt":0,"capacity":null,"cause":"oom","exit_code":137,"finished_at":null,"message":"main: OOMKilled (exit code 137)","node":null,"started_at":null}]`
	if !strings.Contains(got, want) {
		t.Errorf("the failed partitions are %s", got)
	}
}

// A wait that runs out of time says what the job waits for.
func TestAccAwaitTellsOfTrouble(t *testing.T) {
	c := fake.New(start)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: whileWaiting(c, func() { _ = pend(c) }),
		Steps: []resource.TestStep{
			{
				Config: fmt.Sprintf(awaitConfig, `timeouts = { create = "5s" }`),
				ExpectError: regexp.MustCompile(
					`(?s)Backfill Not Finished In Time.*The\s+run\s+is\s+stuck:\s+no\s+node\s+since\s+2026-01-01T00:00:00Z:\s+4\s+pods\s+wait`,
				),
			},
		},
	})
}
