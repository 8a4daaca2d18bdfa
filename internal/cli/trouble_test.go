// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"strings"
	"testing"
)

// While a run has done nothing, status says what it waits for and why attempts
// fail; watching, it says so once.
func TestStatusTellsOfTrouble(t *testing.T) {
	o := newTerminal(t)
	leaf := func(id, phase, message string, more map[string]any) map[string]any {
		n := map[string]any{
			"id": id, "type": "Pod", "phase": phase, "message": message, "templateRef": map[string]any{"template": "partition"},
			"startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:05Z", "hostNodeName": "node-1",
			"inputs": map[string]any{"parameters": []any{map[string]any{"name": "i", "value": id[:1]}}},
		}
		for k, v := range more {
			n[k] = v
		}
		return n
	}
	o.patch(map[string]any{"status": map[string]any{"phase": "Running", "nodes": map[string]any{
		"0":  leaf("0", "Running", "", map[string]any{"type": "Retry", "children": []any{"0a", "0b"}}),
		"0a": leaf("0a", "Error", "pod deleted", nil),
		"0b": leaf("0b", "Pending", "Unschedulable: no room", nil),
		"1":  leaf("1", "Failed", "", map[string]any{"type": "Retry", "children": []any{"1a", "1b"}}),
		"1a": leaf("1a", "Failed", "Pod was active on the node longer than the specified deadline", nil),
		"1b": leaf("1b", "Failed", "main: Error (exit code 9)", nil),
	}}})
	out, _ := o.run(0, "status", "orders")
	const stuck = "no node since 2026-01-01T00:00:00Z: 1 pod waits for one that fits (Unschedulable: no room). See " +
		"that nodes with room"
	for _, want := range []string{
		"stuck      " + stuck,
		"retrying   1 partition is tried again; the last to fail was partition 0--10, attempt 0 on node-1, interruption: " +
			"pod deleted\n",
		"failed 10--20 after 2 attempts: main: Error (exit code 9)\n" +
			"  attempt 0 on node-1, deadline: Pod was active on the node longer than the specified deadline\n" +
			"  attempt 1 on node-1, application: main: Error (exit code 9)\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q lacks %q", out, want)
		}
	}
	looks := 0
	o.waits = func() {
		if looks++; looks == 3 {
			o.play("Succeeded", 4)
		}
	}
	out, _ = o.run(0, "status", "--watch", "orders")
	if strings.Count(out, "stuck: "+stuck) != 1 || strings.Count(out, "1 partition is tried again") != 1 {
		t.Errorf("watching: %s", out)
	}
}
