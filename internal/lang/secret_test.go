// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
)

// shown is everything that a user sees of a file: the reason of its job if that is
// known, and the diagnostics with their snippets, as text and as JSON.
func shown(t *rapid.T, src, secret string) (value, messages string) {
	in := lang.Inputs{Texts: map[string]string{"s": secret}}
	m, diags := lang.Load(context.Background(), []lang.Source{{Name: "a.hcl", Bytes: []byte(src)}}, in)
	var b bytes.Buffer
	if err := diag.WriteText(&b, diags, m.Files, diag.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := diag.WriteJSON(&b, diags, m.Files); err != nil {
		t.Fatal(err)
	}
	for _, body := range m.Bodies {
		if v := body.Value.GetAttr("reason"); v.IsKnown() && !v.IsNull() {
			value = v.AsString()
		}
	}
	return value, b.String()
}

// expressions draws an expression of any function and form, around the variable.
func expressions(t *rapid.T, depth int) string {
	leaves := []string{"var.s", `"zq7"`, "1", "true", "null", `[var.s, "zq7"]`, `{ a = var.s, b = 1 }`, "local.o", "[]"}
	if depth == 0 {
		return rapid.SampledFrom(leaves).Draw(t, "leaf")
	}
	sub := func() string { return expressions(t, depth-1) }
	forms := []func() string{
		func() string { return fmt.Sprintf(`"a${%s}"`, sub()) },
		func() string { return fmt.Sprintf("(%s) == (%s)", sub(), sub()) },
		func() string { return fmt.Sprintf("(%s) ? (%s) : (%s)", sub(), sub(), sub()) },
		func() string { return fmt.Sprintf("[for c in %s : c]", sub()) },
		func() string { return fmt.Sprintf("[for c in %s : %s if c == %s]", sub(), sub(), sub()) },
		func() string { return fmt.Sprintf("{for c in %s : c => %s}", sub(), sub()) },
		func() string { return fmt.Sprintf("(%s)[%s]", sub(), sub()) },
		func() string { return fmt.Sprintf("(%s).a", sub()) },
		func() string { return fmt.Sprintf("(%s)[*]", sub()) },
		func() string { return fmt.Sprintf("(%s) + (%s)", sub(), sub()) },
		func() string { return fmt.Sprintf("(%s) || (%s)", sub(), sub()) },
		func() string { return fmt.Sprintf("!(%s)", sub()) },
		func() string { return fmt.Sprintf("{ (%s) = (%s) }", sub(), sub()) },
		func() string { return fmt.Sprintf("can(%s)", sub()) },
		func() string { return fmt.Sprintf("try(%s, %s)", sub(), sub()) },
		func() string { return fmt.Sprintf(`"%%{ for c in %s }${c}%%{ endfor }"`, sub()) },
		func() string { return fmt.Sprintf(`"%%{ if %s }y%%{ else }n%%{ endif }"`, sub()) },
	}
	if rapid.Bool().Draw(t, "call") {
		all := lang.Functions()
		f := all[rapid.IntRange(0, len(all)-1).Draw(t, "function")]
		count := len(f.Impl.Params())
		if f.Impl.VarParam() != nil {
			count += rapid.IntRange(1, 2).Draw(t, "more")
		}
		args := make([]string, count)
		for i := range args {
			args[i] = sub()
		}
		return f.Name + "(" + strings.Join(args, ", ") + ")"
	}
	return forms[rapid.IntRange(0, len(forms)-1).Draw(t, "form")]()
}

// What is shown does not depend on a sensitive value, whatever is computed of it.
// Two values of which each is told by its letters, its length and its kind.
func TestNothingShownDependsOnASensitiveValue(t *testing.T) {
	wrappers := []string{
		"try(tostring(%s), \"none\")", "jsonencode(%s)", "can(%s) ? \"yes\" : \"no\"", "\"${length(%s)}\"",
		"join(\"\", [for i in [1] : try(tostring(%s), \"none\")])", "try(%s, \"x\") == null ? \"a\" : \"b\"", "%s",
	}
	rapid.Check(t, func(t *rapid.T) {
		expr := fmt.Sprintf(rapid.SampledFrom(wrappers).Draw(t, "wrapper"), expressions(t, 2))
		src := `variable "s" { sensitive = true }
locals { o = { a = var.s, b = [var.s, 1] } }
job "a" { reason = ` + expr + ` }`
		values := []string{"zq7", "123456", "[\"wv9\"]"}
		first, _ := shown(t, src, values[0]) // whose text is in the file
		for _, other := range values[1:] {
			second, messages := shown(t, src, other)
			if first != "" && second != "" && first != second {
				t.Fatalf("%s is %q for one value and %q for another", expr, first, second)
			}
			for _, part := range []string{"123456", "wv9"} {
				if strings.Contains(messages, part) {
					t.Fatalf("%s shows the value:\n%s", expr, messages)
				}
			}
		}
	})
}

// Each function of the language, alone and around another, with a sensitive
// argument: the result is sensitive too, or there is an error without the value.
func TestEveryFunctionKeepsSensitivity(t *testing.T) {
	type call struct{ name, text string }
	var calls []call
	for _, f := range lang.Functions() {
		if f.Example == "" || f.Group == "Files" {
			continue
		}
		calls = append(calls, call{f.Name, f.Example})
	}
	for _, outer := range calls {
		for _, inner := range []string{"var.s", "[var.s]", "{ a = var.s }", "jsonencode([var.s])", "can(regex(\"z\", var.s))",
			"try(tonumber(var.s), 1)", "var.n"} {
			src := fmt.Sprintf(`variable "s" { sensitive = true }
variable "n" {
  sensitive = true
  type = number
}
job "a" { reason = jsonencode(%s(%s)) }`, outer.name, inner)
			m, diags := lang.Load(context.Background(), []lang.Source{{Name: "a.hcl", Bytes: []byte(src)}},
				lang.Inputs{Texts: map[string]string{"s": "zq7", "n": "99871"}})
			for _, d := range diags {
				if strings.Contains(d.Detail, "zq7") || strings.Contains(d.Detail, "99871") {
					t.Errorf("%s(%s) shows the value: %s", outer.name, inner, d.Detail)
				}
			}
			if v := m.Bodies[0].Value.GetAttr("reason"); v.IsKnown() && !v.IsNull() && !independent[outer.name] {
				t.Errorf("%s(%s) is %s, which is not sensitive", outer.name, inner, v.AsString())
			}
		}
	}
}

// independent are functions whose result may not depend on the elements of a
// collection.
var independent = map[string]bool{"keys": true, "length": true}

func TestASensitiveValueIsNotReadLetterByLetter(t *testing.T) {
	for _, expr := range []string{
		`join("", [for i in range(3) : try([for c in split("", "zq7a") : c if can(regex("^.{${i}}${c}", var.s))][0], "")])`,
		`can(regex("^z", var.s)) ? "yes" : "no"`,
		`try(regex("^z", var.s) == "" ? "" : "yes", "no")`,
		`try({ zq7 = "yes" }[var.s], "no")`,
		`can({ zq7 = 1 }[var.s]) ? "yes" : "no"`,
		`try([for x in [1] : regex("^z", var.s)][0], "no") == "no" ? "no" : "yes"`,
		`tostring(can(index(["zq7"], var.s)))`,
		`join("", [for x in ["a"] : "yes" if can(regex("^z", var.s))])`,
		`join("", keys({ for x in ["a"] : can(regex("^z", var.s)) => 1 }))`,
		`"%{ if can(regex("^z", var.s)) }yes%{ else }no%{ endif }"`,
		`[for x in ["no", "yes"] : x][can(regex("^z", var.s)) ? 1 : 0]`,
	} {
		src := "variable \"s\" { sensitive = true }\njob \"a\" { reason = " + expr + " }"
		m, diags := lang.Load(context.Background(), []lang.Source{{Name: "a.hcl", Bytes: []byte(src)}},
			lang.Inputs{Texts: map[string]string{"s": "zq7"}})
		v := m.Bodies[0].Value.GetAttr("reason")
		if v.IsKnown() || len(diags) != 1 || diag.CodeOf(diags[0]) != diag.CodeSensitive {
			t.Errorf("%s is %#v, with %v", expr, v, diags)
		}
	}
}

func TestMessagesOfVariablesDoNotShowSensitiveValues(t *testing.T) {
	decl := func(rest string) string {
		return "variable \"s\" {\n  sensitive = true\n" + rest + "\n}\njob \"a\" { reason = \"x\" }\n"
	}
	for name, c := range map[string]struct {
		src string
		in  lang.Inputs
	}{
		"type of a text":      {decl("type = number"), lang.Inputs{Texts: map[string]string{"s": "hunter2"}}},
		"syntax of a text":    {decl("type = list(string)"), lang.Inputs{Texts: map[string]string{"s": "[hunter2("}}},
		"function in a text":  {decl("type = list(string)"), lang.Inputs{Texts: map[string]string{"s": "hunter2()"}}},
		"type of a file":      {decl("type = number"), file("s = \"hunter2\"\n")},
		"syntax of a file":    {decl(""), file("s = \"hunter2\n")},
		"call in a file":      {decl(""), file("s = hunter2()\n")},
		"other name in file":  {decl("default = 1"), file("t = \"hunter2\"\n")},
		"validation of file":  {decl("validation {\n condition = var.s == \"\"\n error_message = \"no\"\n}"), file("s = \"hunter2\"\n")},
		"type of a default":   {decl("type = number\n  default = \"hunter2\""), lang.Inputs{}},
		"call in a default":   {decl("default = tonumber(\"hunter2\")"), lang.Inputs{}},
		"values of Terraform": {decl("type = number"), lang.Inputs{Values: map[string]cty.Value{"s": cty.StringVal("hunter2")}}},
	} {
		t.Run(name, func(t *testing.T) {
			m, diags := lang.Load(context.Background(), []lang.Source{{Name: "a.hcl", Bytes: []byte(c.src)}}, c.in)
			if !diags.HasErrors() {
				t.Fatal("no problem was found")
			}
			var b bytes.Buffer
			if err := diag.WriteText(&b, diags, m.Files, diag.TextOptions{}); err != nil {
				t.Fatal(err)
			}
			if err := diag.WriteJSON(&b, diags, m.Files); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(b.String(), "hunter2") {
				t.Error(b.String())
			}
		})
	}
}

func file(text string) lang.Inputs {
	return lang.Inputs{VarFiles: []lang.Source{{Name: "a.backfillvars", Bytes: []byte(text)}}}
}
