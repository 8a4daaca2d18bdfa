// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// createBeside creates a job in another state, or before the one of this state is
// destroyed, and demands that it is refused and that nothing is changed.
func createBeside(t *testing.T, tf *terraform, config object, contents func() string) *tfprotov6.Diagnostic {
	t.Helper()
	before := contents()
	other := terraformOn(t, tf.server, object{})
	_, diags := other.apply(config)
	if contents() != before || !other.state.IsNull() {
		t.Error("something was changed")
	}
	return oneError(t, diags)
}

// A job is replaced by another one of its name only after it is destroyed: one that is
// created first would take the record from the state that has it, run nothing, and
// leave an object that nobody can destroy.
func TestCreationBesideTheJobIsRefused(t *testing.T) {
	for _, phase := range []string{"", "Running", "Succeeded"} {
		t.Run(phase, func(t *testing.T) {
			tf, c := repeatable(t)
			tf.mustApply(orders())
			if phase != "" {
				playArgo(t, c, "orders-r1", phase, map[string]int{"Running": 2, "Succeeded": 4}[phase], nil)
				mustSucceed(t, "refresh", tf.refresh())
			}
			d := createBeside(t, tf, orders(), func() string { return contents(t, c) })
			if d.Summary != "Job Already Exists" || !strings.Contains(d.Detail, "create_before_destroy") ||
				!d.Attribute.Equal(tftypes.NewAttributePath().WithAttributeName("name")) {
				t.Errorf("got %s", written(d))
			}
			mustSucceed(t, "refresh", tf.refresh())
			tf.mustPlan(orders(), "no-op")
			mustSucceed(t, "destroy", tf.destroy())
			if left := len(c.Objects()); left > 0 {
				t.Errorf("%d objects are left", left)
			}
		})
	}
}

// A state whose job another one has taken over forgets it.
func TestDestroyOfAJobThatAnotherStateHas(t *testing.T) {
	tf, c := repeatable(t)
	tf.mustApply(orders())
	other := terraformOn(t, tf.server, object{})
	mustSucceed(t, "import", other.importState("default/orders"))
	other.mustApply(orders(object{"reason": "taken over"}))
	before := contents(t, c)
	resp := tf.destroy()
	if len(resp) != 1 || resp[0].Summary != "Job Left To Its Owner" || !tf.state.IsNull() || contents(t, c) != before {
		t.Errorf("the state is gone: %t; %v", tf.state.IsNull(), resp)
	}
	mustSucceed(t, "destroy", other.destroy())
	if left := len(c.Objects()); left > 0 {
		t.Errorf("%d objects are left", left)
	}
}

// A job that takes its own place, as -replace has it, runs again: the plan says so, and
// prevent_reprocess prevents it.
func TestReplacementByItself(t *testing.T) {
	tf, c := repeatable(t)
	tf.mustApply(orders())
	playArgo(t, c, "orders-r1", "Succeeded", 4, nil)
	mustSucceed(t, "refresh", tf.refresh())
	again := func(config object) planned {
		t.Helper()
		first := tf.plan(config)
		return tf.planFrom(tftypes.NewValue(tf.ty, nil), valueOf(t, tf.ty, config), first.private)
	}
	p := again(orders())
	if len(p.diags) != 1 || p.diags[0].Summary != "Job Will Be Replaced" || !strings.Contains(p.diags[0].Detail, "4") {
		t.Errorf("got %v", p.diags)
	}
	d := oneError(t, again(orders(object{"prevent_reprocess": true})).diags)
	if d.Summary != "Reprocessing Prevented" {
		t.Errorf("got %s", written(d))
	}
	if p := again(orders(object{"name": "others"})); len(p.diags) > 0 {
		t.Errorf("another job gives %v", p.diags)
	}
}
