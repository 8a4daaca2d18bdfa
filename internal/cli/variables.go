// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
)

// inputs collects the values of variables from the flags.
func (a *app) inputs(f moduleFlags) (lang.Inputs, map[string]*hcl.File, hcl.Diagnostics, error) {
	in := lang.Inputs{Texts: map[string]string{}, Values: map[string]cty.Value{}}
	for _, text := range f.Var {
		name, value, ok := strings.Cut(text, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return in, nil, nil, usagef("--var takes name=value, not %q", text)
		}
		in.Texts[name] = value
	}
	parser := hclparse.NewParser()
	var diags hcl.Diagnostics
	for _, name := range f.VarFile {
		diags = append(diags, a.readVarFile(parser, name, in.Values)...)
	}
	return in, parser.Files(), diags, nil
}

// readVarFile adds the values of one file, which are literals: there is
// nothing they could refer to.
func (a *app) readVarFile(parser *hclparse.Parser, name string, values map[string]cty.Value) hcl.Diagnostics {
	data, err := a.read(name)
	if err != nil {
		return hcl.Diagnostics{unreadable(name, err)}
	}
	parse := parser.ParseHCL
	if strings.HasSuffix(name, ".json") {
		parse = parser.ParseJSON
	}
	file, diags := parse(data, name)
	if diags.HasErrors() {
		return diags
	}
	attributes, diags := file.Body.JustAttributes()
	for variable, attribute := range attributes {
		value, more := attribute.Expr.Value(nil)
		diags = append(diags, more...)
		if !more.HasErrors() {
			values[variable] = value
		}
	}
	return diags
}
