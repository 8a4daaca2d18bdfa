// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

// The provider's instance id is that of jobs without one, and what a job says counts.
// It is no difference that a plan of a job at rest shows.
func TestInstanceIDOfTheProvider(t *testing.T) {
	for name, config := range map[string]object{
		"provider-id": orders(),
		"job-id":      orders(object{"instance_id": "job-id"}),
	} {
		c := fake.New(start)
		tf := newTerraform(t, object{"instance_id": "provider-id"}, environment(nil), WithBackend(c), edges(func() {}))
		tf.mustPlan(config, "create")
		tf.mustApply(config)
		found := 0
		for _, o := range c.Objects() {
			if o.GetKind() != "Workflow" && o.GetKind() != "WorkflowTemplate" {
				continue
			}
			found++
			if got := o.GetLabels()[argo.LabelInstance]; got != name {
				t.Errorf("%s %s has the instance id %q, want %q", o.GetKind(), o.GetName(), got, name)
			}
		}
		if found != 2 {
			t.Fatalf("%d objects", found)
		}
		mustSucceed(t, "refresh", tf.refresh())
		tf.mustPlan(config, "no-op")
		playArgo(t, c, "orders-r1", "Succeeded", 4, nil)
		mustSucceed(t, "refresh", tf.refresh())
		tf.mustPlan(config, "no-op")
	}
}

func TestInstanceIDThatIsNoLabel(t *testing.T) {
	tf := newTerraform(t, object{}, environment(nil))
	if problems := errorsOf(tf.validate(orders(object{"instance_id": "not a label"}))); len(problems) != 1 ||
		problems[0].Attribute.String() != `AttributeName("instance_id")` {
		t.Errorf("got %v", problems)
	}
}

// Regression: the new name of an attribute that has moved was nowhere to be read.
func TestMovedAttributeNamesItsSuccessor(t *testing.T) {
	tf := newTerraform(t, object{}, environment(nil))
	problems := errorsOf(tf.validate(orders(object{"orchestrator_service_account": "a"})))
	const want = `"orchestrator_service_account" is now "orchestrator.service_account". Set that instead: ` +
		`orchestrator = { service_account = … }.`
	if len(problems) != 1 || !strings.Contains(problems[0].Detail, want) {
		t.Errorf("got %+v", problems[0])
	}
}
