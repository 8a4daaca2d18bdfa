// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

func withLimits(t *testing.T, c *fake.Cluster, limits any) *terraform {
	t.Helper()
	return newTerraform(t, object{"limits": limits}, environment(nil), WithBackend(c), edges(func() {}))
}

// The provider's limits are checked by the plan, at the attribute that exceeds
// them; `override_limits` lifts them with a warning, and an import knows it.
func TestLimitsOfTheProvider(t *testing.T) {
	c := fake.New(start)
	tf := withLimits(t, c, object{"max_partitions": 3, "required_labels": []string{"team"}})
	mustSucceed(t, "validate", tf.validate(orders()))
	problems := errorsOf(tf.plan(orders()).diags)
	if len(problems) != 2 || problems[0].Attribute.String() != `AttributeName("partition")` ||
		problems[1].Attribute.String() != `AttributeName("labels")` ||
		!strings.Contains(problems[0].Detail, "The job has 4 partitions; the limits of the provider allow at most 3") {
		t.Fatalf("got %v", problems)
	}
	lifted := orders(object{"override_limits": []string{"max_partitions"}, "labels": object{"team": "data"}})
	p := tf.mustPlan(lifted, "create")
	if len(p.diags) != 1 || p.diags[0].Severity != tfprotov6.DiagnosticSeverityWarning ||
		p.diags[0].Summary != "Limit Overridden" {
		t.Errorf("got %v", p.diags)
	}
	tf.mustApply(lifted)
	playArgo(t, c, "orders-r1", "Succeeded", 4, nil)
	mustSucceed(t, "refresh", tf.refresh())
	if p := tf.mustPlan(lifted, "no-op"); len(p.diags) > 0 {
		t.Errorf("at rest: %v", p.diags)
	}
	other := withLimits(t, c, object{"max_partitions": 3})
	mustSucceed(t, "import", other.importState("default/orders"))
	other.mustHold(map[string]string{"override_limits": `["max_partitions"]`})
	other.mustPlan(lifted, "no-op")
}

// What a query may find is held to the limits where the query says how much.
func TestLimitsOfAQuery(t *testing.T) {
	query := func(more object) object {
		q := object{"image": "example.com/sql:1", "command": []string{"bounds"}, "size": 5}
		maps.Copy(q, more)
		return orders(object{"partition": object{"query": q}})
	}
	tf := withLimits(t, fake.New(start), object{"max_partitions": 50})
	for name, config := range map[string]object{
		"unless it says": query(nil), "as it says": query(object{"max_partitions": 51}),
	} {
		if d := oneError(
			t,
			tf.plan(config).diags,
		); d.Summary != "Limit Exceeded" || d.Attribute.String() != `AttributeName("partition")` ||
			!strings.HasSuffix(d.Detail, "[BF2241 at partition.query.max_partitions]") {
			t.Errorf("%s: got %s at %s", name, written(d), d.Attribute)
		}
	}
	tf.mustPlan(query(object{"max_partitions": 50}), "create")
}

func TestForbiddenWindowOfTheProvider(t *testing.T) {
	c := fake.New(start) // just after midnight
	tf := withLimits(t, c, object{"forbidden_windows": []object{{"from": "00:00", "to": "06:00"}}})
	tf.mustPlan(orders(), "create") // plans know no time
	_, diags := tf.apply(orders())
	if d := oneError(
		t,
		diags,
	); d.Summary != "Forbidden Time" ||
		!strings.Contains(d.Detail, "the limits of the provider forbid that every day from 00:00 to 06:00 UTC") {
		t.Errorf("got %s", written(d))
	}
	if left := c.Objects(); len(left) > 0 || tf.tainted {
		t.Errorf("%d objects are left, tainted %t", len(left), tf.tainted)
	}
	tf.mustApply(orders(object{"override_limits": []string{"forbidden_windows"}}))
}

// Limits that are not known yet bound nothing in the plan.
func TestUnknownLimits(t *testing.T) {
	withLimits(t, fake.New(start), unknown{}).mustPlan(orders(), "create")
	tf := withLimits(t, fake.New(start), object{"max_partitions": 1})
	mustSucceed(t, "plan", tf.plan(orders(object{"override_limits": unknown{}})).diags)
}

func TestWrongLimitsOfTheProvider(t *testing.T) {
	tf := withLimits(t, fake.New(start), object{"forbidden_windows": []object{{"from": "9", "to": "17:00"}}})
	if d := oneError(
		t,
		tf.lastErrors,
	); d.Summary != "Invalid Limits" || d.Attribute.String() != `AttributeName("limits")` ||
		!strings.HasSuffix(d.Detail, "[BF2240 at limits.forbidden_windows[0].from]") {
		t.Errorf("got %s at %s", written(d), d.Attribute)
	}
}
