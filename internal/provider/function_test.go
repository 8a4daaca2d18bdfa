// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	"golang.org/x/tools/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cli"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// call calls a function of the provider; the result is JSON.
func call(
	t *testing.T,
	name string,
	returns tftypes.Type,
	arguments ...*tfprotov6.DynamicValue,
) ([]byte, *tfprotov6.FunctionError) {
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
	module, diags := lang.Load(context.Background(),
		[]lang.Source{{Name: "a", Bytes: []byte(ordersFile)}},
		lang.Inputs{Texts: map[string]string{"last": "40"}},
	)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	compiled, diags := compile.Value(module.Bodies[0].Value, ledger.Set{}, 1)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	want, err := manifest.Encode(compiled.Objects(), "json")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the function gives\n%s\nand the compiler\n%s", got, want)
	}
}

// What the functions return is, byte for byte, what the command line prints of
// the same file, for every golden case of the language.
func TestFunctionsAreTheCommandLine(t *testing.T) {
	cases, err := filepath.Glob("../lang/testdata/values/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range cases {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sources, given, flags := map[string]string{}, map[string]tftypes.Value{}, []string{}
		for _, f := range archive.Files {
			switch {
			case strings.HasSuffix(f.Name, ".hcl"):
				sources[f.Name] = string(f.Data)
			case f.Name == "vars":
				for _, line := range strings.Fields(string(f.Data)) {
					name, value, _ := strings.Cut(line, "=")
					given[name], flags = text(value), append(flags, "--var", line)
				}
			}
		}
		if len(sources) != 1 { // a module of several files, or HCL's JSON form
			continue
		}
		for name, source := range sources {
			t.Run(name+" of "+filepath.Base(path), func(t *testing.T) {
				file := filepath.Join(t.TempDir(), name)
				if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
					t.Fatal(err)
				}
				arguments := []*tfprotov6.DynamicValue{
					encode(t, tftypes.String, text(source)),
					encode(t, tftypes.DynamicPseudoType, objectType(given)),
				}
				_, refused := call(t, "compile", tftypes.DynamicPseudoType, arguments...)
				if refused != nil { // for limits of the job's own
					code, _, stderr := command(t, append([]string{"compile", file}, flags...)...)
					if code != 1 || !strings.Contains(stderr, "[BF2241]") || !strings.Contains(refused.Text, "[BF2241]") {
						t.Errorf("the function says %s, and the command line %s", refused.Text, stderr)
					}
					return
				}
				for _, format := range []string{"json", "yaml"} {
					if d := cmp.Diff(
						printed(t, append([]string{"compile", "-o", format, file}, flags...)...),
						compiledBy(t, format, arguments),
					); d != "" {
						t.Errorf("as %s they differ:\n%s", format, d)
					}
				}
				comparePartitions(t, append([]string{file}, flags...), arguments)
			})
		}
	}
	data, failed := call(t, "job_schema", tftypes.String)
	if failed != nil {
		t.Fatal(failed.Text)
	}
	var got string
	if err := json.Unmarshal(data, &got); err != nil || strings.TrimSpace(got) != strings.TrimSpace(printed(t, "schema")) {
		t.Errorf("the schemas differ (%v)", err)
	}
}

// printed is what the command line prints.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := command(t, args...)
	if code != 0 {
		t.Fatalf("%q: exit code %d: %s", args, code, stderr)
	}
	return stdout
}

// command runs the command line.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, problems bytes.Buffer
	code = cli.Run(t.Context(), cli.Env{
		Name: "backfill", Args: args, Stdout: &out, Stderr: &problems,
		Getenv: func(string) string { return "" }, Environ: func() []string { return nil },
	})
	return code, out.String(), problems.String()
}

func objectType(given map[string]tftypes.Value) tftypes.Value {
	types := map[string]tftypes.Type{}
	for name, value := range given {
		types[name] = value.Type()
	}
	return tftypes.NewValue(tftypes.Object{AttributeTypes: types}, given)
}

// compiledBy is what the function compile returns, written as the command line
// writes objects.
func compiledBy(t *testing.T, format string, arguments []*tfprotov6.DynamicValue) string {
	t.Helper()
	data, failed := call(t, "compile", tftypes.DynamicPseudoType, arguments...)
	if failed != nil {
		t.Fatal(failed.Text)
	}
	var raw []any
	if err := utiljson.Unmarshal(data, &raw); err != nil { // keeps whole numbers whole
		t.Fatal(err)
	}
	var objects []manifest.Object
	for _, o := range raw {
		objects = append(objects, &unstructured.Unstructured{Object: o.(map[string]any)})
	}
	text, err := manifest.Encode(objects, format)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// comparePartitions compares what both list: jobs, keys, bounds, indices and
// shards. Of more than the function lists, and of bounds that are not known, it
// demands nothing.
func comparePartitions(t *testing.T, args []string, arguments []*tfprotov6.DynamicValue) {
	t.Helper()
	data, failed := call(t, "partitions", partitionsFunctionType(t), arguments...)
	if failed != nil &&
		(strings.Contains(failed.Text, "more than 10000") || strings.Contains(failed.Text, "come from its query")) {
		return
	}
	if failed != nil {
		t.Fatal(failed.Text)
	}
	type partition struct {
		Job, Key, Start, End string
		Index, Shard         int
	}
	var got, want []partition
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	for i, p := range got {
		if i > 0 && got[i-1].Job == p.Job {
			continue
		}
		lines := json.NewDecoder(
			strings.NewReader(
				printed(t, append([]string{"partitions", "--limit", "0", "-o", "json", "--job", p.Job}, args...)...),
			),
		)
		for lines.More() {
			one := partition{Job: p.Job}
			if err := lines.Decode(&one); err != nil {
				t.Fatal(err)
			}
			want = append(want, one)
		}
	}
	if d := cmp.Diff(want, got); d != "" || len(got) == 0 {
		t.Errorf("the partitions differ:\n%s", d)
	}
}

// Whoever calls a function although a part of an object is not known yet gets an
// unknown result where it depends on that, and an error where it cannot be right.
func TestFunctionsOfWhatIsNotKnownYet(t *testing.T) {
	unknownLast := tftypes.NewValue(tftypes.Object{AttributeTypes: map[string]tftypes.Type{"last": tftypes.Number}},
		map[string]tftypes.Value{"last": tftypes.NewValue(tftypes.Number, tftypes.UnknownValue)})
	for name, returns := range map[string]tftypes.Type{
		"compile": tftypes.DynamicPseudoType, "partitions": partitionsFunctionType(t),
	} {
		for source, wrong := range map[string]bool{
			ordersFile: false, strings.Replace(ordersFile, "size = 10", "size = 0", 1): true,
		} {
			resp, err := newServer(
				t,
			).CallFunction(t.Context(), &tfprotov6.CallFunctionRequest{Name: name, Arguments: []*tfprotov6.DynamicValue{
				encode(t, tftypes.String, text(source)), encode(t, tftypes.DynamicPseudoType, unknownLast),
			}})
			switch {
			case err != nil:
				t.Fatal(err)
			case wrong && (resp.Error == nil || !strings.Contains(resp.Error.Text, "Invalid Range [BF2103]\n  source:5:")):
				t.Errorf("%s: got %v", name, resp.Error)
			case !wrong && resp.Error != nil:
				t.Errorf("%s: %s", name, resp.Error.Text)
			case !wrong && decode(t, returns, resp.Result).IsKnown():
				t.Errorf("%s: the result is known", name)
			}
		}
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
	if failed == nil || failed.FunctionArgument == nil || *failed.FunctionArgument != 0 ||
		!strings.Contains(failed.Text, "source:8:") {
		t.Errorf("got %+v", failed)
	}
	arguments := sourceArguments(t, ordersFile, 40)
	arguments[1] = encode(t, tftypes.DynamicPseudoType, number(1))
	if _, failed = call(
		t,
		"compile",
		tftypes.DynamicPseudoType,
		arguments...); failed == nil ||
		*failed.FunctionArgument != 1 {
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
