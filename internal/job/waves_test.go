// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// withWaves is the small job with further blocks.
func withWaves(blocks string) string {
	return strings.Replace(small, "runner", blocks+"\nrunner", 1)
}

func TestWavesAreRead(t *testing.T) {
	for _, c := range []struct {
		blocks string
		canary plan.Canary
		waves  plan.Waves
		budget *plan.Budget
		gates  plan.Gates
	}{
		{"", plan.Canary{}, plan.Waves{}, nil, plan.Gates{}},
		{"canary {}", plan.Canary{Partitions: 1}, plan.Waves{}, nil, plan.Gates{}},
		{"canary = { partitions = 3 }", plan.Canary{Partitions: 3}, plan.Waves{}, nil, plan.Gates{}},
		{`canary = { keys = ["1--11"] }`, plan.Canary{Keys: []string{"1--11"}}, plan.Waves{}, nil, plan.Gates{}},
		{"wave = { shards = 2, growth = 10, max_shards = 50 }", plan.Canary{}, plan.Waves{Shards: 2, Growth: 10, Max: 50},
			nil, plan.Gates{}},
		{"failure_budget = { max_failed = 0 }", plan.Canary{}, plan.Doubling, &plan.Budget{MaxFailed: 0, MaxRatio: -1},
			plan.Gates{}},
		{`failure_budget = { max_ratio = "2.5%" }`, plan.Canary{}, plan.Doubling,
			&plan.Budget{MaxFailed: -1, MaxRatio: 25_000}, plan.Gates{}},
		{"failure_budget = { max_ratio = 0.05 }\nwave { growth = 1 }", plan.Canary{}, plan.Waves{Shards: 1, Growth: 1},
			&plan.Budget{MaxFailed: -1, MaxRatio: 50_000}, plan.Gates{}},
		{`canary = { approve = "manual" }`, plan.Canary{Partitions: 1}, plan.Waves{}, nil, plan.Gates{Canary: true}},
		{`wave = { approve = "manual" }`, plan.Canary{}, plan.Doubling, nil, plan.Gates{Waves: true}},
	} {
		j, diags := job.Decode(body(t, withWaves(c.blocks)))
		if len(diags) > 0 {
			t.Errorf("%s: %v", c.blocks, diags)
			continue
		}
		if d := cmp.Diff(job.Job{
			Canary: c.canary,
			Waves:  c.waves,
			Budget: c.budget,
			Gates:  c.gates,
		}, job.Job{Canary: j.Canary, Waves: j.Waves, Budget: j.Budget, Gates: j.Gates}); d != "" {
			t.Errorf("%s: %s", c.blocks, d)
		}
	}
}

func TestWavesAreChecked(t *testing.T) {
	many := `"` + strings.Repeat(`k", "k`, 100) + `"`
	for blocks, want := range map[string]string{
		`canary = { keys = [] }`:                           "BF2230 canary.keys",
		`canary = { keys = ["a"], partitions = 1 }`:        "BF2230 canary.keys",
		`canary = { keys = ["a", "b", "a"] }`:              "BF2230 canary.keys[2]",
		"canary = { keys = [" + many + "] }":               "BF2230 canary.keys",
		"canary = { partitions = 101 }":                    "BF2002 canary.partitions",
		"wave = { shards = 0 }":                            "BF2002 wave.shards",
		"failure_budget {}":                                "BF2231 failure_budget",
		"failure_budget = { max_failed = -1 }":             "BF2002 failure_budget.max_failed",
		`failure_budget = { max_ratio = "half" }`:          "BF2020 failure_budget.max_ratio",
		`failure_budget = { max_ratio = "1e-3" }`:          "BF2020 failure_budget.max_ratio",
		`failure_budget = { max_ratio = "1/2" }`:           "BF2020 failure_budget.max_ratio",
		`failure_budget = { max_ratio = "101%" }`:          "BF2020 failure_budget.max_ratio",
		`failure_budget = { max_ratio = "-1%" }`:           "BF2020 failure_budget.max_ratio",
		`failure_budget = { max_ratio = "0.0000001" }`:     "BF2020 failure_budget.max_ratio",
		`failure_budget = { max_ratio = "0.00000000001%"}`: "BF2020 failure_budget.max_ratio",
	} {
		j, diags := job.Decode(body(t, withWaves(blocks)))
		if got := paths(diags); j != nil || len(got) == 0 || got[0] != want {
			t.Errorf("%s: %q, want %q first", blocks, got, want)
		}
	}
}
