// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"maps"
	"math/big"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/msgpack"

	escape "github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// values are some attributes of an object.
type values = map[string]tftypes.Value

func text(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }

// told is a sentence for people, which may hold text of a pod or of the cluster.
func told(s string) tftypes.Value { return text(escape.Escape(s)) }

// orNull is a text, or null if it is empty.
func orNull(s string) tftypes.Value {
	if s == "" {
		return tftypes.NewValue(tftypes.String, nil)
	}
	return text(s)
}

// number is a number, or null for nil.
func number[N int | int64 | *int](n N) tftypes.Value { return tftypes.NewValue(tftypes.Number, n) }

func noNumber() tftypes.Value { return tftypes.NewValue(tftypes.Number, nil) }

func unknownOf(as tftypes.Type) tftypes.Value { return tftypes.NewValue(as, tftypes.UnknownValue) }

// objectOf is an object of these attributes alone.
func objectOf(attributes values) tftypes.Value {
	types := make(map[string]tftypes.Type, len(attributes))
	for name, v := range attributes {
		types[name] = v.Type()
	}
	return tftypes.NewValue(tftypes.Object{AttributeTypes: types}, attributes)
}

// listOf is a list, also of no elements, whose type follows from what an element is
// made into.
func listOf[T any](all []T, element func(T) tftypes.Value) tftypes.Value {
	var none T
	elements := make([]tftypes.Value, len(all))
	for i, one := range all {
		elements[i] = element(one)
	}
	return tftypes.NewValue(tftypes.List{ElementType: element(none).Type()}, elements)
}

// with is an object with some attributes replaced.
func with(object tftypes.Value, changes values) tftypes.Value {
	attributes := attributesOf(object)
	maps.Copy(attributes, changes)
	return tftypes.NewValue(object.Type(), attributes)
}

// filled is a planned value with what is unknown of it taken from what was found;
// an object part by part.
func filled(planned, found tftypes.Value) tftypes.Value {
	switch {
	case planned.IsFullyKnown():
		return planned
	case !planned.IsKnown() || !planned.Type().Is(tftypes.Object{}) || found.IsNull():
		return found
	}
	parts, instead := attributesOf(planned), attributesOf(found)
	for name, part := range parts {
		parts[name] = filled(part, instead[name])
	}
	return tftypes.NewValue(planned.Type(), parts)
}

// held is what a value holds; the zero value for null, unknown and other types.
func held[T any](v tftypes.Value) (out T) {
	if v.IsKnown() && !v.IsNull() {
		_ = v.As(&out) // of another type it is not there
	}
	return out
}

// attributesOf returns a copy of the attributes of an object, or the elements of a
// map; none when null or unknown.
func attributesOf(object tftypes.Value) values {
	copied := values{}
	maps.Copy(copied, held[values](object))
	return copied
}

// stringOf is a text attribute; "" when null or unknown.
func stringOf(v tftypes.Value) string { return held[string](v) }

// stringsOf is a list of texts; nil when null or unknown.
func stringsOf(v tftypes.Value) []string {
	var out []string
	for _, e := range held[[]tftypes.Value](v) {
		out = append(out, stringOf(e))
	}
	return out
}

// intOf is a number attribute; 0 when null or unknown.
func intOf(v tftypes.Value) int64 {
	f := held[big.Float](v)
	n, _ := f.Int64()
	return n
}

// boolOf is a bool attribute; nil when null or unknown.
func boolOf(v tftypes.Value) *bool { return held[*bool](v) }

func isTrue(v tftypes.Value) bool { return held[bool](v) }

// namespaceOf is a namespace as written, or the default one.
func namespaceOf(written string) string {
	if written == "" {
		return defaultOf("namespace")
	}
	return written
}

// toCty converts a Terraform value. Both libraries write the same bytes, with
// unknowns and nulls, so there is no conversion of our own to get wrong.
// See internal/decisions/0035-two-faces-one-value.md.
func toCty(v tftypes.Value, as tftypes.Type, want cty.Type) (cty.Value, error) {
	wire, err := tfprotov6.NewDynamicValue(as, v)
	if err != nil {
		return cty.NilVal, fmt.Errorf("encoding a Terraform value: %w", err)
	}
	out, err := msgpack.Unmarshal(wire.MsgPack, want)
	if err != nil {
		return cty.NilVal, fmt.Errorf("decoding a Terraform value: %w", err)
	}
	return out, nil
}

// fromCty is the way back.
func fromCty(v cty.Value, as cty.Type, want tftypes.Type) (tftypes.Value, error) {
	data, err := msgpack.Marshal(v, as)
	if err != nil {
		return tftypes.Value{}, fmt.Errorf("encoding a job: %w", err)
	}
	out, err := tfprotov6.DynamicValue{MsgPack: data}.Unmarshal(want)
	if err != nil {
		return tftypes.Value{}, fmt.Errorf("decoding a job: %w", err)
	}
	return out, nil
}
