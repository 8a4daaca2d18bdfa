// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
)

var files = fstest.MapFS{
	"query.sql":  {Data: []byte("SELECT 1;\n")},
	"greet.tmpl": {Data: []byte("Hello ${name}!\n")},
	"broken":     {Data: []byte("a\n${nam}")},
	"deep":       {Data: []byte(strings.Repeat("${[", 1000))},
	"nested":     {Data: []byte(`${file("query.sql")}`)},
	"binary":     {Data: []byte("\xff")},
	"large":      {Data: make([]byte, lang.MaxFileSize+1)},
	"dir/x":      {Data: []byte("x")},
}

// reason evaluates an expression in a job.
func reason(expr string) (cty.Value, string) {
	src := "locals { x = " + expr + " }\njob \"a\" { reason = local.x }"
	m, diags := lang.Load(context.Background(), []lang.Source{{Name: "a.hcl", Bytes: []byte(src)}},
		lang.Inputs{Files: files})
	text := ""
	for _, d := range diags {
		text += d.Detail + "\n"
	}
	return m.Bodies[0].Value.GetAttr("reason"), text
}

func TestFileFunctions(t *testing.T) {
	for _, f := range lang.Functions() {
		if f.Group != "Files" {
			continue
		}
		got, problems := reason("tostring(" + f.Example + ")")
		want, _ := reason("tostring(" + f.Result + ")")
		if problems != "" || !got.RawEquals(want) {
			t.Errorf("%s gives %#v, %s; want %#v", f.Example, got, problems, want)
		}
	}
	for expr, want := range map[string]string{
		`file("../secret")`:              "outside the module's directory",
		`file("/etc/passwd")`:            "outside the module's directory",
		`file("dir/../../x")`:            "outside the module's directory",
		`file("none")`:                   `"none" cannot be read: file does not exist`,
		`file("dir")`:                    `"dir" cannot be read`,
		`file("binary")`:                 "is not UTF-8 text",
		`file("large")`:                  "is larger than 1048576 bytes",
		`templatefile("broken", {})`:     "broken:2:3: Unknown variable",
		`templatefile("deep", {})`:       "Nesting Too Deep",
		`templatefile("nested", {})`:     "There is no function named \"file\"",
		`templatefile("greet.tmpl", [])`: "must be an object or map",
	} {
		if v, problems := reason(expr); v.IsKnown() || !strings.Contains(problems, want) {
			t.Errorf("%s gives %#v, %s; want an error with %q", expr, v, problems, want)
		}
	}
	if v, problems := reason(`file("dir/./x")`); problems != "" || v.AsString() != "x" {
		t.Errorf("got %#v, %s", v, problems)
	}
}

// Values that double each other would fill the memory.
func TestGrowthOfLocalValuesIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("locals {\n  x0 = \"0123456789\"\n")
	for i := range 60 {
		b.WriteString(strings.NewReplacer("N", itoa(i+1), "M", itoa(i)).Replace("  xN = \"${local.xM}${local.xM}\"\n"))
	}
	b.WriteString("}\njob \"a\" {}\n")
	_, diags := lang.Load(context.Background(), []lang.Source{{Name: "a.hcl", Bytes: []byte(b.String())}}, lang.Inputs{})
	if len(diags) != 1 || diag.CodeOf(diags[0]) != diag.CodeHugeValue {
		t.Errorf("got %v", diags)
	}
}

func TestLongChainsOfLocalValuesAreRefused(t *testing.T) {
	var b strings.Builder
	b.WriteString("locals {\n  x0 = local.x1\n")
	for i := range 20_000 {
		b.WriteString("  x" + itoa(i+1) + " = local.x" + itoa(i+2) + "\n")
	}
	b.WriteString("  x20001 = 1\n}\njob \"a\" {}\n")
	_, diags := lang.Load(context.Background(), []lang.Source{{Name: "a.hcl", Bytes: []byte(b.String())}}, lang.Inputs{})
	if !diags.HasErrors() || diags[0].Summary != "Nesting Too Deep" {
		t.Errorf("got %v", diags)
	}
}

func TestSensitiveValuesDoNotReachMessages(t *testing.T) {
	src := `variable "s" {
  sensitive = true
  type = list(number)
}
variable "t" {
  sensitive = true
  validation {
    condition = var.t == "x"
    error_message = "It is ${var.t}."
  }
}
job "a" {
  reason = var.t
  max_parallel = var.t
}`
	m, diags := lang.Load(t.Context(), []lang.Source{{Name: "a.hcl", Bytes: []byte(src)}},
		lang.Inputs{
			Texts: map[string]string{"s": `["hunter2"`, "t": "hunter2"},
		})
	if !diags.HasErrors() {
		t.Fatal("no problems were found")
	}
	for _, d := range diags {
		if strings.Contains(d.Detail, "hunter2") {
			t.Errorf("the value is in: %s", d.Detail)
		}
	}
	for name, f := range m.Files {
		if strings.Contains(string(f.Bytes), "hunter2") {
			t.Errorf("the value is in the file %s", name)
		}
	}
}

func itoa(i int) string { return strconv.Itoa(i) }
