// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package diag

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

func TestCodesAreUniqueAndExplained(t *testing.T) {
	codes, summaries := map[string]bool{}, map[string]bool{}
	for _, i := range Codes() {
		if codes[i.Code] || summaries[i.Summary] {
			t.Errorf("%s %q is there twice", i.Code, i.Summary)
		}
		codes[i.Code], summaries[i.Summary] = true, true
		if !strings.HasSuffix(i.Cause, ".") || !strings.HasSuffix(i.Fix, ".") {
			t.Errorf("%s lacks a sentence of cause or fix: %q; %q", i.Code, i.Cause, i.Fix)
		}
		for _, word := range strings.Fields(i.Summary) {
			if strings.ToLower(word[:1]) == word[:1] {
				t.Errorf("%s: %q is not in title case", i.Code, i.Summary)
			}
		}
	}
	if !slices.IsSortedFunc(Codes(), func(a, b Info) int { return strings.Compare(a.Code, b.Code) }) {
		t.Error("the codes are not in ascending order")
	}
}

func at(line, column int) *hcl.Range {
	return &hcl.Range{Filename: "a.hcl", Start: hcl.Pos{Line: line, Column: column}}
}

func TestSortIsBySourceAndStable(t *testing.T) {
	mk := func(name string, subject *hcl.Range) *hcl.Diagnostic {
		return &hcl.Diagnostic{Summary: name, Subject: subject}
	}
	other := at(1, 1)
	other.Filename = "b.hcl"
	diags := hcl.Diagnostics{mk("6", nil), mk("5", other), mk("3", at(2, 1)), mk("1", at(1, 9)), mk("4", at(2, 1)),
		mk("2", at(1, 10)), mk("7", nil)}
	got := ""
	for _, d := range Sort(diags) {
		got += d.Summary
	}
	if got != "1234567" {
		t.Errorf("got %s", got)
	}
}

func TestAtMostAHundredAreShown(t *testing.T) {
	var diags hcl.Diagnostics
	for i := range 150 {
		diags = append(diags, Warning("BF1001", nil, "W", fmt.Sprintf("warning %d.", i)))
	}
	for i := range 60 {
		diags = append(diags, Error("BF1002", nil, "E", fmt.Sprintf("error %d.", i)))
	}
	var b bytes.Buffer
	if err := WriteText(&b, diags, nil, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if n := strings.Count(text, "Error: "); n != 60 {
		t.Errorf("%d errors are shown; want all 60", n)
	}
	if n := strings.Count(text, "Warning: "); n != 40 {
		t.Errorf("%d warnings are shown; want 40", n)
	}
	if !strings.HasSuffix(text, "\n110 more problems are not shown. Correct these first.\n") {
		t.Errorf("the count is missing: …%s", text[len(text)-100:])
	}
	r := NewReport(diags, nil)
	if len(r.Diagnostics) != 100 || r.Omitted != 110 || r.ErrorCount != 60 || r.WarningCount != 150 || r.Valid {
		t.Errorf("the report has %d, %d, %d, %d, %v", len(r.Diagnostics), r.Omitted, r.ErrorCount, r.WarningCount, r.Valid)
	}
}

func TestWriters(t *testing.T) {
	src := []byte("job \"a\" {\n\treason = \"漢字 💥\", x\n}\n")
	file, _ := hclsyntax.ParseConfig(src, "a.hcl", hcl.InitialPos)
	files := map[string]*hcl.File{"a.hcl": file}
	x := bytes.LastIndexByte(src, 'x')
	d := InSource(CodeUnknownAttr, hcl.Range{
		Filename: "a.hcl", Start: hcl.Pos{Line: 2, Column: 20, Byte: x}, End: hcl.Pos{Line: 2, Column: 21, Byte: x + 1},
	}, "First line of several words.\n\n    command")
	byPath := At(CodeName, cty.GetAttrPath("runner").GetAttr("env").IndexString("A").GetAttr("x").IndexInt(3),
		"Elsewhere.")
	var b bytes.Buffer
	if err := WriteText(&b, hcl.Diagnostics{d, byPath}, files, TextOptions{Width: 20}); err != nil {
		t.Fatal(err)
	}
	want := "Error: Unknown Attribute [BF1102]\n\n" +
		"  a.hcl:2:20, in job \"a\"\n" +
		"     2 | \treason = \"漢字 💥\", x\n" +
		"       | \t                    ^\n\n" +
		"  First line of\n  several words.\n\n      command\n\n" +
		"Error: Invalid Name [BF2001]\n\n" +
		"  at runner.env[\"A\"].x[3]\n\n" +
		"  Elsewhere.\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
	b.Reset()
	if err := WriteJSON(&b, hcl.Diagnostics{d, byPath}, files); err != nil {
		t.Fatal(err)
	}
	wantJSON := `{
  "format_version": "1.0",
  "valid": false,
  "error_count": 2,
  "warning_count": 0,
  "diagnostics": [
    {
      "severity": "error",
      "code": "BF1102",
      "summary": "Unknown Attribute",
      "detail": "First line of several words.\n\n    command",
      "range": {
        "filename": "a.hcl",
        "start": {
          "line": 2,
          "column": 20,
          "byte": 35
        },
        "end": {
          "line": 2,
          "column": 21,
          "byte": 36
        }
      },
      "snippet": {
        "context": "job \"a\"",
        "code": "\treason = \"漢字 💥\", x",
        "start_line": 2,
        "highlight_start_offset": 25,
        "highlight_end_offset": 26
      }
    },
    {
      "severity": "error",
      "code": "BF2001",
      "summary": "Invalid Name",
      "detail": "Elsewhere.",
      "path": "runner.env[\"A\"].x[3]"
    }
  ]
}
`
	if diff := cmp.Diff(wantJSON, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestDidYouMean(t *testing.T) {
	for given, want := range map[string]string{
		"max_paralel": ` Did you mean "max_parallel"?`,
		"Retry":       ` Did you mean "retry"?`,
		"max":         ` Did you mean "max_parallel"?`,
		"rn":          "",
		"zzzzzz":      "",
		"":            "",
	} {
		if got := DidYouMean(given, []string{"retry", "max_parallel", "runner"}); got != want {
			t.Errorf("DidYouMean(%q) = %q; want %q", given, got, want)
		}
	}
}
