// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// wire decodes and encodes the values of one request, and notes what it cannot.
type wire struct {
	jobTypes
	diags tfdiag.Diagnostics
}

// jobTypes are what follows from the schema of a job. The framework computes it
// anew, and for each attribute.
type jobTypes struct {
	version      int64 // of the schema
	stateType    tftypes.Object
	identityType tftypes.Object
	computed     []string // attributes that may be unknown before an apply
	readOnly     []string // those of them that nobody may write
}

func newJobTypes() jobTypes {
	ctx := context.Background()
	var r jobResource
	var of resource.SchemaResponse
	var identity resource.IdentitySchemaResponse
	r.Schema(ctx, resource.SchemaRequest{}, &of)
	r.IdentitySchema(ctx, resource.IdentitySchemaRequest{}, &identity)
	t := jobTypes{version: of.Schema.Version}
	t.stateType, _ = of.Schema.Type().TerraformType(ctx).(tftypes.Object)
	t.identityType, _ = identity.IdentitySchema.Type().TerraformType(ctx).(tftypes.Object)
	for name, attribute := range of.Schema.Attributes {
		if attribute.IsComputed() {
			t.computed = append(t.computed, name)
		}
		if !attribute.IsOptional() {
			t.readOnly = append(t.readOnly, name)
		}
	}
	slices.Sort(t.readOnly)
	return t
}

// failed tells whether there was an error so far.
func (w *wire) failed() bool { return w.diags.HasError() }

// state decodes an object of the resource's type; what is absent is null.
func (w *wire) state(what string, data *tfprotov6.DynamicValue) tftypes.Value {
	return w.decode(what, w.stateType, data)
}

// identity decodes an identity; what is absent is null.
func (w *wire) identity(data *tfprotov6.ResourceIdentityData) tftypes.Value {
	if data == nil {
		data = &tfprotov6.ResourceIdentityData{}
	}
	return w.decode("identity", w.identityType, data.IdentityData)
}

func (w *wire) decode(what string, as tftypes.Type, data *tfprotov6.DynamicValue) tftypes.Value {
	if data != nil {
		v, err := data.Unmarshal(as)
		if err == nil {
			return v
		}
		internalError(&w.diags, "reading the "+what, err)
	}
	return tftypes.NewValue(as, nil)
}

// encode is nil for what cannot be encoded.
func (w *wire) encode(as tftypes.Type, v tftypes.Value) *tfprotov6.DynamicValue {
	data, err := tfprotov6.NewDynamicValue(as, v)
	if err != nil {
		internalError(&w.diags, "writing the answer", err)
		return nil
	}
	return &data
}

func (w *wire) encodeIdentity(v tftypes.Value) *tfprotov6.ResourceIdentityData {
	return &tfprotov6.ResourceIdentityData{IdentityData: w.encode(w.identityType, v)}
}

// named is a state that names a job, and tells no more.
func (w *wire) named(namespace, name string) *tfprotov6.DynamicValue {
	attributes := values{}
	for other, as := range w.stateType.AttributeTypes {
		attributes[other] = tftypes.NewValue(as, nil)
	}
	attributes["id"] = text(namespace + "/" + name)
	return w.encode(w.stateType, tftypes.NewValue(w.stateType, attributes))
}

// unknownIfComputed marks what is computed and not written as unknown.
func (w *wire) unknownIfComputed(proposed, config tftypes.Value) tftypes.Value {
	if proposed.IsNull() || config.IsNull() {
		return proposed
	}
	written, unknown := attributesOf(config), values{}
	for _, name := range w.computed {
		if written[name].IsNull() {
			unknown[name] = unknownOf(w.stateType.AttributeTypes[name])
		}
	}
	return with(proposed, unknown)
}

func (w *wire) private(data []byte) privateValues {
	private := privateValues{}
	if len(data) == 0 {
		return private
	}
	if err := json.Unmarshal(data, &private); err != nil {
		internalError(&w.diags, "reading private state", err)
		return privateValues{}
	}
	// What the framework has noted for itself is not of use any more.
	maps.DeleteFunc(private, func(key string, _ []byte) bool { return strings.HasPrefix(key, ".") })
	return private
}

func encodePrivate(p privateValues) []byte {
	if len(p) == 0 {
		return nil
	}
	data, _ := json.Marshal(p) // bytes can be written
	return data
}

// onWire are diagnostics as the protocol has them.
func onWire(diags tfdiag.Diagnostics) []*tfprotov6.Diagnostic {
	var out []*tfprotov6.Diagnostic
	for _, d := range diags {
		told := &tfprotov6.Diagnostic{
			Severity: tfprotov6.DiagnosticSeverityError,
			Summary:  d.Summary(),
			Detail:   d.Detail(),
		}
		if d.Severity() == tfdiag.SeverityWarning {
			told.Severity = tfprotov6.DiagnosticSeverityWarning
		}
		if at, ok := d.(tfdiag.DiagnosticWithPath); ok {
			told.Attribute = tftypes.NewAttributePath()
			for _, step := range at.Path().Steps() { // names, which is all that convert leaves
				told.Attribute = told.Attribute.WithAttributeName(step.String())
			}
		}
		out = append(out, told)
	}
	return out
}
