// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// object is a Terraform object as JSON-like Go values; attributes that are not
// named are null.
type object map[string]any

// unknown stands for a value that is not known yet, at the top of an object.
type unknown struct{}

// terraform is one backfill_job in the hands of something that treats the
// provider as Terraform's core does: it proposes, checks that plans are
// repeatable and kept, and keeps state and private state. There is no binary
// and no network.
type terraform struct {
	t          testing.TB
	server     tfprotov6.ProviderServer
	ty         tftypes.Object
	computed   map[string]bool // attributes that take their prior value when not written
	state      tftypes.Value
	private    []byte
	identity   *tfprotov6.ResourceIdentityData
	tainted    bool
	lastErrors []*tfprotov6.Diagnostic
	settings   *tfprotov6.DynamicValue
	ignores    []string // attributes of ignore_changes
}

func newTerraform(t testing.TB, settings object, options ...Option) *terraform {
	t.Helper()
	return terraformOn(t, newServer(t, options...), settings)
}

func terraformOn(t testing.TB, server tfprotov6.ProviderServer, settings object) *terraform {
	t.Helper()
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	mustSucceed(t, "schema", schemas.Diagnostics)
	tf := &terraform{t: t, server: server, computed: map[string]bool{}}
	var ok bool
	if tf.ty, ok = schemas.ResourceSchemas[jobType].ValueType().(tftypes.Object); !ok {
		t.Fatal("the resource's type is no object")
	}
	for _, a := range schemas.ResourceSchemas[jobType].Block.Attributes {
		tf.computed[a.Name] = a.Computed
	}
	tf.state = tftypes.NewValue(tf.ty, nil)
	tf.settings = encode(t, schemas.Provider.ValueType(), valueOf(t, schemas.Provider.ValueType(), settings))
	tf.walk()
	return tf
}

// walk configures the provider, as Terraform does for each of its walks: one to
// refresh and to plan, and another one to apply.
func (tf *terraform) walk() {
	tf.t.Helper()
	configured, err := tf.server.ConfigureProvider(
		tf.t.Context(), &tfprotov6.ConfigureProviderRequest{Config: tf.settings})
	if err != nil {
		tf.t.Fatal(err)
	}
	tf.lastErrors = errorsOf(configured.Diagnostics)
}

// planned is what a plan shows.
type planned struct {
	value    tftypes.Value
	private  []byte
	identity *tfprotov6.ResourceIdentityData
	replace  []*tftypes.AttributePath
	diags    []*tfprotov6.Diagnostic
	// action is no-op, create, update or replace.
	action string
}

func (tf *terraform) validate(config object) []*tfprotov6.Diagnostic {
	tf.t.Helper()
	resp, err := tf.server.ValidateResourceConfig(tf.t.Context(), &tfprotov6.ValidateResourceConfigRequest{
		TypeName: jobType, Config: encode(tf.t, tf.ty, valueOf(tf.t, tf.ty, config)),
	})
	if err != nil {
		tf.t.Fatal(err)
	}
	return resp.Diagnostics
}

// plan plans twice and demands the same result.
func (tf *terraform) plan(config object) planned {
	tf.t.Helper()
	first, second := tf.planOnce(config), tf.planOnce(config)
	if !first.value.Equal(second.value) {
		tf.t.Fatal("the same plan was made twice, with different results")
	}
	return first
}

func (tf *terraform) planOnce(config object) planned {
	tf.t.Helper()
	written := valueOf(tf.t, tf.ty, config)
	p := tf.planFrom(tf.state, tf.ignoring(written), tf.private)
	if len(p.replace) > 0 {
		warnings := p.diags
		p = tf.planFrom(tftypes.NewValue(tf.ty, nil), written, p.private)
		p.diags = append(warnings, p.diags...)
		p.action = "replace"
		return p
	}
	switch {
	case tf.state.IsNull():
		p.action = "create"
	case p.value.Equal(tf.state):
		p.action = "no-op"
	default:
		p.action = "update"
	}
	return p
}

// ignoring is a configuration in which what ignore_changes names is as it was.
func (tf *terraform) ignoring(written tftypes.Value) tftypes.Value {
	if tf.state.IsNull() {
		return written
	}
	kept := values{}
	for _, name := range tf.ignores {
		kept[name] = fields(tf.t, tf.state)[name]
	}
	return with(written, kept)
}

func (tf *terraform) planFrom(prior, written tftypes.Value, private []byte) planned {
	tf.t.Helper()
	resp, err := tf.server.PlanResourceChange(tf.t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: jobType, PriorState: encode(tf.t, tf.ty, prior),
		ProposedNewState: encode(tf.t, tf.ty, tf.propose(prior, written)),
		Config:           encode(tf.t, tf.ty, written), PriorPrivate: private,
		PriorIdentity: tf.identityOf(prior),
	})
	if err != nil {
		tf.t.Fatal(err)
	}
	p := planned{
		private:  resp.PlannedPrivate,
		identity: resp.PlannedIdentity,
		replace:  resp.RequiresReplace,
		diags:    resp.Diagnostics,
	}
	if len(errorsOf(resp.Diagnostics)) == 0 {
		p.value = decode(tf.t, tf.ty, resp.PlannedState)
	}
	return p
}

// propose is the new state that Terraform suggests: what is written, and the
// prior value of what is computed and not written.
func (tf *terraform) propose(prior, written tftypes.Value) tftypes.Value {
	if prior.IsNull() {
		return written
	}
	before, after := fields(tf.t, prior), fields(tf.t, written)
	for name, value := range after {
		if value.IsNull() && tf.computed[name] {
			after[name] = before[name]
		}
	}
	return tftypes.NewValue(tf.ty, after)
}

// apply plans and applies.
func (tf *terraform) apply(config object) (planned, []*tfprotov6.Diagnostic) {
	tf.t.Helper()
	return tf.applyAs(config, config)
}

// applyAs plans one configuration and applies another one, in which what was not
// known is known. As Terraform does, it plans again within the apply, and demands
// that this plan keeps every promise of the first, and the new state those of both.
// What the provider is told to be the configuration is never what was planned where
// ignore_changes keeps something.
func (tf *terraform) applyAs(config, known object) (planned, []*tfprotov6.Diagnostic) {
	tf.t.Helper()
	p := tf.plan(config)
	mustSucceed(tf.t, "plan", p.diags)
	tf.walk()
	if p.action == "replace" {
		mustSucceed(tf.t, "destroy", tf.destroy())
	}
	if p.action == "no-op" {
		return p, nil
	}
	again := tf.planOnce(known)
	if len(errorsOf(again.diags)) > 0 {
		return again, again.diags
	}
	if again.action != p.action && (again.action != "no-op" || p.action != "update") && p.action != "replace" {
		tf.t.Errorf("planned was to %s, and while applying to %s: that is a bug in the provider", p.action, again.action)
	}
	tf.mustKeep(p.value, again.value, "planned again")
	if again.action == "no-op" {
		return again, nil
	}
	return again, tf.applyPlanned(again, valueOf(tf.t, tf.ty, known))
}

// applyPlanned applies a plan, beside a configuration.
func (tf *terraform) applyPlanned(p planned, written tftypes.Value) []*tfprotov6.Diagnostic {
	tf.t.Helper()
	resp, err := tf.server.ApplyResourceChange(tf.t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: jobType, PriorState: encode(tf.t, tf.ty, tf.state), PlannedState: encode(tf.t, tf.ty, p.value),
		Config: encode(tf.t, tf.ty, written), PlannedPrivate: p.private, PlannedIdentity: p.identity,
	})
	if err != nil {
		tf.t.Fatal(err)
	}
	failed := len(errorsOf(resp.Diagnostics)) > 0
	after := decode(tf.t, tf.ty, resp.NewState)
	if !failed {
		tf.mustKeep(p.value, after, "applied")
		for name, value := range fields(tf.t, after) {
			if !value.IsFullyKnown() {
				tf.t.Errorf("%s is unknown after the apply", name)
			}
		}
	}
	tf.tainted = failed && tf.state.IsNull() && !after.IsNull()
	tf.state, tf.private, tf.identity = after, resp.Private, resp.NewIdentity
	return resp.Diagnostics
}

// mustKeep demands that what was known in a plan is the same later.
func (tf *terraform) mustKeep(promised, kept tftypes.Value, when string) {
	tf.t.Helper()
	after := fields(tf.t, kept)
	for name, value := range fields(tf.t, promised) {
		if value.IsFullyKnown() && !value.Equal(after[name]) {
			tf.t.Errorf("%s was planned as %s and, %s, is %s", name, value, when, after[name])
		}
	}
}

// refresh reads, as Terraform does before a plan. The job may be gone then.
func (tf *terraform) refresh() []*tfprotov6.Diagnostic {
	tf.t.Helper()
	tf.walk()
	resp, err := tf.server.ReadResource(tf.t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: jobType, CurrentState: encode(tf.t, tf.ty, tf.state), Private: tf.private, CurrentIdentity: tf.identity,
	})
	if err != nil {
		tf.t.Fatal(err)
	}
	if len(errorsOf(resp.Diagnostics)) == 0 {
		tf.state, tf.private, tf.identity = decode(tf.t, tf.ty, resp.NewState), resp.Private, resp.NewIdentity
	}
	return resp.Diagnostics
}

// data reads a data source.
func (tf *terraform) data(name string, config object) (tftypes.Value, []*tfprotov6.Diagnostic) {
	tf.t.Helper()
	schemas, err := tf.server.GetProviderSchema(tf.t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		tf.t.Fatal(err)
	}
	ty := schemas.DataSourceSchemas[name].ValueType()
	written := encode(tf.t, ty, valueOf(tf.t, ty, config))
	checked, err := tf.server.ValidateDataResourceConfig(tf.t.Context(),
		&tfprotov6.ValidateDataResourceConfigRequest{TypeName: name, Config: written})
	if err != nil {
		tf.t.Fatal(err)
	}
	if len(checked.Diagnostics) > 0 {
		return tftypes.Value{}, checked.Diagnostics
	}
	resp, err := tf.server.ReadDataSource(tf.t.Context(), &tfprotov6.ReadDataSourceRequest{
		TypeName: name, Config: written,
	})
	if err != nil {
		tf.t.Fatal(err)
	}
	if len(errorsOf(resp.Diagnostics)) > 0 {
		return tftypes.Value{}, resp.Diagnostics
	}
	return decode(tf.t, ty, resp.State), resp.Diagnostics
}

// identityOf is the identity that goes with a prior state.
func (tf *terraform) identityOf(prior tftypes.Value) *tfprotov6.ResourceIdentityData {
	if prior.IsNull() {
		return nil
	}
	return tf.identity
}

func (tf *terraform) destroy() []*tfprotov6.Diagnostic {
	tf.t.Helper()
	resp, err := tf.server.ApplyResourceChange(tf.t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: jobType, PriorState: encode(tf.t, tf.ty, tf.state),
		PlannedState: encode(tf.t, tf.ty, tftypes.NewValue(tf.ty, nil)),
		Config:       encode(tf.t, tf.ty, tftypes.NewValue(tf.ty, nil)), PlannedPrivate: tf.private,
		PlannedIdentity: tf.identity,
	})
	if err != nil {
		tf.t.Fatal(err)
	}
	if len(errorsOf(resp.Diagnostics)) == 0 {
		tf.state, tf.private, tf.identity = tftypes.NewValue(tf.ty, nil), nil, nil
	}
	return resp.Diagnostics
}

func (tf *terraform) importState(id string) []*tfprotov6.Diagnostic {
	tf.t.Helper()
	return tf.importBy(&tfprotov6.ImportResourceStateRequest{TypeName: jobType, ID: id})
}

func (tf *terraform) importBy(req *tfprotov6.ImportResourceStateRequest) []*tfprotov6.Diagnostic {
	tf.t.Helper()
	resp, err := tf.server.ImportResourceState(tf.t.Context(), req)
	if err != nil {
		tf.t.Fatal(err)
	}
	if len(errorsOf(resp.Diagnostics)) > 0 {
		return resp.Diagnostics
	}
	tf.state, tf.private = decode(tf.t, tf.ty, resp.ImportedResources[0].State), resp.ImportedResources[0].Private
	tf.identity = resp.ImportedResources[0].Identity
	return tf.refresh()
}

// show is an attribute of an object as JSON, "?" where it is unknown.
func show(t testing.TB, value tftypes.Value, name string) string {
	t.Helper()
	return jsonOf(fields(t, value)[name])
}

func jsonOf(v tftypes.Value) string {
	if !v.IsKnown() {
		return "?"
	}
	if v.IsNull() {
		return "null"
	}
	switch {
	case v.Type().Is(tftypes.String):
		data, _ := json.Marshal(stringOf(v))
		return string(data)
	case v.Type().Is(tftypes.Number):
		return fmt.Sprint(intOf(v))
	case v.Type().Is(tftypes.Bool):
		var b bool
		_ = v.As(&b)
		return fmt.Sprint(b)
	case v.Type().Is(tftypes.Object{}), v.Type().Is(tftypes.Map{}):
		m := map[string]tftypes.Value{}
		_ = v.As(&m)
		raw := map[string]json.RawMessage{}
		for name, value := range m {
			raw[name] = json.RawMessage(strings.ReplaceAll(jsonOf(value), "?", `"?"`))
		}
		data, _ := json.Marshal(raw)
		return string(data)
	}
	var list []tftypes.Value
	_ = v.As(&list)
	parts := []string{}
	for _, e := range list {
		parts = append(parts, jsonOf(e))
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func valueOf(t testing.TB, ty tftypes.Type, o object) tftypes.Value {
	t.Helper()
	known, holes := object{}, values{}
	for name, value := range o {
		if _, hole := value.(unknown); hole {
			holes[name] = tftypes.NewValue(ty.(tftypes.Object).AttributeTypes[name], tftypes.UnknownValue)
			continue
		}
		if set, isSet := value.(tftypes.Value); isSet {
			holes[name] = set
			continue
		}
		known[name] = value
	}
	data, err := json.Marshal(known)
	if err != nil {
		t.Fatal(err)
	}
	value, err := tfprotov6.DynamicValue{JSON: data}.Unmarshal(ty)
	if err != nil {
		t.Fatal(err)
	}
	return with(value, holes)
}

func fields(t testing.TB, value tftypes.Value) map[string]tftypes.Value {
	t.Helper()
	if value.IsNull() || !value.IsKnown() {
		t.Fatalf("%s is no object", value)
	}
	return attributesOf(value)
}

func encode(t testing.TB, ty tftypes.Type, value tftypes.Value) *tfprotov6.DynamicValue {
	t.Helper()
	wire, err := tfprotov6.NewDynamicValue(ty, value)
	if err != nil {
		t.Fatal(err)
	}
	return &wire
}

func decode(t testing.TB, ty tftypes.Type, wire *tfprotov6.DynamicValue) tftypes.Value {
	t.Helper()
	value, err := wire.Unmarshal(ty)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func errorsOf(diags []*tfprotov6.Diagnostic) []*tfprotov6.Diagnostic {
	var out []*tfprotov6.Diagnostic
	for _, d := range diags {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			out = append(out, d)
		}
	}
	return out
}

func mustSucceed(t testing.TB, doing string, diags []*tfprotov6.Diagnostic) {
	t.Helper()
	for _, d := range errorsOf(diags) {
		t.Fatalf("%s: %s", doing, written(d))
	}
}

// written is a diagnostic in one text.
func written(d *tfprotov6.Diagnostic) string {
	severity := "error"
	if d.Severity == tfprotov6.DiagnosticSeverityWarning {
		severity = "warning"
	}
	at := ""
	if d.Attribute != nil {
		at = " at " + d.Attribute.String()
	}
	return severity + at + ": " + d.Summary + ": " + d.Detail
}
