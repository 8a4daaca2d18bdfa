// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

// mustForesee plans, demands that nothing is unknown, applies, and demands that a
// refresh right after finds what was planned.
func (tf *terraform) mustForesee(config object) {
	tf.t.Helper()
	p := tf.mustPlan(config, map[bool]string{true: "create", false: "update"}[tf.state.IsNull()])
	if !p.value.IsFullyKnown() {
		tf.t.Errorf("the plan leaves something open: %s", p.value)
	}
	tf.mustApply(config)
	mustSucceed(tf.t, "refresh", tf.refresh())
	after := fields(tf.t, tf.state)
	for name, promised := range fields(tf.t, p.value) {
		if name != "next_run" && !promised.Equal(after[name]) {
			tf.t.Errorf("%s was planned as %s, and is %s", name, jsonOf(promised), jsonOf(after[name]))
		}
	}
}

// Create and update only submit: whatever the change, the plan knows every result,
// and it is what the cluster shows.
func TestResultsAreForeseen(t *testing.T) {
	tf, c := inFake(t)
	tf.mustForesee(orders())
	tf.mustForesee(orders(object{"reason": "because"}))
	playArgo(t, c, "orders-r1", "Running", 1, nil)
	mustSucceed(t, "refresh", tf.refresh())
	tf.mustForesee(orders(object{"paused": true}))
	tf.mustForesee(orders(object{"paused": false}))
	tf.mustForesee(orders(object{"max_parallel": 2}))
	playArgo(t, c, "orders-r1", "Failed", 4, map[int]string{1: "exit code 1", 2: "exit code 1"})
	mustSucceed(t, "refresh", tf.refresh())
	tf.mustForesee(orders(object{"rerun": "manual", "reason": "failed"}))
	shorter := object{"rerun": "manual", "partition": object{"range": object{"start": 0, "end": 20, "size": 10}}}
	tf.mustForesee(orders(shorter))
	tf.mustForesee(orders()) // the failed partition and the new ones
	playArgo(t, c, "orders-r2", "Succeeded", 3, nil)
	mustSucceed(t, "refresh", tf.refresh())
	tf.mustForesee(orders(object{"revision": "2", "paused": true}))
	playArgo(t, c, "orders-r3", "Succeeded", 4, nil)
	mustSucceed(t, "refresh", tf.refresh())
	tf.mustForesee(orders(object{"revision": "2", "partition": object{"range": object{"start": 0, "end": 10, "size": 5}}}))
}

// A gate, a pool without a run, and a query: what is foreseen of them.
func TestResultsOfOtherKindsAreForeseen(t *testing.T) {
	t.Run("a gate", func(t *testing.T) {
		tf, _ := inFake(t)
		gated := object{"canary": object{"approve": "manual"}}
		tf.mustForesee(orders(gated))
		tf.mustForesee(orders(gated, object{"approved_wave": 0}))
	})
	t.Run("a job that must not begin", func(t *testing.T) {
		tf, _ := inFake(t)
		tf.mustForesee(orders(object{"paused": true}))
	})
	t.Run("a query", func(t *testing.T) {
		tf, _ := inFake(t)
		tf.mustForesee(orders(object{"partition": object{
			"query": object{"image": "psql:16", "command": []string{"bin/bounds"}, "size": 10},
		}}))
	})
}

// A change that runs nothing shows itself alone.
func TestANoteChangesNothingElse(t *testing.T) {
	tf, c := inFake(t)
	tf.mustApply(orders())
	playArgo(t, c, "orders-r1", "Succeeded", 4, nil)
	mustSucceed(t, "refresh", tf.refresh())
	before := fields(t, tf.state)
	after := fields(t, tf.mustPlan(orders(object{"reason": "because"}), "update").value)
	for name, value := range after {
		if name != "reason" && !value.Equal(before[name]) {
			t.Errorf("%s changes from %s to %s", name, jsonOf(before[name]), jsonOf(value))
		}
	}
}

// What the pods do between plan and apply, the next refresh tells: Terraform would
// call anything else an inconsistent result.
func TestWhatHappensMeanwhileIsNotTheResult(t *testing.T) {
	tf, c := inFake(t)
	tf.mustApply(orders())
	mustSucceed(t, "refresh", tf.refresh())
	happens := func() { playArgo(t, c, "orders-r1", "Succeeded", 4, nil) }
	c.Before = func(cluster.Call) error {
		c.Before = nil
		happens()
		return nil
	}
	tf.mustApply(orders(object{"reason": "because"}))
	tf.mustHold(map[string]string{"phase": `"Pending"`, "progress": `"0/4"`, "done": `""`})
	// The plan after it knows better, also without a refresh.
	tf.mustShow(tf.mustPlan(orders(object{"reason": "another"}), "update"), map[string]string{"phase": `"Complete"`})
	mustSucceed(t, "refresh", tf.refresh())
	tf.mustHold(map[string]string{"phase": `"Complete"`, "progress": `"4/4"`})
}

// failing are so many partitions, all of which fail.
func failing(partitions int) map[int]string {
	failed := map[int]string{}
	for i := range partitions {
		failed[i] = fmt.Sprintf("exit code 1: cannot open shard %d", i)
	}
	return failed
}

// The job lists three failed partitions, and the data source all of them.
func TestManyFailuresStayShort(t *testing.T) {
	tf, c := inFake(t)
	large := orders(object{"partition": object{"range": object{"start": 0, "end": 2000, "size": 10}}})
	tf.mustApply(large)
	playArgo(t, c, "orders-r1", "Failed", 200, failing(200))
	mustSucceed(t, "refresh", tf.refresh())
	if n := len(held[[]tftypes.Value](fields(t, tf.state)["failed_partitions"])); n != maxFailed {
		t.Errorf("the job lists %d failed partitions", n)
	}
	listed := fields(t, tf.partitions(object{"name": "orders"}))
	all := held[[]tftypes.Value](listed["partitions"])
	if jsonOf(listed["total"]) != "200" || len(all) != 200 {
		t.Fatalf("of %s failed partitions the data source lists %d", jsonOf(listed["total"]), len(all))
	}
	last := fields(t, all[199])
	details := held[[]tftypes.Value](last["attempt_details"])
	if jsonOf(last["key"]) != `"1990--2000"` || !strings.Contains(jsonOf(last["message"]), "shard 199") || len(details) != 1 ||
		!strings.Contains(jsonOf(details[0]), "shard 199") {
		t.Errorf("the last one is %s", jsonOf(all[199]))
	}
}

// partitions reads the data source backfill_partitions.
func (tf *terraform) partitions(config object) tftypes.Value {
	tf.t.Helper()
	value, diags := tf.data("backfill_partitions", config)
	mustSucceed(tf.t, "read", diags)
	return value
}

// The data source lists each state of partitions, cut to its limit.
func TestPartitionsByState(t *testing.T) {
	tf, c := inFake(t)
	tf.mustApply(orders())
	playArgo(t, c, "orders-r1", "Failed", 4, map[int]string{1: "exit code 1"})
	for asked, want := range map[string]string{
		"failed": "10--20", "done": "0--10 20--30 30--40", "remaining": "10--20", "running": "",
	} {
		listed := fields(t, tf.partitions(object{"name": "orders", "state": asked}))
		var keys []string
		for _, one := range held[[]tftypes.Value](listed["partitions"]) {
			keys = append(keys, stringOf(fields(t, one)["key"]))
		}
		if got := strings.Join(keys, " "); got != want || jsonOf(listed["total"]) != fmt.Sprint(len(keys)) {
			t.Errorf("%s are %s of %s, want %s", asked, got, jsonOf(listed["total"]), want)
		}
	}
	cut := fields(t, tf.partitions(object{"name": "orders", "state": "done", "limit": 2}))
	if n := len(held[[]tftypes.Value](cut["partitions"])); n != 2 || jsonOf(cut["total"]) != "3" {
		t.Errorf("%d of %s are listed", n, jsonOf(cut["total"]))
	}
	done := fields(t, held[[]tftypes.Value](cut["partitions"])[0])
	if jsonOf(done["attempts"]) != "null" || jsonOf(done["message"]) != "null" || jsonOf(done["start"]) != `"0"` {
		t.Errorf("a finished partition is %v", done)
	}
}

// linesOf counts the lines of a plan's text.
func linesOf(out string) int { return strings.Count(out, "\n") }

// lineOf is the number of the first line with a text.
func lineOf(out, text string) int {
	return slices.IndexFunc(strings.Split(out, "\n"), func(line string) bool { return strings.Contains(line, text) }) + 1
}

// An edit of a note on many finished jobs replaces no wait, and takes a few lines
// for each.
func TestAccANoteOnManyJobsIsShort(t *testing.T) {
	c := fake.New(start)
	s := inShell(t, `
variable "reason" { default = "r" }

resource "backfill_job" "t" {
  for_each     = { for i in range(10) : format("tenant-%03d", i) => i }
  name         = each.key
  reason       = var.reason
  partition    = { range = { start = each.value * 3, end = each.value * 3 + 3, size = 1 } }
  runner       = { image = "i", command = ["true"] }
  max_parallel = 1
}

resource "backfill_await" "t" {
  for_each = backfill_job.t
  job      = each.value.name
  run      = each.value.run
}

output "left" {
  value = { for k, j in backfill_job.t : k => j.remaining if j.remaining != "" }
}
`, environment(nil), WithBackend(c), edges(func() {
		for _, run := range workflows(c) {
			_ = tryArgo(c, run, "Succeeded", 3, nil)
		}
	}))
	s.must("apply", "-no-color", "-auto-approve")
	s.must("apply", "-no-color", "-auto-approve", "-refresh-only")
	out, code := s.run("plan", "-no-color", "-detailed-exitcode", "-var", "reason=s")
	if code != 2 || !strings.Contains(out, "Plan: 0 to add, 10 to change, 0 to destroy.") {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	t.Logf("%d lines", linesOf(out))
	if linesOf(out) > 10*10+25 /* eight for a change, two for reading */ {
		t.Errorf("the plan has %d lines:\n%.3000s", linesOf(out), out)
	}
}

// However many partitions have failed, the plan of one job fits a screen, and its
// reason is on it.
func TestAccAPlanAfterManyFailuresFitsAScreen(t *testing.T) {
	c := fake.New(start)
	s := inShell(t, `
resource "backfill_job" "orders" {
  name      = "orders"
  partition = { range = { start = 0, end = 2000, size = 10 } }
  runner    = { image = "i", command = ["true"] }
}
`, environment(nil), WithBackend(c), edges(func() {}))
	s.must("apply", "-no-color", "-auto-approve")
	playArgo(t, c, "orders-r1", "Failed", 200, failing(200))
	s.must("apply", "-no-color", "-auto-approve", "-refresh-only")
	out, _ := s.run("plan", "-no-color")
	lines, at := linesOf(out), lineOf(out, "200 partitions failed")
	t.Logf("%d lines, the reason is on line %d", lines, at)
	// A terminal of 24 lines shows the reason without scrolling.
	if at == 0 || lines > 50 || lines-at > 22 {
		t.Errorf("the plan has %d lines, and tells the reason on line %d:\n%s", lines, at, out)
	}
}
