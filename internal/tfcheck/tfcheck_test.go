// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package tfcheck_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/tfcheck"
)

var schemas = tfcheck.Schemas{
	Provider: "backfill",
	Settings: cty.Object(map[string]cty.Type{
		"host": cty.String, "exec": cty.Object(map[string]cty.Type{"command": cty.String}),
	}),
	Resources: map[string]cty.Type{"backfill_job": cty.Object(map[string]cty.Type{
		"name":   cty.String,
		"canary": cty.Object(map[string]cty.Type{"partitions": cty.Number, "approve": cty.String}),
		"runner": cty.Object(map[string]cty.Type{
			"image": cty.String,
			"env":   cty.Map(cty.String),
			"from":  cty.Map(cty.Object(map[string]cty.Type{"secret": cty.String})),
			"volumes": cty.List(cty.Object(map[string]cty.Type{
				"name": cty.String, "empty_dir": cty.Object(map[string]cty.Type{"memory": cty.Bool}),
			})),
			"patch": cty.DynamicPseudoType,
		}),
	})},
	DataSources: map[string]cty.Type{"backfill_job": cty.Object(map[string]cty.Type{"name": cty.String})},
}

// job is a resource with these lines; the first is line 2.
func job(lines string) string {
	return "resource \"backfill_job\" \"a\" {\n" + lines + "\n}\n"
}

// Each text is checked, and the problems are those given, as line:column and words.
func TestNamesAreChecked(t *testing.T) {
	for _, test := range []struct {
		name, text string
		file       string // main.tf if not given
		want       []string
	}{
		{name: "all is well", text: job(`
  count = 2
  depends_on = [a.b]
  lifecycle { ignore_changes = [runner] }
  canary = { partitions = 5, "approve" = "manual" }
  runner = {
    image = var.image, env = { anything = "x" }, from = { A = { secret = "x" } }, patch = { what = { ever = 1 } }
    volumes = [{ name = "a", empty_dir = {} }]
  }`)},
		{
			name: "a nested attribute", text: job(`canary = { partitions = 5, aprove = "manual" }`),
			want: []string{`2:28 canary of backfill_job has no attribute "aprove". Did you mean "approve"?`},
		},
		{
			name: "a quoted name", text: job(`canary = { "aprove" = "manual" }`),
			want: []string{`2:12 canary of backfill_job has no attribute "aprove"`},
		},
		{
			name: "nothing is similar", text: job(`canary = { x = 1 }`),
			want: []string{`2:12 canary of backfill_job has no attribute "x". Valid names are "approve" and "partitions".`},
		},
		{
			name: "a list and a map of objects", text: job(`runner = {
  volumes = [{ name = "a" }, { nme = "b", empty_dir = { memry = true } }]
  from    = { A = { secrt = "x" } }
}`),
			want: []string{
				`3:32 runner.volumes[1] of backfill_job has no attribute "nme"`,
				`3:57 runner.volumes[1].empty_dir of backfill_job has no attribute "memry"`,
				`4:21 runner.from["A"] of backfill_job has no attribute "secrt"`,
			},
		},
		{
			name: "parts that are chosen, combined and repeated", text: job(`
  canary = var.x ? { a1 = 1 } : (merge({ a2 = 1 }, try(var.y, { a3 = 1 })))
  runner = {
    volumes = concat([{ a4 = 1 }], [for v in var.v : { a5 = v }], tolist([{ a6 = 1 }]))
    from    = { for k, v in var.w : k => { a7 = v } }
  }`),
			want: []string{`"a1"`, `"a2"`, `"a3"`, `"a4"`, `runner.volumes[…] of backfill_job has no attribute "a5"`, `"a6"`, `"a7"`},
		},
		{
			name: "what is computed", text: job(`canary = { (var.name) = 1, "${var.name}x" = 2, upper("a") = 3 }
  runner = jsondecode(file("x"))`),
		},
		{
			name: "locals", text: "locals {\n c = merge(local.d, { aprove = 1 }) \n d = { x = 1 }\n}\n" +
				job(`canary = local.c`) + job(`canary = "${local.c}"`),
			want: []string{`2:23 canary of backfill_job has no attribute "aprove"`, `3:8 canary of backfill_job has no attribute "x"`},
		},
		{name: "locals in a circle", text: "locals {\n a = local.b\n b = local.a\n}\n" + job(`canary = local.a`)},
		{
			name: "the types of variables",
			text: `variable "c" { type = object({ partitions = optional(number, 1), aprove = string }) }
variable "r" { type = object({ volumes = list(object({ nme = string })) }) }
variable "any" { type = any }
` + job("canary = var.c\nrunner = var.r") + job("runner = var.any"),
			want: []string{`1:23 canary of backfill_job has no attribute "aprove"`, `2:23 runner.volumes[…] of backfill_job has no attribute "nme"`},
		},
		{
			name: "at the top", text: job(`nme = 1`),
			want: []string{`2:1 "nme" is not an attribute of backfill_job. Did you mean "name"?`},
		},
		{
			name: "blocks", text: job("canary { partitions = 1 }\ncanry {}\ndynamic \"runner\" {}"),
			want: []string{
				`2:1 "canary" is an attribute of backfill_job, not a block. Write canary = { … }.`,
				`3:1 "canry" is not an attribute of backfill_job. Did you mean "canary"?`,
				`4:1 "runner" is an attribute of backfill_job, not a block`,
			},
		},
		{
			name: "kinds of resources",
			text: "resource \"backfill_jb\" \"a\" {}\ndata \"backfill_pool\" \"a\" {}\n" +
				"resource \"other\" \"a\" {}\n",
			want: []string{
				`1:10 The provider has no resource "backfill_jb". Did you mean "backfill_job"?`,
				`2:6 The provider has no data source "backfill_pool". Did you mean "backfill_job"?`,
			},
		},
		{
			name: "the provider and data sources",
			text: "provider \"backfill\" { \n alias = \"a\"\n hst = 1\n exec = { comand = 1 }\n}\n" +
				"provider \"other\" { x = 1 }\n" +
				"data \"backfill_job\" \"a\" {\n provider = backfill.a\n nam = 1\n}\n",
			want: []string{
				`3:2 "hst" is not an attribute of the provider's settings. Did you mean "host"?`,
				`4:11 exec of the provider's settings has no attribute "comand"`,
				`9:2 "nam" is not an attribute of backfill_job. Did you mean "name"?`,
			},
		},
		{
			name: "JSON", file: "main.tf.json",
			text: `{"//": "x", "resource": {"backfill_job": {"a": {"//": "x", "name": "a",
"canary": {"//": "x", "aprove": 1}, "runner": {"volumes": [{"nme": "${var.x}"}]}, "nme": 1}}}}`,
			want: []string{`2:23 canary of backfill_job has no attribute "aprove"`, `2:61 runner.volumes[0] of backfill_job has no attribute "nme"`,
				`2:83 "nme" is not an attribute`},
		},
		{name: "bad syntax", text: "resource \"backfill_job\" {\n", want: []string{"Unclosed configuration block"}},
		{name: "labels are Terraform's", text: "resource \"backfill_job\" {}\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.file == "" {
				test.file = "main.tf"
			}
			result := tfcheck.Check([]lang.Source{{Name: test.file, Bytes: []byte(test.text)}}, schemas)
			var got []string
			for _, d := range result.Diagnostics {
				got = append(got, fmt.Sprintf("%d:%d %s", d.Subject.Start.Line, d.Subject.Start.Column, d.Detail))
				if diag.CodeOf(d) == "" {
					t.Errorf("no code: %s", d.Detail)
				}
			}
			if len(got) != len(test.want) {
				t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
			for i, want := range test.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("got %q, want %q", got[i], want)
				}
			}
		})
	}
}

// Files of one directory share their locals; those of another do not.
func TestModulesAreDirectories(t *testing.T) {
	result := tfcheck.Check([]lang.Source{
		{Name: "a/main.tf", Bytes: []byte(job("canary = local.c"))},
		{Name: "a/locals.tf", Bytes: []byte("locals { c = { x = 1 } }\n")},
		{Name: "b/locals.tf", Bytes: []byte("locals { c = { y = 1 } }\n")},
		{Name: "b/none.tf", Bytes: nil},
	}, schemas)
	if len(result.Diagnostics) != 1 || result.Diagnostics[0].Subject.Filename != "a/locals.tf" {
		t.Errorf("got %v", result.Diagnostics)
	}
	if result.Blocks["a/main.tf"] != 1 || result.Blocks["b/none.tf"] != 0 {
		t.Errorf("got %v", result.Blocks)
	}
}

// Locals that name each other twice do not multiply.
func TestLocalsAreFollowedOnce(t *testing.T) {
	var b strings.Builder
	b.WriteString("locals {\n  l0 = { aprove = 1 }\n")
	for i := range 100 {
		fmt.Fprintf(&b, "  l%d = merge(local.l%d, local.l%d)\n", i+1, i, i)
	}
	b.WriteString("}\n" + job("canary = local.l100"))
	result := tfcheck.Check([]lang.Source{{Name: "main.tf", Bytes: []byte(b.String())}}, schemas)
	if len(result.Diagnostics) != 1 {
		t.Errorf("got %v", result.Diagnostics)
	}
}

// Whatever a file holds, it is answered.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{job("canary = { a = 1 }"), `{"resource": {"backfill_job": {"a": [{}]}}}`, "locals { a = [for"} {
		f.Add(seed, slices.Contains([]string{"{"}, seed[:1]))
	}
	f.Fuzz(func(t *testing.T, text string, json bool) {
		name := "main.tf"
		if json {
			name += ".json"
		}
		for _, d := range tfcheck.Check([]lang.Source{{Name: name, Bytes: []byte(text)}}, schemas).Diagnostics {
			if d.Subject == nil || diag.CodeOf(d) == "" {
				t.Errorf("a problem without a place or a code: %v", d)
			}
		}
	})
}
