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

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

// canaryAt writes the state of a run and of its canary.
func canaryAt(c *fake.Cluster, run, canary string) {
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"phase": run, "nodes": map[string]any{
		"canary": map[string]any{"id": "canary", "displayName": "canary", "type": "Steps", "phase": canary},
	}}})
	if err == nil {
		_, err = c.Patch(context.Background(), cluster.Workflow, "default", "orders-r1", patch)
	}
	if err != nil && !cluster.IsNotFound(err) {
		panic(err)
	}
}

// The wait for a canary ends with it, while the run goes on.
func TestAccAwaitCanary(t *testing.T) {
	withCanary := strings.Replace(awaitConfig, "runner", "canary = { partitions = 1 }\n  runner", 1)
	tests := map[string]struct{ config, run, canary, options, want string }{
		"succeeds":            {withCanary, "Running", "Succeeded", "", ""},
		"fails":               {withCanary, "Failed", "Failed", "", `(?s)Backfill Not Complete.*the\s+canary\s+failed`},
		"fails, and so be it": {withCanary, "Failed", "Failed", `on_failure = "continue"`, ""},
		"never comes": {
			withCanary,
			"Failed",
			"Running",
			"",
			`(?s)Backfill Not Complete.*the\s+last\s+run\s+ended\s+before\s+its\s+canary`,
		},
		"is not declared": {awaitConfig, "Running", "", "", "No Canary To Wait For"},
		"takes too long": {
			withCanary,
			"Running",
			"Running",
			`timeouts = { create = "2s" }`,
			"Backfill Not Finished In Time",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := fake.New(start)
			step := resource.TestStep{Config: fmt.Sprintf(test.config, "until = \"canary\"\n  "+test.options)}
			if test.want != "" {
				step.ExpectError = regexp.MustCompile(test.want)
			} else {
				step.ExpectNonEmptyPlan = test.run == "Failed"
				phase := map[string]string{"Running": "Running", "Failed": "Incomplete"}[test.run]
				step.ConfigStateChecks = []statecheck.StateCheck{
					statecheck.ExpectKnownValue("backfill_await.orders", attribute("phase"), knownvalue.StringExact(phase)),
					statecheck.ExpectKnownValue("backfill_await.orders", attribute("remaining"), knownvalue.StringExact("[0,40)")),
					statecheck.ExpectKnownValue("backfill_await.orders", attribute("failed"), knownvalue.StringExact("")),
				}
			}
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: whileWaiting(
					c,
					func() { canaryAt(c, test.run, test.canary) },
				),
				Steps: []resource.TestStep{step},
			})
		})
	}
}
