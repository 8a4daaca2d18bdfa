// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

// reasonByJQ is what the guide tells CI to ask jq for. reasonsIn is the same in Go.
const reasonByJQ = `.resource_changes[] | select(.type == "backfill_job" and .change.actions != ["no-op"]) | ` +
	`"\(.address): \(.change.after.next_run.because // "nothing runs")"`

func reasonsIn(t *testing.T, plan string) []string {
	t.Helper()
	var shown struct {
		ResourceChanges []struct {
			Type, Address string
			Change        struct {
				Actions []string
				After   struct {
					NextRun *struct{ Because string } `json:"next_run"`
				}
			}
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal([]byte(plan), &shown); err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, r := range shown.ResourceChanges {
		if r.Type != jobType || slices.Equal(r.Change.Actions, []string{"no-op"}) {
			continue
		}
		because := "nothing runs"
		if next := r.Change.After.NextRun; next != nil {
			because = next.Because
		}
		reasons = append(reasons, r.Address+": "+because)
	}
	return reasons
}

// A nightly check learns by its exit code that something is to be done, and why at
// the place that the guide names.
func TestAccCILearnsWhyARunIsNeeded(t *testing.T) {
	guide, err := os.ReadFile("../../templates/guides/failures.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(guide), reasonByJQ) {
		t.Fatalf("the guide does not tell CI to ask for %s", reasonByJQ)
	}
	c := fake.New(start)
	s := inShell(t, ordersConfig, environment(nil), WithBackend(c), edges(func() {}))
	check := func(code int, want ...string) {
		t.Helper()
		if out, got := s.run("plan", "-no-color", "-detailed-exitcode", "-out=plan.bin"); got != code {
			t.Fatalf("the plan ended with %d, want %d:\n%s", got, code, out)
		}
		shown := s.must("show", "-json", "plan.bin")
		if got := reasonsIn(t, shown); !slices.Equal(got, want) {
			t.Errorf("the reasons are %q, want %q", got, want)
		}
		if jq, err := exec.LookPath("jq"); err == nil {
			ask := exec.Command(jq, "-r", reasonByJQ)
			ask.Stdin = strings.NewReader(shown)
			if got, err := ask.CombinedOutput(); err != nil || strings.TrimSpace(string(got)) != strings.Join(want, "\n") {
				t.Errorf("jq answers %q (%v), want %q", got, err, want)
			}
		}
	}
	check(2, "backfill_job.orders: This is a new job: all 4 partitions will run.")
	s.must("apply", "-no-color", "plan.bin")
	check(0)
	playArgo(t, c, "orders-r1", "Failed", 4, map[int]string{2: "exit code 1"})
	check(2, "backfill_job.orders: 1 partition failed.")
	s.must("apply", "-no-color", "plan.bin")
	playArgo(t, c, "orders-r2", "Succeeded", 1, nil)
	check(0)
}
