// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/msgpack"
)

// toCty converts a Terraform value. Both libraries write the same bytes, with
// unknowns and nulls, so there is no conversion of our own to get wrong.
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
