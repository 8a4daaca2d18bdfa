// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"
)

// Every text arrives as it is, however it is written.
func TestTextsSurvive(t *testing.T) {
	fragment := rapid.OneOf(
		rapid.SampledFrom([]string{"$", "%", "$$", "%%", "{", "}", "${", "%{", "$${", "\n", "\n\n", "  ", "\t", "EOT",
			"\"", "\\", "\\n", "#", "é", "\u0300", "💥", "\u00a0", "\x00", "a", "~"}),
		rapid.String(),
	)
	rapid.Check(t, func(t *rapid.T) {
		var parts text
		want := ""
		for range rapid.IntRange(0, 8).Draw(t, "parts") {
			if rapid.Bool().Draw(t, "reference") {
				parts = parts.add(part{ref: "partition.start"})
				want += "<start>"
				continue
			}
			s := fragment.Draw(t, "literal")
			parts = parts.add(part{literal: s})
			want += s
		}
		l := layout{depth: rapid.IntRange(0, 8).Draw(t, "depth"), loose: rapid.Bool().Draw(t, "loose")}
		for _, written := range []expr{quoted(parts), lines(parts, l)} {
			source := hclwrite.Format([]byte("a = [\n" + string(written) + "\n]\n"))
			got := evaluate(t, source)
			if got != norm.NFC.String(want) && (!l.loose || got != norm.NFC.String(want)+"\n") {
				t.Fatalf("%q became\n%s\nwhich is %q", want, source, got)
			}
		}
	})
}

func evaluate(t *rapid.T, source []byte) string {
	file, diags := hclsyntax.ParseConfig(source, "a.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%s\n%s", diags, source)
	}
	attributes, diags := file.Body.JustAttributes()
	if diags.HasErrors() {
		t.Fatalf("%s\n%s", diags, source)
	}
	v, diags := attributes["a"].Expr.Value(&hcl.EvalContext{Variables: map[string]cty.Value{
		"partition": cty.ObjectVal(map[string]cty.Value{"start": cty.StringVal("<start>")}),
	}})
	if diags.HasErrors() {
		t.Fatalf("%s\n%s", diags, source)
	}
	return v.Index(cty.NumberIntVal(0)).AsString()
}

// Whatever is in a file, converting it ends, and what is made of it is a
// formatted file without errors of syntax.
func FuzzConvert(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if strings.HasSuffix(file.Name, ".yaml") || strings.HasSuffix(file.Name, ".json") {
				f.Add(file.Data)
			}
		}
	}
	f.Add([]byte("a: &a {b: c}\nd: {<<: *a}\ne: [*a, *a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		result, diags := Convert([]Input{{"a.yaml", data}})
		if diags.HasErrors() {
			if result.File != nil {
				t.Fatal("a file in spite of errors")
			}
			return
		}
		if _, diags := hclsyntax.ParseConfig(result.File, "a.hcl", hcl.InitialPos); diags.HasErrors() {
			t.Fatalf("%s\n%s", diags, result.File)
		}
		if again := hclwrite.Format(result.File); string(again) != string(result.File) {
			t.Fatalf("not formatted:\n%s", result.File)
		}
	})
}
