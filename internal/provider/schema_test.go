// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"encoding/json"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

func jobSchema(t *testing.T) resource.SchemaResponse {
	t.Helper()
	var resp resource.SchemaResponse
	newJobResource().Schema(t.Context(), resource.SchemaRequest{}, &resp)
	if diags := resp.Schema.ValidateImplementation(t.Context()); diags.HasError() {
		t.Fatal(diags)
	}
	return resp
}

// Terraform's type of the job's part is the table's own.
func TestSchemaIsTheTable(t *testing.T) {
	whole, ok := jobSchema(t).Schema.Type().TerraformType(t.Context()).(tftypes.Object)
	if !ok {
		t.Fatal("the resource's type is no object")
	}
	for _, row := range jobschema.Job() {
		got, err := json.Marshal(whole.AttributeTypes[row.Name])
		if err != nil {
			t.Fatal(err)
		}
		want, err := ctyjson.MarshalType(row.Type())
		if err != nil {
			t.Fatal(err)
		}
		if !equalJSON(t, got, want) {
			t.Errorf("%s is %s for Terraform and %s in the table", row.Name, got, want)
		}
	}
}

func equalJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &y); err != nil {
		t.Fatal(err)
	}
	left, _ := json.Marshal(x)
	right, _ := json.Marshal(y)
	return string(left) == string(right)
}

func TestEveryAttributeIsDocumented(t *testing.T) {
	for name, a := range jobSchema(t).Schema.Attributes {
		if a.GetMarkdownDescription() == "" && a.GetDescription() == "" {
			t.Errorf("%s has no description", name)
		}
	}
}

func providerSchema(t *testing.T) schema.Schema {
	t.Helper()
	var resp provider.SchemaResponse
	newProvider("test").Schema(t.Context(), provider.SchemaRequest{}, &resp)
	if diags := resp.Schema.ValidateImplementation(t.Context()); diags.HasError() {
		t.Fatal(diags)
	}
	return resp.Schema
}

func TestProviderSecretsAreSensitive(t *testing.T) {
	of := providerSchema(t)
	for _, name := range []string{"password", "token", "client_certificate", "client_key"} {
		if a := of.Attributes[name]; !a.IsSensitive() {
			t.Errorf("%s is not sensitive", name)
		}
	}
	exec, ok := of.Attributes["exec"].(schema.SingleNestedAttribute)
	if !ok || !exec.Attributes["env"].IsSensitive() {
		t.Error("exec.env is not sensitive")
	}
}
