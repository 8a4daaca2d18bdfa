// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"runtime/debug"

	"github.com/hashicorp/hcl/v2"
	tfdiag "github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
)

// atAttributes converts diagnostics; those that have a path go to the
// attribute of the resource.
func atAttributes(diags hcl.Diagnostics) tfdiag.Diagnostics { return atSource(diags, nil, nil) }

// atSource converts diagnostics of a job file inside the configuration: all
// belong to the attribute `source`, and the detail shows the place in it.
func atSource(diags hcl.Diagnostics, module *lang.Module, origin lang.Origin) tfdiag.Diagnostics {
	if origin != nil {
		diags = diag.Resolve(diags, origin)
	}
	if module != nil {
		diags = diag.Sort(diags)
	}
	var out tfdiag.Diagnostics
	shown, omitted := diag.Capped(diags)
	for _, d := range shown {
		at, detail := attributePath(diag.PathOf(d)), d.Detail
		if module != nil && d.Subject != nil {
			at, detail = path.Root("source"), diag.Excerpt(d.Subject, module.Files)+d.Detail
		}
		out.Append(convert(d, at, detail))
	}
	if omitted > 0 {
		out.AddWarning("More Problems", diag.Omitted(omitted))
	}
	return out
}

// convert addresses a diagnostic to an attribute of the resource. Terraform finds
// the line of one, and shows it, but not of what is nested in one: the rest of the
// path is in the text.
func convert(d *hcl.Diagnostic, at path.Path, detail string) tfdiag.Diagnostic {
	code, nested := diag.CodeOf(d), at.String()
	if steps := at.Steps(); len(steps) > 1 {
		at = path.Empty()
		if name, ok := steps[0].(path.PathStepAttributeName); ok {
			at = path.Root(string(name))
		}
		code += " at " + nested
	}
	if code != "" {
		detail += " [" + code + "]"
	}
	isWarning := d.Severity == hcl.DiagWarning
	switch {
	case at.Equal(path.Empty()) && isWarning:
		return tfdiag.NewWarningDiagnostic(d.Summary, detail)
	case at.Equal(path.Empty()):
		return tfdiag.NewErrorDiagnostic(d.Summary, detail)
	case isWarning:
		return tfdiag.NewAttributeWarningDiagnostic(at, d.Summary, detail)
	default:
		return tfdiag.NewAttributeErrorDiagnostic(at, d.Summary, detail)
	}
}

// fault is an error of the registry at an attribute, or at path.Empty().
func fault(code string, at path.Path, format string, args ...any) tfdiag.Diagnostic {
	d := diag.At(code, nil, fmt.Sprintf(format, args...))
	return convert(d, at, d.Detail)
}

// warning is fault, as a warning.
func warning(code string, at path.Path, format string, args ...any) tfdiag.Diagnostic {
	d := diag.At(code, nil, fmt.Sprintf(format, args...))
	d.Severity = hcl.DiagWarning
	return convert(d, at, d.Detail)
}

// attributePath is the same place as seen by Terraform.
func attributePath(p cty.Path) path.Path {
	out := path.Empty()
	for _, step := range p {
		switch s := step.(type) {
		case cty.GetAttrStep:
			out = out.AtName(s.Name)
		case cty.IndexStep:
			if !s.Key.IsKnown() || s.Key.IsNull() {
				return out
			}
			switch s.Key.Type() {
			case cty.String:
				out = out.AtMapKey(s.Key.AsString())
			case cty.Number:
				i, _ := s.Key.AsBigFloat().Int64()
				out = out.AtListIndex(int(i))
			}
		}
	}
	return out
}

// asWarnings lowers errors to warnings. Terraform marks a resource whose
// creation reports an error as tainted and replaces it, which would run
// everything again; once the record exists, the next plan goes on instead.
// See internal/decisions/0026-create-and-update-only-submit.md.
func asWarnings(diags tfdiag.Diagnostics) tfdiag.Diagnostics {
	var out tfdiag.Diagnostics
	for _, d := range diags {
		if d.Severity() == tfdiag.SeverityError {
			d = tfdiag.NewWarningDiagnostic(d.Summary(), d.Detail()+
				"\n\nThe job is recorded in the cluster and in the state; the next plan proposes what is left.")
		}
		out.Append(d)
	}
	return out
}

// guard turns a panic into a diagnostic that says what was being done, and with
// which job or pool: the first that one of the objects names.
func guard(diags *tfdiag.Diagnostics, doing, what string, objects ...tftypes.Value) {
	if r := recover(); r != nil {
		diags.Append(fault(diag.CodeInternal, path.Empty(), "%s", panicked(doing+" "+called(what, objects), r)))
	}
}

// panicked words a panic, with the stack of whoever recovers it.
func panicked(doing string, reason any) string {
	return fmt.Sprintf("The provider failed while %s: %v. This is a fault of the provider, not of your configuration. "+
		"Please report it at https://github.com/terraform-backfill/terraform-provider-backfill/issues with the job and "+
		"these lines:\n\n%s", doing, reason, debug.Stack())
}

// called is a job or a pool by its name, where one of the objects tells that.
func called(what string, objects []tftypes.Value) string {
	for _, object := range objects {
		attributes := attributesOf(object)
		if id := stringOf(attributes["id"]); id != "" {
			return what + " " + id
		}
		for _, attribute := range []string{"name", "job"} {
			if name := stringOf(attributes[attribute]); name != "" {
				return what + " " + namespaceOf(stringOf(attributes["namespace"])) + "/" + name
			}
		}
	}
	return "a " + what
}

func internalError(diags *tfdiag.Diagnostics, doing string, err error) {
	diags.Append(fault(diag.CodeInternal, path.Empty(),
		"The provider failed while %s: %v. Please report this issue to the provider developers.", doing, err))
}
