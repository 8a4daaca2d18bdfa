// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// call calls a function of the provider; the result is JSON.
func call(t *testing.T, name string, returns tftypes.Type, arguments ...*tfprotov6.DynamicValue) ([]byte, *tfprotov6.FunctionError) {
	t.Helper()
	server := newServer(t)
	resp, err := server.CallFunction(t.Context(), &tfprotov6.CallFunctionRequest{Name: name, Arguments: arguments})
	if err != nil {
		t.Fatal(err)
	}
	if resp.Error != nil {
		return nil, resp.Error
	}
	value, err := toCty(decode(t, returns, resp.Result), tftypes.DynamicPseudoType, cty.DynamicPseudoType)
	if err != nil {
		t.Fatal(err)
	}
	data, err := ctyjson.Marshal(value, value.Type())
	if err != nil {
		t.Fatal(err)
	}
	return data, nil
}

func sourceArguments(t *testing.T, source string, last int64) []*tfprotov6.DynamicValue {
	t.Helper()
	return []*tfprotov6.DynamicValue{
		encode(t, tftypes.String, text(source)),
		encode(t, tftypes.DynamicPseudoType, variables(map[string]int64{"last": last})),
	}
}

// The function returns what the command line prints.
func TestCompileFunctionIsTheCompiler(t *testing.T) {
	data, failed := call(t, "compile", tftypes.DynamicPseudoType, sourceArguments(t, ordersFile, 40)...)
	if failed != nil {
		t.Fatal(failed.Text)
	}
	var raw []map[string]any
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatal(err)
	}
	var objects []manifest.Object
	for _, o := range raw {
		objects = append(objects, &unstructured.Unstructured{Object: o})
	}
	got, err := manifest.Encode(objects, "json")
	if err != nil {
		t.Fatal(err)
	}
	module, diags := lang.Load([]lang.Source{{Name: "a", Bytes: []byte(ordersFile)}}, lang.Inputs{Texts: map[string]string{"last": "40"}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	compiled, diags := engine.Compile(module.Bodies[0].Value, ledger.Set{}, 1)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	want, err := manifest.Encode(compiled.Objects, "json")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the function gives\n%s\nand the compiler\n%s", got, want)
	}
}

func TestPartitionsFunction(t *testing.T) {
	returns := partitionsFunctionType(t)
	data, failed := call(t, "partitions", returns, sourceArguments(t, ordersFile, 15)...)
	if failed != nil {
		t.Fatal(failed.Text)
	}
	const want = `[{"dimensions":null,"end":"10","index":0,"job":"orders","key":"0--10","shard":0,"start":"0"},` +
		`{"dimensions":null,"end":"15","index":1,"job":"orders","key":"10--15","shard":0,"start":"10"}]`
	if string(data) != want {
		t.Errorf("got  %s\nwant %s", data, want)
	}
	_, failed = call(t, "partitions", returns, sourceArguments(t, ordersFile, 200_000)...)
	if failed == nil || !strings.Contains(failed.Text, "more than 10000 partitions") {
		t.Errorf("a long list gave %v", failed)
	}
}

func partitionsFunctionType(t *testing.T) tftypes.Type {
	t.Helper()
	server := newServer(t)
	resp, err := server.GetFunctions(t.Context(), &tfprotov6.GetFunctionsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Functions["partitions"].Return.Type
}

func TestFunctionErrorsShowTheirPlace(t *testing.T) {
	broken := strings.Replace(ordersFile, "image ", "imagine", 1)
	_, failed := call(t, "compile", tftypes.DynamicPseudoType, sourceArguments(t, broken, 40)...)
	if failed == nil || failed.FunctionArgument == nil || *failed.FunctionArgument != 0 || !strings.Contains(failed.Text, "source:8:") {
		t.Errorf("got %+v", failed)
	}
	arguments := sourceArguments(t, ordersFile, 40)
	arguments[1] = encode(t, tftypes.DynamicPseudoType, number(1))
	if _, failed = call(t, "compile", tftypes.DynamicPseudoType, arguments...); failed == nil || *failed.FunctionArgument != 1 {
		t.Errorf("got %+v", failed)
	}
}

func TestSchemaFunction(t *testing.T) {
	data, failed := call(t, "job_schema", tftypes.String)
	if failed != nil {
		t.Fatal(failed.Text)
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		t.Fatal(err)
	}
	if !json.Valid([]byte(text)) || !strings.Contains(text, `"max_parallel"`) {
		t.Error("the result is not the schema")
	}
}
