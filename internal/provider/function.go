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

	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/decide"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
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
func compileArguments(ctx context.Context, arguments function.ArgumentsData, guarded bool) (all []*compile.Compiled,
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
		return nil, argumentError(1, err.Error())
	}
	in, err := variableValues(given)
	if err != nil {
		return nil, argumentError(1, err.Error())
	}
	module, problems := lang.Load(ctx, []lang.Source{{Name: "source", Bytes: []byte(source.ValueString())}},
		lang.Inputs{Values: in})
	if problems.HasErrors() {
		return nil, sourceError(problems, module)
	}
	for _, body := range module.Bodies {
		doing = fmt.Sprintf("compiling job %q", body.Name)
		compiled, more := compile.Value(body.Value, ledger.Set{}, 1)
		if guarded && compiled != nil {
			more = append(more, decide.Guard(state.Policy{}, compiled.Job, compiled.Spec.Template)...)
		}
		problems = append(problems, diag.Resolve(more, body.Origin)...)
		all = append(all, compiled)
	}
	if problems.HasErrors() {
		return nil, sourceError(problems, module)
	}
	return all, nil
}

// argumentError is about an argument, and functionError about none of them. Terraform
// puts a full stop behind the text of both.
func argumentError(argument int64, text string) *function.FuncError {
	return function.NewArgumentFuncError(argument, strings.TrimSuffix(text, "."))
}

func functionError(text string) *function.FuncError {
	return function.NewFuncError(strings.TrimSuffix(text, "."))
}

// guardFunction is guard for functions.
func guardFunction(failed **function.FuncError, doing *string) {
	if r := recover(); r != nil {
		*failed = functionError(panicked(*doing, r))
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
	return argumentError(0, strings.Join(parts, "\n\n"))
}

// dynamic converts what is JSON to a Terraform value of a matching type.
func dynamic(ctx context.Context, of any) (attr.Value, error) {
	data, err := json.Marshal(of)
	if err != nil {
		return nil, err
	}
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

// providerFunction is a function of the provider.
type providerFunction struct {
	name       string
	doing      string // what it does, for whoever reads of a panic
	definition function.Definition
	run        func(context.Context, function.ArgumentsData) (any, *function.FuncError)
}

// Metadata implements function.Function.
func (f *providerFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = f.name
}

// Definition implements function.Function.
func (f *providerFunction) Definition(
	_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse,
) {
	resp.Definition = f.definition
}

// Run implements function.Function.
func (f *providerFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	defer guardFunction(&resp.Error, &f.doing)
	result, failed := f.run(ctx, req.Arguments)
	if failed == nil {
		failed = resp.Result.Set(ctx, result)
	}
	resp.Error = failed
}

// newCompileFunction is provider::backfill::compile.
func newCompileFunction() function.Function {
	return &providerFunction{
		name:  "compile",
		doing: "returning the objects of a job file",
		run:   compileObjects,
		definition: function.Definition{
			Summary: "Compile a job file to Kubernetes objects",
			MarkdownDescription: "Returns the objects of the first run of every job in a job file, in a fixed order: " +
				"template, data, run. " +
				"These are the objects that `terraform-provider-backfill compile` prints. No cluster is needed. A job that " +
				"exceeds its own `limits` is an error.",
			Parameters: sourceParameters(),
			Return:     function.DynamicReturn{},
		},
	}
}

func compileObjects(ctx context.Context, arguments function.ArgumentsData) (any, *function.FuncError) {
	all, failed := compileArguments(ctx, arguments, true)
	if failed != nil {
		return nil, failed
	}
	if slices.Contains(all, nil) {
		return types.DynamicUnknown(), nil
	}
	objects := []any{}
	for _, compiled := range all {
		for _, o := range compiled.Objects() {
			objects = append(objects, o.Object)
		}
	}
	result, err := dynamic(ctx, objects)
	if err != nil {
		return nil, functionError(err.Error())
	}
	return result, nil
}
