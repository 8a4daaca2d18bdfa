// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// demand plans as a nightly job does, and demands this exit code: 0 for nothing
// to do, 1 for an error, 2 for something left.
func (s *session) demand(code int, wants ...string) {
	s.Helper()
	out, got := s.terraform("plan", "-no-color", "-detailed-exitcode")
	if got != code {
		s.Fatalf("a plan ended with %d, want %d:\n%s", got, code, out)
	}
	text := strings.Join(strings.Fields(out), " ")
	for _, want := range wants {
		if !strings.Contains(text, want) {
			s.Errorf("a plan does not tell %q:\n%s", want, out)
		}
	}
}

// TestNightlyPlanAndStalePlan detects by the exit code of a plan what is left of a
// backfill, and applies a plan of yesterday after somebody else has done what it
// was to do: that is refused, and nothing runs again.
func TestNightlyPlanAndStalePlan(t *testing.T) {
	c := cluster(t)
	p := newProxy(t, c)
	log := t.TempDir()
	if err := os.Chmod(log, 0o777); err != nil {
		t.Fatal(err)
	}
	r := &run{newSession(t, p, buildProvider(t), fmt.Sprintf("nightly-%d", os.Getpid())), c, log}
	r.declare(r.counted("", ""))
	t.Cleanup(func() { r.terraform("destroy", "-auto-approve") })
	r.demand(2, "This is a new job: all 3 partitions will run.")
	failed(r)
	r.demand(2, "1 partition failed.", `intervals = "[10,20)"`, "partitions = 1", "0 to add, 1 to change, 0 to destroy")

	r.must("plan", "-out=yesterday")
	colleague := &run{r.session.copy(), c, log}
	colleague.must("apply", "-auto-approve")
	colleague.watch(c, 0)
	before := c.objects(t, r.name)
	out, code := r.terraform("apply", "-no-color", "yesterday")
	if code != 1 || !strings.Contains(out, "Stale Plan") {
		t.Fatalf("the plan of yesterday ended with %d:\n%s", code, out)
	}
	if now := c.objects(t, r.name); !slices.Equal(now, before) {
		t.Errorf("there were %q, and there are %q", before, now)
	}
	r.demand(0)

	// Whoever cannot look must not report that all is well.
	r.host = "http://127.0.0.1:1"
	r.declare(r.counted("", ""))
	r.demand(1, "127.0.0.1:1")
	r.host = p.URL
	r.declare(r.counted("", ""))
	if counts := linesByKey(
		t,
		filepath.Join(log, "done"),
	); !maps.Equal(
		counts,
		map[string]int{"0--10": 1, "10--20": 1, "20--30": 1},
	) {
		t.Errorf("partitions were done %v", counts)
	}
}

// copy is another directory with the same configuration and state.
func (s *session) copy() *session {
	s.Helper()
	other := *s
	other.dir = s.TempDir()
	for _, name := range []string{"cli.tfrc", "main.tf", "terraform.tfstate"} {
		text, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			s.Fatal(err)
		}
		other.write(name, string(text))
	}
	return &other
}
