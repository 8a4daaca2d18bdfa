// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// sourceParameters are the parameters of functions that read a job file.
func sourceParameters() []function.Parameter {
	return []function.Parameter{
		function.StringParameter{
			Name:                "source",
			MarkdownDescription: "Text of a job file.",
		},
		function.DynamicParameter{
			Name: "variables", AllowNullValue: true,
			MarkdownDescription: "Object with the values of the variables of the file; `{}` for none.",
		},
	}
}

// compileArguments reads and compiles the jobs of a job file. The error names the
// wrong parameter. A job is nil if a value that it needs is not known yet: Terraform
// 1.11 does not call functions then, but the protocol does not guarantee it. guarded
// rejects jobs that exceed their own limits.
func compileArguments(ctx context.Context, arguments function.ArgumentsData, guarded bool) (all []*engine.Compiled,
	failed *function.FuncError) {
	doing := "reading a job file"
	defer guardFunction(&failed, &doing)
	var source types.String
	var variables types.Dynamic
	if err := arguments.Get(ctx, &source, &variables); err != nil {
		return nil, err
	}
	given, err := variables.ToTerraformValue(ctx)
	if err != nil {
		return nil, function.NewArgumentFuncError(1, err.Error())
	}
	in, err := variableValues(given)
	if err != nil {
		return nil, function.NewArgumentFuncError(1, err.Error())
	}
	module, problems := lang.Load([]lang.Source{{Name: "source", Bytes: []byte(source.ValueString())}},
		lang.Inputs{Values: in})
	if problems.HasErrors() {
		return nil, sourceError(problems, module)
	}
	for _, body := range module.Bodies {
		doing = fmt.Sprintf("compiling job %q", body.Name)
		compiled, more := engine.Compile(body.Value, ledger.Set{}, 1)
		if guarded && compiled != nil {
			more = append(more, engine.Guard(compiled, engine.Policy{})...)
		}
		problems = append(problems, diag.Resolve(more, body.Origin)...)
		all = append(all, compiled)
	}
	if problems.HasErrors() {
		return nil, sourceError(problems, module)
	}
	return all, nil
}

// guardFunction is guard for functions.
func guardFunction(failed **function.FuncError, doing *string) {
	if r := recover(); r != nil {
		*failed = function.NewFuncError(panicked(*doing, r))
	}
}

// sourceError shows every error with its location in the file. Functions have no
// warnings.
func sourceError(problems hcl.Diagnostics, module *lang.Module) *function.FuncError {
	var parts []string
	problems = slices.DeleteFunc(problems, func(d *hcl.Diagnostic) bool { return d.Severity != hcl.DiagError })
	shown, omitted := diag.Capped(diag.Sort(problems))
	for _, d := range shown {
		place := ""
		if d.Subject != nil {
			place = diag.Excerpt(d.Subject, module.Files)
		}
		parts = append(parts, fmt.Sprintf("%s [%s]\n%s%s", d.Summary, diag.CodeOf(d), place, d.Detail))
	}
	if omitted > 0 {
		parts = append(parts, diag.Omitted(omitted))
	}
	return function.NewArgumentFuncError(0, strings.Join(parts, "\n\n"))
}

// dynamic converts any JSON value to a Terraform value of a matching type.
func dynamic(ctx context.Context, data []byte) (attr.Value, error) {
	ty, err := ctyjson.ImpliedType(data)
	if err != nil {
		return nil, fmt.Errorf("reading JSON: %w", err)
	}
	value, err := ctyjson.Unmarshal(data, ty)
	if err != nil {
		return nil, fmt.Errorf("reading JSON: %w", err)
	}
	converted, err := fromCty(value, cty.DynamicPseudoType, tftypes.DynamicPseudoType)
	if err != nil {
		return nil, err
	}
	return types.DynamicType.ValueFromTerraform(ctx, converted)
}

var _ function.Function = compileFunction{}

// compileFunction is provider::backfill::compile.
type compileFunction struct{}

func newCompileFunction() function.Function { return compileFunction{} }

// Metadata implements function.Function.
func (compileFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "compile"
}

// Definition implements function.Function.
func (compileFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Compile a job file to Kubernetes objects",
		MarkdownDescription: "Returns the objects of the first run of every job in a job file, in a fixed order: " +
			"template, data, run. " +
			"These are the objects that `terraform-provider-backfill compile` prints. No cluster is needed. A job that " +
			"exceeds its own `limits` is an error.",
		Parameters: sourceParameters(),
		Return:     function.DynamicReturn{},
	}
}

// Run implements function.Function.
func (compileFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	defer guardFunction(&resp.Error, new("returning the objects of a job file"))
	all, failed := compileArguments(ctx, req.Arguments, true)
	if failed != nil {
		resp.Error = failed
		return
	}
	if slices.Contains(all, nil) {
		resp.Error = resp.Result.Set(ctx, types.DynamicUnknown())
		return
	}
	objects := []any{}
	for _, compiled := range all {
		for _, o := range compiled.Objects {
			objects = append(objects, o.Object)
		}
	}
	resp.Error = setJSONResult(ctx, resp, objects)
}

func setJSONResult(ctx context.Context, resp *function.RunResponse, value any) *function.FuncError {
	data, err := json.Marshal(value)
	if err != nil {
		return function.NewFuncError(err.Error())
	}
	result, err := dynamic(ctx, data)
	if err != nil {
		return function.NewFuncError(err.Error())
	}
	return resp.Result.Set(ctx, result)
}
