// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
)

// Short expressions that would take minutes or gigabytes. Each is refused, with the
// code given, and at its place.
func TestShortFilesDoNotRunForMinutes(t *testing.T) {
	const (
		value, steps, call = diag.CodeHugeValue, diag.CodeSteps, diag.CodeExpression
		number             = diag.CodeHugeNumber
	)
	bomb := func(first string) string {
		b := "x0 = " + first + "\n"
		for i := range 9 {
			b += fmt.Sprintf("x%d = [%s]\n", i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("local.x%d, ", i), 10), ", "))
		}
		return b
	}
	yamlBomb := `a: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n`
	for i := range 9 {
		yamlBomb += fmt.Sprintf(`a%d: &a%d [%s]\n`, i+1, i+1,
			strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	for name, c := range map[string]struct{ locals, code string }{
		"width":                   {`a = length(format("%1000000000s", "x"))`, call},
		"precision":               {`a = length(format("%.1000000000f", 1))`, call},
		"verbs":                   {`a = format(join("", [for i in range(1000) : "%[1]s%[1]s"]), format("%10000s", "x"))`, call},
		"list of formats":         {`a = formatlist("%100000s", range(1000))`, call},
		"separator":               {`a = length(join(format("%1000000s", ""), range(1024)))`, call},
		"replacement":             {`a = replace(format("%1000000s", "a"), " ", format("%1000s", "a"))`, call},
		"pattern and replacement": {`a = replace(format("%1000000s", "a"), "/ /", format("%1000s", "a"))`, call},
		"indented lines":          {`a = indent(1000, join("", [for i in range(1000) : format("%100s\n", "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n")]))`, call},
		"repetitions":             {`a = regex("((((a{0,30}){0,30}){0,30}){0,30})", "aaa")`, call},
		"large pattern":           {`a = regex(format("%5000s", "x"), "aaa")`, call},
		"pattern in a loop":       {`a = [for i in range(1000) : regex("(x{1,500}y)?z?", format("%100000s", "x"))]`, steps},
		"combinations":            {`a = [for x in setproduct(range(300), range(300)) : length(setproduct(range(300), range(300)))]`, steps},
		"loops":                   {`a = [for i in range(1000) : [for j in range(1000) : [for k in range(1000) : i]]]`, steps},
		"loops that fail":         {`a = [for i in range(1000) : try([for j in range(1000) : try([for k in range(1000) : i.x], 1)], 2)]`, steps},
		"loops without a result":  {`a = [for i in range(1000) : [for j in range(1000) : [for k in range(1000) : i if false]]]`, steps},
		"loops in a template":     {`a = "%{ for i in range(1000) }%{ for j in range(1000) }%{ for k in range(1000) }x%{ endfor }%{ endfor }%{ endfor }"`, steps},
		"splats":                  {"b = [for i in range(1000) : [for j in range(300) : i]]\n a = [for i in range(1000) : local.b[*][0]]", steps},
		"comparisons":             {"b = [for i in range(1000) : [for j in range(100) : i]]\n a = [for i in range(1000) : local.b == local.b]", steps},
		"tries in tries":          {"a = " + strings.Repeat("try(", 60) + "1.x" + strings.Repeat(", null.x)", 60), call},
		"shared lists":            {bomb("[1, 1]"), value},
		"shared nulls":            {bomb("null"), value},
		"shared empty lists":      {bomb("tolist([])"), value},
		"shared texts":            {bomb(`format("%10000s", "x")`), value},
		"text of texts":           {`b = format("%1000000s", "x")` + "\n a = \"" + strings.Repeat("${local.b}", 1000) + `"`, steps},
		"lists in lists": {"x0 = 1\n" + func() (s string) {
			for i := range 2000 {
				s += fmt.Sprintf("x%d = [local.x%d]\n", i+1, i)
			}
			return s
		}(), value},
		"powers":             {"b = 1e300 * 1e300\n a = \"${local.b}\"", number},
		"digits":             {"b = join(\"\", [for i in range(1000) : \"1111111111\"])\n a = local.b + 1", number},
		"digits in a base":   {"b = join(\"\", [for i in range(1000) : \"1111111111\"])\n a = parseint(local.b, 36)", call},
		"brackets in JSON":   {`a = jsondecode(join("", [for i in range(1000) : "[[[[[[[[[["]))`, call},
		"exponents in JSON":  {`a = jsondecode("[1e999999999]")`, call},
		"aliases in YAML":    {`a = yamldecode("` + yamlBomb + `")`, call},
		"a cycle in YAML":    {`a = yamldecode("a: &a [*a]")`, call},
		"elements with keys": {`a = matchkeys(flatten([for i in range(100) : range(1000)]), flatten([for i in range(100) : range(1000)]), flatten([for i in range(100) : range(1000)]))`, steps},
		"types in lists": {"b = flatten([for i in range(50) : range(1000)])\n" +
			"a = tolist([local.b, slice(local.b, 0, 49000)])", steps},
		"lists of either type": {"b = flatten([for i in range(50) : range(1000)])\n a = true ? [local.b] : " +
			"[slice(local.b, 0, 49000)]", steps},
	} {
		t.Run(name, func(t *testing.T) {
			src := "locals {\n" + c.locals + "\n}\njob \"a\" { reason = \"x\" }\n"
			// The steps are fewer than there are, to use them up sooner.
			within := int64(2_000_000)
			if c.code == steps {
				within = 150_000
			}
			_, diags := lang.LoadWithin(within, []lang.Source{{Name: "a.hcl", Bytes: []byte(src)}}, lang.Inputs{})
			if !diags.HasErrors() {
				t.Fatal("it is not refused")
			}
			if len(diags) > 1 && c.code != call {
				t.Errorf("it says more: %v", diags)
			}
			if code := diag.CodeOf(diags[0]); code != c.code || diags[0].Subject == nil || diags[0].Subject.Start.Line < 2 {
				t.Errorf("got %v, want %s", diags, c.code)
			}
		})
	}
}

// What jobs compute in practice stays far below the limits.
func TestLimitsLeaveRoomForRealFiles(t *testing.T) {
	for name, locals := range map[string]string{
		"a hundred thousand pairs": `a = setproduct(range(300), range(300))`,
		"a table": `a = { for p in setproduct(range(100), range(100)) : "${p[0]}-${p[1]}" => { table = "t${p[0]}", ` +
			`shard = p[1] } }`,
		"a lookup in a loop":  "b = { for i in range(1000) : \"k${i}\" => i }\n a = [for i in range(1000) : local.b[\"k${i}\"]]",
		"a megabyte of text":  `a = length(replace(upper(join("\n", [for i in range(1000) : format("%1000s", "a")])), "/\n/", " "))`,
		"distinct elements":   `a = distinct(flatten([for i in range(100) : range(1000)]))`,
		"a long list or none": `a = true ? flatten([for i in range(100) : range(1000)]) : []`,
	} {
		src := "locals {\n" + locals + "\n}\njob \"a\" { reason = \"x\" }\n"
		_, diags := lang.Load(context.Background(), []lang.Source{{Name: "a.hcl", Bytes: []byte(src)}}, lang.Inputs{})
		if diags.HasErrors() {
			t.Errorf("%s: %v", name, diags)
		}
	}
}

// A megabyte of anything is answered; a stack of Go that overflows ends the process.
func TestAMegabyteOfAnythingIsAnswered(t *testing.T) {
	size := 1 << 14 // enough for each unit to be refused; the whole takes minutes
	if os.Getenv("BACKFILL_TEST_LONG") != "" {
		size = lang.MaxFileSize - 100
	}
	for _, unit := range []string{
		"1+", "-", "!", "- \n", "a?1:", "[", "{", "(", "[*]", "[0]", ".*", ".a", "true&&", "\"", "${", "\"${", "%{if true}", "<<E\n",
		"f(", "{a=", "{for a in ", "a=[", "b {\n", "#\n", "/*", "1,", "=>", "...", "@", "\x00", "é", "1e9", "a:", ",\n", "%{for a in b}",
	} {
		for name, text := range map[string]string{
			"a.hcl": "locals {\n a = (" + strings.Repeat(unit, size/len(unit)),
			"b.hcl": "locals {\n a = \"" + strings.Repeat(unit, size/len(unit)) + "\"\n}\n",
			"a.json": `{"locals": {"a": "` + strings.NewReplacer(`"`, `\"`, "\n", `\n`, "\x00", `\u0000`).Replace(
				strings.Repeat(unit, size/len(unit)/6)) + `"}}`,
		} {
			_, diags := lang.Load(context.Background(), []lang.Source{{Name: name, Bytes: []byte(text)}}, lang.Inputs{})
			for _, d := range diags {
				if diag.CodeOf(d) == "" {
					t.Errorf("%s of %q: %v", name, unit, d)
				}
			}
			vars := lang.Inputs{VarFiles: []lang.Source{{Name: name, Bytes: []byte(text)}}}
			_, _ = lang.Load(context.Background(), nil, vars)
		}
	}
}

// Expressions as deep as is allowed are evaluated.
func TestTheDeepestExpressionsAreEvaluated(t *testing.T) {
	for _, expr := range []string{
		"1" + strings.Repeat(" + 1", 4990), strings.Repeat("true ? 1 : ", 2490) + "1",
		strings.Repeat("[", 190) + "1" + strings.Repeat("]", 190), strings.Repeat("-", 199) + "1",
		"[1]" + strings.Repeat("[*]", 250), "try(1" + strings.Repeat("[1 - 1]", 1600) + ", 1)",
	} {
		src := "locals { a = " + expr + " }\njob \"a\" { reason = \"x\" }"
		_, diags := lang.Load(context.Background(), []lang.Source{{Name: "a.hcl", Bytes: []byte(src)}}, lang.Inputs{})
		if diags.HasErrors() {
			t.Errorf("%.40s: %v", expr, diags)
		}
	}
}

// Nobody waits for what a signal has ended.
func TestAnEvaluationEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	src := "locals { a = [for i in range(1000) : [for j in range(1000) : i]] }\njob \"a\" { reason = \"x\" }"
	begin := time.Now()
	_, diags := lang.Load(ctx, []lang.Source{{Name: "a.hcl", Bytes: []byte(src)}}, lang.Inputs{})
	if len(diags) == 0 || diag.CodeOf(diags[0]) != diag.CodeTimeout {
		t.Errorf("got %v", diags)
	}
	if time.Since(begin) > time.Minute {
		t.Error("it went on")
	}
}

// fuzzSteps are few, because a fuzzer's program is slow: all steps would take longer
// than the ten seconds that Go's fuzzer allows.
const fuzzSteps = 200_000

// Whatever an expression is, evaluating it ends. tools/fuzz limits the memory, and
// Go's fuzzer the time.
func FuzzExpression(f *testing.F) {
	for _, fn := range lang.Functions() {
		f.Add(fn.Example)
	}
	for _, s := range []string{
		`[for i in range(1000) : [for j in range(1000) : i]]`, `format("%1000000000s", "x")`, `"%{ for a in [1] }${a}%{ endfor }"`,
		`{ for k, v in { a = 1 } : v => k... }`, `try(can(x.y), [[1]][*][0])`, `yamldecode("a: &a [1]\nb: [*a, *a]")`,
		`replace("aaa", "/(a*)*/", "$1$1")`, `regexall("x(?s:.*y)|.", "xxxxxxxx")`, `1e300 * 1e300`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		src := "locals {\n a = " + expr + "\n b = [local.a, local.a]\n}\njob \"a\" { reason = local.a }\n"
		_, diags := lang.LoadWithin(fuzzSteps, []lang.Source{{Name: "a.hcl", Bytes: []byte(src)}}, lang.Inputs{})
		for _, d := range diags {
			if diag.CodeOf(d) == "" {
				t.Fatal(d)
			}
		}
	})
}

// Variable files are bounded like job files.
func FuzzVariables(f *testing.F) {
	f.Add(false, "a = 1\nb = [for i in [1, 2] : i]\n")
	f.Add(true, `{"a": 1, "b": ["x", {"c": null}]}`)
	f.Fuzz(func(t *testing.T, isJSON bool, text string) {
		name := "a.backfillvars"
		if isJSON {
			name += ".json"
		}
		src := "variable \"a\" { sensitive = true }\nvariable \"b\" { type = list(any) }\njob \"a\" { reason = \"x\" }\n"
		_, diags := lang.LoadWithin(fuzzSteps, []lang.Source{{Name: "a.hcl", Bytes: []byte(src)}}, lang.Inputs{
			VarFiles: []lang.Source{{Name: name, Bytes: []byte(text)}},
		})
		for _, d := range diags {
			if diag.CodeOf(d) == "" {
				t.Fatal(d)
			}
		}
	})
}
