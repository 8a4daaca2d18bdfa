// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"
	"strings"

	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// wire decodes and encodes the values of one request, and notes what it cannot.
type wire struct {
	jobTypes
	diags tfdiag.Diagnostics
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

// identityOf is the identity of a job.
func (w *wire) identityOf(namespace, name string) tftypes.Value {
	return tftypes.NewValue(w.identityType, values{"namespace": text(namespace), "name": text(name)}.raw())
}

// only is an object of the resource's type that has one attribute.
func (w *wire) only(name string, value tftypes.Value) tftypes.Value {
	attributes := values{}
	for other, as := range w.stateType.AttributeTypes {
		attributes[other] = tftypes.NewValue(as, nil)
	}
	attributes[name] = value
	return tftypes.NewValue(w.stateType, attributes.raw())
}

// unknownIfComputed marks what is computed and not written as unknown.
func (w *wire) unknownIfComputed(proposed, config tftypes.Value) tftypes.Value {
	if proposed.IsNull() || config.IsNull() {
		return proposed
	}
	written, err := attributesOf(config)
	if err != nil {
		internalError(&w.diags, "reading the configuration", err)
		return proposed
	}
	unknown := values{}
	for _, name := range w.computed {
		if written[name].IsNull() {
			unknown[name] = tftypes.NewValue(w.stateType.AttributeTypes[name], tftypes.UnknownValue)
		}
	}
	merged, err := unknown.merge(proposed)
	if err != nil {
		internalError(&w.diags, "reading the plan", err)
	}
	return merged
}

// privateValues are the private state of a resource as the framework keeps it, which
// wrote it before.
type privateValues map[string][]byte

func (w *wire) private(data []byte) privateValues {
	private := privateValues{}
	if len(data) == 0 {
		return private
	}
	if err := json.Unmarshal(data, &private); err != nil {
		internalError(&w.diags, "reading private state", err)
		return privateValues{}
	}
	for key := range private {
		if strings.HasPrefix(key, ".") { // the framework's own
			delete(private, key)
		}
	}
	return private
}

func (w *wire) encodePrivate(p privateValues) []byte {
	if len(p) == 0 {
		return nil
	}
	data, err := json.Marshal(p)
	if err != nil {
		internalError(&w.diags, "writing private state", err)
	}
	return data
}

// GetKey implements privateReader.
func (p privateValues) GetKey(_ context.Context, key string) ([]byte, tfdiag.Diagnostics) {
	return p[key], nil
}

// SetKey implements privateWriter.
func (p privateValues) SetKey(_ context.Context, key string, value []byte) tfdiag.Diagnostics {
	p[key] = value
	return nil
}

// onWire are diagnostics as the protocol has them.
func onWire(diags tfdiag.Diagnostics) []*tfprotov6.Diagnostic {
	var out []*tfprotov6.Diagnostic
	for _, d := range diags {
		wire := &tfprotov6.Diagnostic{
			Severity: tfprotov6.DiagnosticSeverityError,
			Summary:  d.Summary(),
			Detail:   d.Detail(),
		}
		if d.Severity() == tfdiag.SeverityWarning {
			wire.Severity = tfprotov6.DiagnosticSeverityWarning
		}
		if at, ok := d.(tfdiag.DiagnosticWithPath); ok {
			wire.Attribute = onWirePath(at.Path())
		}
		out = append(out, wire)
	}
	return out
}

func onWirePath(p path.Path) *tftypes.AttributePath {
	out := tftypes.NewAttributePath()
	for _, step := range p.Steps() {
		switch s := step.(type) {
		case path.PathStepAttributeName:
			out = out.WithAttributeName(string(s))
		case path.PathStepElementKeyInt:
			out = out.WithElementKeyInt(int(s))
		case path.PathStepElementKeyString:
			out = out.WithElementKeyString(string(s))
		}
	}
	return out
}
