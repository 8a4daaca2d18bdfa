// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package funcs

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

func table() map[string]function.Function {
	out := map[string]function.Function{}
	for _, f := range All() {
		out[f.Name] = f.Impl
	}
	return out
}

func evaluate(src string) (cty.Value, hcl.Diagnostics) {
	expr, diags := hclsyntax.ParseExpression([]byte(src), "example", hcl.InitialPos)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	return expr.Value(&hcl.EvalContext{Functions: table()})
}

func TestExamplesGiveTheirResults(t *testing.T) {
	for _, f := range All() {
		if f.Result == "" {
			if !strings.HasPrefix(f.Description, "Not available") {
				t.Errorf("%s has no example", f.Name)
			}
			continue
		}
		if !strings.Contains(f.Example, f.Name+"(") {
			t.Errorf("the example of %s does not call it: %s", f.Name, f.Example)
		}
		want, diags := evaluate(f.Result)
		if diags.HasErrors() {
			t.Fatalf("%s: the result %s: %v", f.Name, f.Result, diags)
		}
		got, diags := evaluate(f.Example)
		if diags.HasErrors() {
			t.Errorf("%s: %v", f.Example, diags)
			continue
		}
		// A list in brackets is a tuple until it is converted.
		converted, err := convert.Convert(want, got.Type())
		if err != nil || !converted.RawEquals(got) {
			t.Errorf("%s gives %#v; want %#v (%v)", f.Example, got, want, err)
		}
	}
}

func TestEveryFunctionIsDescribedAndInOrder(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range All() {
		if !strings.HasSuffix(f.Description, ".") || f.Group == "" || seen[f.Name] {
			t.Errorf("%s has no description or group, or is there twice", f.Name)
		}
		seen[f.Name] = true
	}
	for _, group := range [][]Function{texts(), collections(), numbers(), encodings(), hashes(), conversions()} {
		if !slices.IsSortedFunc(group, func(a, b Function) int { return strings.Compare(a.Name, b.Name) }) {
			t.Errorf("the group %s is not sorted", group[0].Group)
		}
	}
}

func TestMistakesAreRefused(t *testing.T) {
	for src, want := range map[string]string{
		`timestamp()`:             "-var as_of=",
		`uuid()`:                  "pass the value",
		`indent(1000000000, "a")`: "from 0 to 1000",
		`setproduct(range(1000), range(1000), range(1000))`: "more than 100000 combinations",
		`index(["a"], "b")`:                   "not in the list",
		`one(["a", "b"])`:                     "at most one element",
		`sum(["a"])`:                          "must be a number",
		`alltrue(["a"])`:                      "true or false",
		`base64decode("?")`:                   "not Base64",
		`base64decode("/w==")`:                "not UTF-8",
		`timecmp("a", "b")`:                   "RFC 3339",
		`length(3)`:                           "",
		`coalesce(null, "")`:                  "null or an empty text",
		`coalesce()`:                          "same type",
		`matchkeys(["a"], ["x", "y"], ["x"])`: "as many elements",
		`transpose({ a = [null] })`:           "a null element",
	} {
		v, diags := evaluate(src)
		if !diags.HasErrors() || !strings.Contains(diags.Error(), want) {
			t.Errorf("%s gives %#v, %v; want an error with %q", src, v, diags, want)
		}
	}
}
