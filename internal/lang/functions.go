// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/funcs"
)

// Functions lists every function of the language for the reference, including
// those that read files.
func Functions() []funcs.Function { return append(funcs.All(), (&budget{}).fileFunctions(nil)...) }

// functionTable contains the functions that expressions may call. Files is nil if
// there is no directory.
func (b *budget) functionTable(files fs.FS) map[string]function.Function {
	out := map[string]function.Function{}
	for _, f := range append(funcs.All(), b.fileFunctions(files)...) {
		out[f.Name] = b.meteredFunction(f)
	}
	return out
}

func (b *budget) fileFunctions(files fs.FS) []funcs.Function {
	const g = "Files"
	return []funcs.Function{
		{Name: "file", Group: g, Description: "Reads a text file from the module's directory.",
			Example: `file("query.sql")`, Result: `"SELECT 1;\n"`, Impl: fileFunction(files)},
		{Name: "fileexists", Group: g, Description: "Returns whether the module's directory contains a file.",
			Example: `fileexists("query.sql")`, Result: `true`, Impl: fileExistsFunction(files)},
		{Name: "templatefile", Group: g, Description: "Renders a file of the module's directory as a template with " +
			"variables.",
			Example: `templatefile("greet.tmpl", { name = "Zoë" })`, Result: `"Hello Zoë!\n"`,
			Impl: b.templateFileFunction(files)},
	}
}

var pathParameter = function.Parameter{Name: "path", Type: cty.String}

func fileFunction(files fs.FS) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{pathParameter},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			text, err := readText(files, args[0].AsString())
			return cty.StringVal(text), err
		},
	})
}

func fileExistsFunction(files fs.FS) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{pathParameter},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name, err := inModule(files, args[0].AsString())
			if err != nil {
				return cty.NilVal, err
			}
			info, err := fs.Stat(files, name)
			if errors.Is(err, fs.ErrNotExist) {
				return cty.False, nil
			}
			if err != nil {
				return cty.NilVal, function.NewArgErrorf(0, "%q cannot be accessed: %s", name, fsReason(err))
			}
			return cty.BoolVal(info.Mode().IsRegular()), nil
		},
	})
}

func (b *budget) templateFileFunction(files fs.FS) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{pathParameter, {Name: "variables", Type: cty.DynamicPseudoType}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name := args[0].AsString()
			if ty := args[1].Type(); !ty.IsObjectType() && !ty.IsMapType() {
				return cty.NilVal, function.NewArgErrorf(1, "must be an object or map of the template's variables")
			}
			text, err := readText(files, name)
			if err != nil {
				return cty.NilVal, err
			}
			return b.renderTemplate(name, text, args[1].AsValueMap())
		},
	})
}

func (b *budget) renderTemplate(name, text string, variables map[string]cty.Value) (cty.Value, error) {
	if d := guardTemplate(Source{Name: name, Bytes: []byte(text)}); d != nil {
		return cty.NilVal, templateError(name, hcl.Diagnostics{d})
	}
	expr, diags := hclsyntax.ParseTemplate([]byte(text), name, hcl.InitialPos)
	if diags.HasErrors() {
		return cty.NilVal, templateError(name, diags)
	}
	// Functions that read files are not available in a template: it could
	// include itself.
	table := map[string]function.Function{}
	for _, f := range funcs.All() {
		table[f.Name] = b.functions[f.Name]
	}
	if variables == nil {
		variables = map[string]cty.Value{} // nil would mean that none are allowed
	}
	v, diags := b.wrap(expr, used).Value(&hcl.EvalContext{Variables: variables, Functions: table})
	if diags.HasErrors() {
		return cty.NilVal, templateError(name, diags)
	}
	return v, nil
}

func templateError(name string, diags hcl.Diagnostics) error {
	d := diags[0]
	where := name
	if d.Subject != nil {
		where = fmt.Sprintf("%s:%d:%d", name, d.Subject.Start.Line, d.Subject.Start.Column)
	}
	return function.NewArgErrorf(0, "%s: %s: %s", where, d.Summary, strings.TrimSuffix(d.Detail, "."))
}

func readText(files fs.FS, name string) (string, error) {
	clean, err := inModule(files, name)
	if err != nil {
		return "", err
	}
	f, err := files.Open(clean)
	if err != nil {
		return "", function.NewArgErrorf(0, "%q cannot be read: %s", name, fsReason(err))
	}
	defer f.Close() //nolint:errcheck // it was only read
	data, err := io.ReadAll(io.LimitReader(f, MaxFileSize+1))
	switch {
	case err != nil:
		return "", function.NewArgErrorf(0, "%q cannot be read: %s", name, fsReason(err))
	case len(data) > MaxFileSize:
		return "", function.NewArgErrorf(0, "%q is larger than %d bytes", name, MaxFileSize)
	case !utf8.Valid(data):
		return "", function.NewArgErrorf(0, "%q is not UTF-8 text", name)
	}
	return string(data), nil
}

// inModule returns the path of a file below the module's directory.
func inModule(files fs.FS, name string) (string, error) {
	if files == nil {
		return "", function.NewArgErrorf(0, "files cannot be read here, because the module has no directory; pass the "+
			"text in a variable")
	}
	clean := path.Clean(name)
	if path.IsAbs(name) || !fs.ValidPath(clean) {
		return "", function.NewArgErrorf(0, "%q is outside the module's directory; only files inside it can be read", name)
	}
	return clean, nil
}

func fsReason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
