// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"
	"fmt"
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

// sourceParameters are what the functions that read a job file take.
func sourceParameters() []function.Parameter {
	return []function.Parameter{
		function.StringParameter{
			Name:                "source",
			MarkdownDescription: "Text of a job file.",
		},
		function.DynamicParameter{
			Name: "variables", AllowNullValue: true,
			MarkdownDescription: "Object with the values of the variables that the file declares; `{}` for none.",
		},
	}
}

// compileArguments reads and compiles the jobs of a job file. The error is
// about the parameter at fault.
func compileArguments(ctx context.Context, arguments function.ArgumentsData) ([]*engine.Compiled, *function.FuncError) {
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
	module, problems := lang.Load([]lang.Source{{Name: "source", Bytes: []byte(source.ValueString())}}, lang.Inputs{Values: in})
	if problems.HasErrors() {
		return nil, sourceError(problems, module)
	}
	var all []*engine.Compiled
	for _, body := range module.Bodies {
		compiled, more := engine.Compile(body.Value, ledger.Set{}, 1)
		problems = append(problems, diag.Resolve(more, body.Origin)...)
		all = append(all, compiled)
	}
	if problems.HasErrors() {
		return nil, sourceError(problems, module)
	}
	return all, nil
}

// sourceError shows every error with its place in the file; functions have no
// warnings.
func sourceError(problems hcl.Diagnostics, module *lang.Module) *function.FuncError {
	var parts []string
	for _, d := range diag.Sort(problems) {
		if d.Severity != hcl.DiagError {
			continue
		}
		place := ""
		if d.Subject != nil {
			place = diag.Excerpt(d.Subject, module.Files)
		}
		parts = append(parts, d.Summary+"\n"+place+d.Detail)
	}
	return function.NewArgumentFuncError(0, strings.Join(parts, "\n\n"))
}

// dynamic turns any JSON value into a Terraform value of the type that fits it.
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
		MarkdownDescription: "Returns the objects of the first run of every job in a job file, in a fixed order: template, data, run. " +
			"They are those that `terraform-provider-backfill compile` prints. No cluster is needed.",
		Parameters: sourceParameters(),
		Return:     function.DynamicReturn{},
	}
}

// Run implements function.Function.
func (compileFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	all, failed := compileArguments(ctx, req.Arguments)
	if failed != nil {
		resp.Error = failed
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
