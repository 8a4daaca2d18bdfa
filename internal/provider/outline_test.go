// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// whole is a job in which many attributes are set.
func wholeJob() object {
	return orders(object{
		"reason":         "new index",
		"target":         "elasticsearch/orders",
		"labels":         object{"team": "search"},
		"canary":         object{"partitions": 1},
		"wave":           object{"shards": 1, "growth": 2},
		"failure_budget": object{"max_failed": 2, "max_ratio": "50%"},
		"shard_size":     2,
		"max_parallel":   3,
		"retry":          object{"limit": 2, "backoff": "10s", "fail_on": []int{2}},
		"interruptions":  object{"limit": 3},
		"setup":          object{"image": "psql:16", "command": []string{"bin/setup"}},
		"oom":            object{"factor": 2, "max_memory": "2Gi"},
		"controller":     object{"pods_per_second": 20, "max_workflow_size": 1_000_000},
		"spread":         "zone",
		"argo_version":   "3.7",
		"runner": object{
			"image": "example.com/orders:1", "command": []string{"bin/run"}, "env": object{"MODE": "fast"},
			"resources": object{"memory": "1Gi"}, "service_account": "runner",
		},
	})
}

// holes are the paths of everything in an object that can be unknown.
func holes(v tftypes.Value, prefix string) []string {
	var out []string
	for name, part := range attributesOf(v) {
		if part.IsNull() {
			continue
		}
		out = append(out, prefix+name)
		if part.Type().Is(tftypes.Object{}) {
			out = append(out, holes(part, prefix+name+".")...)
		}
	}
	slices.Sort(out)
	return out
}

// pierced is an object with the attribute at a path unknown.
func pierced(v tftypes.Value, path string) tftypes.Value {
	name, rest, nested := strings.Cut(path, ".")
	part := attributesOf(v)[name]
	if nested {
		return with(v, values{name: pierced(part, rest)})
	}
	return with(v, values{name: unknownOf(part.Type())})
}

// mustComeTrue demands of a plan all that an earlier one knew: Terraform calls
// anything else an inconsistent final plan.
func mustComeTrue(t *testing.T, at string, early, late tftypes.Value) {
	t.Helper()
	switch {
	case !early.IsKnown():
	case early.Type().Is(tftypes.Object{}) && !early.IsNull():
		if late.IsNull() {
			t.Errorf("%s is null in the end, and was promised", at)
			return
		}
		after := attributesOf(late)
		for name, part := range attributesOf(early) {
			mustComeTrue(t, at+"."+name, part, after[name])
		}
	case early.IsFullyKnown() && !early.Equal(late):
		t.Errorf("%s was planned as %s while it was not whole, and became %s", at, jsonOf(early), jsonOf(late))
	}
}

// Whatever is unknown, what the plan knows all the same is what it knows in the end;
// and whatever does not decide what runs leaves the run known.
func TestPlansOfJobsWithUnknownPartsComeTrue(t *testing.T) {
	for name, lead := range map[string]func(*terraform, func(run, phase string, n int, failed map[int]string)){
		"a new job": func(*terraform, func(string, string, int, map[int]string)) {},
		"a job of which some failed": func(tf *terraform, play func(string, string, int, map[int]string)) {
			tf.mustApply(orders())
			play("orders-r1", "Failed", 4, map[int]string{1: "exit code 1"})
		},
		"a complete job": func(tf *terraform, play func(string, string, int, map[int]string)) {
			tf.mustApply(orders())
			play("orders-r1", "Succeeded", 4, nil)
		},
		"a job under way": func(tf *terraform, play func(string, string, int, map[int]string)) {
			tf.mustApply(orders())
			play("orders-r1", "Running", 2, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			tf, c := inFake(t)
			lead(tf, func(run, phase string, n int, failed map[int]string) {
				playArgo(t, c, run, phase, n, failed)
				mustSucceed(t, "refresh", tf.refresh())
			})
			whole := valueOf(t, tf.ty, wholeJob())
			late := tf.planFrom(tf.state, whole, tf.private)
			mustSucceed(t, "plan", late.diags)
			for _, path := range holes(whole, "") {
				early := tf.planFrom(tf.state, pierced(whole, path), tf.private)
				mustSucceed(t, "plan without "+path, early.diags)
				for name, value := range fields(t, early.value) {
					if fields(t, whole)[name].IsNull() { // computed
						mustComeTrue(t, "without "+path+", "+name, value, fields(t, late.value)[name])
					}
				}
				next := fields(t, early.value)["next_run"]
				if name != "a job under way" && !cuts(path) && !next.IsKnown() {
					t.Errorf("without %s, nothing is known of the next run", path)
				}
			}
		})
	}
}

// cuts tells whether the table says of an attribute that it decides what runs.
func cuts(path string) bool {
	rows := jobschema.Job()
	for _, name := range strings.Split(path, ".") {
		row, ok := jobschema.Find(rows, name)
		if !ok {
			return true // no part of the table
		}
		if row.Cuts || row.Class == jobschema.Grid || row.Class == jobschema.Replace {
			return true
		}
		rows = row.Attributes
	}
	return slices.ContainsFunc(rows, func(r jobschema.Attribute) bool { return cuts(path + "." + r.Name) })
}
