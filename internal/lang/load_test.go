// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/tools/txtar"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
)

// What a txtar file cannot hold.
func TestFilesThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		src  string
		want string
	}{
		"not UTF-8": {"a.hcl", "job \"é\" {\n  reason = \"\xff\"\n}", `Error: Invalid File Encoding [BF1001]

  a.hcl:2:13

  The byte 0xFF is not valid UTF-8. Save the file as UTF-8.
`},
		"ten megabytes": {"a.hcl", strings.Repeat("# comment\n", 1<<20), `Error: File Too Large [BF1002]

  a.hcl:1:1

  The file has 10485760 bytes; the maximum is 1048576. Describe the keys with a range, or pass the data to the runner in another way.
`},
		"brackets":  {"a.hcl", "a = " + strings.Repeat("[", 1000), nestedAt("a.hcl:1:205")},
		"templates": {"a.hcl", "a = " + strings.Repeat(`"${`, 1000), nestedAt("a.hcl:1:305")},
		"negations": {"a.hcl", "a = " + strings.Repeat("!", 1000), nestedAt("a.hcl:1:205")},
		"conditionals": {"a.hcl", "a = " + strings.Repeat("a?a:", 10_001), `Error: Nesting Too Deep [BF1004]

  a.hcl:1:10006

  More than 5000 operators are in a row in this expression. Split it with local values.
`},
		"JSON": {"a.json", `{"a":` + strings.Repeat("[", 1000), nestedAt("a.json:1:205")},
	} {
		t.Run(name, func(t *testing.T) {
			m, diags := lang.Load(context.Background(), []lang.Source{{Name: c.file, Bytes: []byte(c.src)}}, lang.Inputs{})
			var b bytes.Buffer
			if err := diag.WriteText(&b, diags, m.Files, diag.TextOptions{}); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, b.String()); d != "" {
				t.Error(d)
			}
		})
	}
}

func nestedAt(place string) string {
	return `Error: Nesting Too Deep [BF1004]

  ` + place + `

  More than 200 brackets or operators are nested here. Split the expression with local values.
`
}

func TestTextsWinOverValuesOverDefaults(t *testing.T) {
	src := []byte(`
variable "a" { default = "default" }
variable "b" { default = "default" }
variable "c" { default = "default" }
variable "d" { type = list(number) }
job "x" {
  reason = "${var.a} ${var.b} ${var.c} ${var.d[1]}"
}`)
	m, diags := lang.Load(t.Context(), []lang.Source{{Name: "a.hcl", Bytes: src}},
		lang.Inputs{
			Texts:  map[string]string{"a": "text", "d": "[1, 2]"},
			Values: map[string]cty.Value{"a": cty.StringVal("value"), "b": cty.StringVal("value")},
		})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if got, want := m.Bodies[0].Value.GetAttr("reason"), cty.StringVal("text value default 2"); !got.RawEquals(want) {
		t.Errorf("got %#v; want %#v", got, want)
	}
}

func TestUnknownVariablesStayUnknown(t *testing.T) {
	src := []byte(`
variable "n" { type = number }
variable "o" { type = object({ cpu = string }) }
variable "any" {}
job "x" {
  partition { range = { start = 1, end = var.n, size = 10 } }
  runner {
    image     = "busybox:${var.any}"
    command   = var.any
    args      = ["${var.any}", "${var.any}-${partition.start}", "known"]
    resources = var.o
  }
}`)
	m, diags := lang.Load(t.Context(), []lang.Source{{Name: "a.hcl", Bytes: src}},
		lang.Inputs{Values: map[string]cty.Value{
			"n": cty.UnknownVal(cty.Number), "any": cty.DynamicVal,
			"o": cty.ObjectVal(map[string]cty.Value{"cpu": cty.UnknownVal(cty.String)}),
		}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	v := m.Bodies[0].Value
	runner := v.GetAttr("runner")
	for name, known := range map[string]bool{"image": false, "command": false, "args": true, "resources": true} {
		if runner.GetAttr(name).IsKnown() != known {
			t.Errorf("runner.%s is %#v", name, runner.GetAttr(name))
		}
	}
	for i, known := range []bool{false, false, true} {
		if e := runner.GetAttr("args").Index(cty.NumberIntVal(int64(i))); e.IsKnown() != known {
			t.Errorf("runner.args[%d] is %#v", i, e)
		}
	}
	if v.GetAttr("partition").GetAttr("range").GetAttr("end").IsKnown() {
		t.Error("the end of the range is known")
	}
	if j, diags := job.Decode(v); j != nil || diags.HasErrors() {
		t.Errorf("Decode gave %v, %v", j, diags)
	}
}

// seeds are the files of the golden cases.
func seeds(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*/*.txtar")
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range txtar.Parse(data).Files {
			if strings.HasSuffix(file.Name, ".hcl") || strings.HasSuffix(file.Name, ".json") {
				f.Add(strings.HasSuffix(file.Name, ".json"), string(file.Data))
			}
		}
	}
}

func FuzzLoad(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, isJSON bool, src string) {
		name := "a.hcl"
		if isJSON {
			name = "a.json"
		}
		m, jobs, diags := check([]lang.Source{{Name: name, Bytes: []byte(src)}}, lang.Inputs{})
		for _, d := range diags {
			if diag.CodeOf(d) == "" || d.Detail == "" {
				t.Errorf("a diagnostic lacks its code or explanation: %#v", d)
			}
		}
		var b bytes.Buffer
		if err := diag.WriteText(&b, diags, m.Files, diag.TextOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := diag.WriteJSON(&b, diags, m.Files); err != nil {
			t.Fatal(err)
		}
		for i, j := range jobs {
			if j == nil {
				continue
			}
			c, err := job.Canonical(m.Bodies[i].Value)
			if err != nil {
				t.Fatal(err)
			}
			again, err := job.ParseCanonical(c)
			if err != nil || !again.RawEquals(m.Bodies[i].Value) {
				t.Fatalf("%s was read back as %#v, %v", c, again, err)
			}
		}
	})
}
