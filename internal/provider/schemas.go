// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/tfcheck"
)

// Schemas are the types of all that Terraform can configure here, as Terraform is told
// them.
func Schemas() (tfcheck.Schemas, error) {
	server, err := NewServer("")()
	if err != nil {
		return tfcheck.Schemas{}, err
	}
	told, err := server.GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return tfcheck.Schemas{}, err
	}
	out := tfcheck.Schemas{
		Provider: "backfill", Resources: map[string]cty.Type{}, DataSources: map[string]cty.Type{},
	}
	if out.Settings, err = typeOf(told.Provider); err != nil {
		return out, err
	}
	for name, schema := range told.ResourceSchemas {
		if out.Resources[name], err = typeOf(schema); err != nil {
			return out, err
		}
	}
	for name, schema := range told.DataSourceSchemas {
		if out.DataSources[name], err = typeOf(schema); err != nil {
			return out, err
		}
	}
	return out, nil
}

func typeOf(schema *tfprotov6.Schema) (cty.Type, error) {
	written, err := json.Marshal(schema.ValueType())
	if err != nil {
		return cty.NilType, fmt.Errorf("writing the type of a schema: %w", err)
	}
	ty, err := ctyjson.UnmarshalType(written)
	if err != nil {
		return cty.NilType, fmt.Errorf("reading the type of a schema: %w", err)
	}
	return ty, nil
}
