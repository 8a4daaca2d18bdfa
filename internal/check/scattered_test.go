// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package check

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/lower"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// A canary of scattered keys leaves no formula for the shards, so that the run
// lists them, and a budget with waves that do not grow makes it as long as it gets.
func TestMillionPartitionsWithScatteredCanaryFit(t *testing.T) {
	j := sample(t, 1_000_000)
	for i := range 100 {
		at := int64(i) * 9973
		j.Canary.Keys = append(j.Canary.Keys, fmt.Sprintf("%d--%d", at, at+1))
	}
	j.Waves, j.Budget = plan.Waves{Shards: 1, Growth: 1}, &plan.Budget{MaxFailed: 10, MaxRatio: -1}
	run := specOf(j, "orders-x", lower.ShardSize(j))
	run.Canary, run.Waves, run.Budget = j.Canary, j.Waves, j.Budget
	p := run.Plan()
	if len(p.Canary) != 100 || len(p.Waves) != plan.MaxWaves {
		t.Fatalf("%d partitions in the canary, %d waves", len(p.Canary), len(p.Waves))
	}
	objects, err := lower.Run(j, run)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range Objects(objects) {
		t.Error(d.Detail)
	}
	spec, err := json.Marshal(objects[len(objects)-1].Object["spec"])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the run's spec has %d bytes", len(spec))
	if most := maxSpec * 9 / 10; len(spec) > most {
		t.Errorf("the run's spec has %d bytes, more than nine tenths of what is allowed", len(spec))
	}
}
