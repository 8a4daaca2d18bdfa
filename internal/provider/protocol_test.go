// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
)

// What the schema does not tell of the policy and of timeouts is checked.
func TestPolicyIsChecked(t *testing.T) {
	tf := onFake(t, fake.New(start))
	for name, test := range map[string]struct {
		change object
		want   string
	}{
		"choice":          {object{"on_destroy": "leave"}, `AttributeName("on_destroy"): Invalid Choice`},
		"empty choice":    {object{"on_destroy": ""}, `AttributeName("on_destroy"): Invalid Choice`},
		"misspelt":        {object{"overlap": "alow"}, `"overlap" is "alow". Did you mean "allow"? Use one of: deny, allow.`},
		"number":          {object{"approved_wave": -1}, `AttributeName("approved_wave"): Value Out Of Range`},
		"list":            {object{"override_limits": []string{"none"}}, `AttributeName("override_limits"): Invalid Choice`},
		"below another":   {object{"timeouts": object{"read": "soon"}}, `AttributeName("timeouts"): Invalid Duration`},
		"its name":        {object{"timeouts": object{"read": "soon"}}, `at timeouts.read]`},
		"allowed":         {object{"approved_wave": 1, "timeouts": object{"read": "1m"}}, ""},
		"not known":       {object{"on_destroy": unknown{}, "timeouts": unknown{}}, ""},
		"beside an error": {object{"rerun": "never", "runner": object{"image": ""}}, `AttributeName("rerun")`},
		"error beside it": {object{"rerun": "never", "runner": object{"image": ""}}, `AttributeName("runner")`},
		"beside unknown":  {object{"rerun": "never", "on_change": unknown{}}, `AttributeName("rerun")`},
	} {
		var got []string
		for _, d := range errorsOf(tf.validate(orders(test.change))) {
			got = append(got, written(d))
		}
		if all := strings.Join(got, "\n"); !strings.Contains(all, test.want) || test.want == "" && all != "" {
			t.Errorf("%s: want %q in\n%s", name, test.want, all)
		}
	}
}

// The framework refuses this in other words.
func TestWhatIsComputedIsNotWritten(t *testing.T) {
	tf := onFake(t, fake.New(start))
	tf.server = tf.server.(*escapingServer).frameworkServer.(compared).server
	for _, d := range []object{{"done": "[0,10)"}, {"id": "default/orders"}, {"drift": []string{}}} {
		got := written(oneError(t, tf.validate(orders(d))))
		if !strings.Contains(got, "Invalid Configuration for Read-Only Attribute") {
			t.Errorf("%v: %s", d, got)
		}
	}
}

// What cannot be decoded is told, and nothing is changed or lost.
func TestUndecodableRequests(t *testing.T) {
	tf := onFake(t, fake.New(start))
	tf.mustApply(orders())
	s := tf.server.(*escapingServer).frameworkServer.(compared).server
	broken := &tfprotov6.DynamicValue{MsgPack: []byte{0xc1}}
	state, config := encode(t, tf.ty, tf.state), encode(t, tf.ty, valueOf(t, tf.ty, orders()))
	checked, _ := s.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{
		TypeName: jobType, Config: broken,
	})
	read, _ := s.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: jobType, CurrentState: state, Private: []byte("{"),
	})
	planned, _ := s.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: jobType, PriorState: state, ProposedNewState: broken, Config: config,
	})
	applied, _ := s.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: jobType, PriorState: state, PlannedState: broken, Config: config, PlannedPrivate: tf.private,
	})
	other, _ := s.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: jobType, CurrentState: state, Private: tf.private,
		CurrentIdentity: &tfprotov6.ResourceIdentityData{IdentityData: encode(t, identityType,
			objectOf(values{"namespace": text("default"), "name": text("others")}))},
	})
	for doing, diags := range map[string][]*tfprotov6.Diagnostic{
		"check":          checked.Diagnostics,
		"read":           read.Diagnostics,
		"plan":           planned.Diagnostics,
		"apply":          applied.Diagnostics,
		"read another's": other.Diagnostics,
	} {
		if d := oneError(t, diags); d.Summary != "Internal Error" {
			t.Errorf("%s: %s", doing, written(d))
		}
	}
	if read.NewState != state || applied.NewState != state || other.NewState != state {
		t.Error("the state was not kept")
	}
	if string(applied.Private) != string(tf.private) {
		t.Error("the private state was not kept")
	}
}

// The framework left a note in the private state of what was imported and not read yet.
func TestPrivateStateOfTheFramework(t *testing.T) {
	c := fake.New(start)
	tf := onFake(t, c)
	tf.mustApply(orders())
	var private map[string][]byte
	if err := json.Unmarshal(tf.private, &private); err != nil {
		t.Fatal(err)
	}
	private[".import_before_read"] = []byte("true")
	data, err := json.Marshal(private)
	if err != nil {
		t.Fatal(err)
	}
	tf.private = data
	mustSucceed(t, "refresh", tf.refresh())
	if strings.Contains(string(tf.private), "import_before_read") {
		t.Errorf("it is still there: %s", tf.private)
	}
	tf.mustPlan(orders(), "no-op")
}

// Terraform stops the provider when its user interrupts it.
func TestStopCancelsOperations(t *testing.T) {
	c := fake.New(start)
	tf := onFake(t, c)
	tf.mustApply(orders())
	s := tf.server.(*escapingServer).frameworkServer.(compared).server
	stopped := false
	var seen error
	ask := func() (string, error) {
		return forJob(t.Context(), s, jobType, "", func(ctx context.Context, _ string) string {
			if !stopped {
				stopped = true
				if _, err := s.StopProvider(ctx, &tfprotov6.StopProviderRequest{}); err != nil {
					t.Error(err)
				}
				<-ctx.Done()
			}
			seen = ctx.Err()
			return "done"
		}, nil)
	}
	if _, err := ask(); err != nil || seen == nil {
		t.Errorf("the operation was not cancelled: %v %v", err, seen)
	}
	if _, err := ask(); err != nil || seen != nil {
		t.Errorf("the operation after it was: %v %v", err, seen)
	}
}

// A panic of the server itself does not end the process.
func TestServerSurvivesPanics(t *testing.T) {
	s := newServer(t).(*escapingServer).frameworkServer.(compared).server
	_, err := forJob(t.Context(), s, jobType, "", func(context.Context, string) string { panic("boom") }, nil)
	if err == nil || !strings.Contains(err.Error(), "boom") || !strings.Contains(err.Error(), "https://github.com/") {
		t.Error(err)
	}
}

// What the framework still answers for jobs needs its schema alone.
func TestFrameworkAnswersFromTheSchema(t *testing.T) {
	tf := onFake(t, fake.New(start))
	tf.mustApply(orders())
	generated, err := tf.server.GenerateResourceConfig(t.Context(), &tfprotov6.GenerateResourceConfigRequest{
		TypeName: jobType, State: encode(t, tf.ty, tf.state),
	})
	if err != nil || len(generated.Diagnostics) > 0 {
		t.Fatal(generated, err)
	}
	config := decode(t, tf.ty, generated.Config)
	if show(t, config, "name") != `"orders"` || show(t, config, "done") != "null" {
		t.Errorf("the configuration is %s", config)
	}
	schemas, err := tf.server.GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil || schemas.IdentitySchemas[jobType] == nil {
		t.Error(schemas, err)
	}
	upgraded, err := tf.server.UpgradeResourceIdentity(t.Context(), &tfprotov6.UpgradeResourceIdentityRequest{
		TypeName: jobType, Version: 7, RawIdentity: &tfprotov6.RawState{JSON: []byte(`{"name":"orders"}`)},
	})
	if err != nil || len(errorsOf(upgraded.Diagnostics)) != 1 {
		t.Error(upgraded, err)
	}
}
