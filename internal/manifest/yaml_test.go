// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package manifest

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"
	kyaml "sigs.k8s.io/yaml"
)

// tester is what tests and property tests have in common.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

// readBackTheSame has two libraries read what is written of an object: the one
// of kubectl, which knows older YAML, and one of newer YAML.
func readBackTheSame(t tester, o map[string]any) {
	t.Helper()
	want, err := json.Marshal(o)
	if err != nil {
		t.Fatalf("%#v: %v", o, err)
	}
	text, err := Encode([]Object{{Object: o}}, "yaml")
	if err != nil {
		t.Fatalf("%#v: %v", o, err)
	}
	older, err := kyaml.YAMLToJSONStrict(text)
	if err != nil || string(older) != string(want) {
		t.Fatalf("kubectl reads %s (%v) and not %s from\n%s", older, err, want, text)
	}
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatalf("yaml/v3: %v\n%s", err, text)
	}
	newer, err := json.Marshal(v)
	if err != nil || string(newer) != string(want) {
		t.Fatalf("yaml/v3 reads %s (%v) and not %s from\n%s", newer, err, want, text)
	}
	again, err := Encode([]Object{{Object: o}}, "yaml")
	if err != nil || string(again) != string(text) {
		t.Fatalf("written once more it is\n%s\n(%v) and not\n%s", again, err, text)
	}
}

// places is a text in all places that a text may have.
func places(s string) map[string]any {
	return map[string]any{
		"value": s, "item": []any{s, []any{s, "x", s}, map[string]any{"a": s, "b": []any{s}}},
		"deep": map[string]any{"er": map[string]any{"z": s}},
	}
}

// otherwise are texts that YAML, old or new, takes for something else where they
// are not in quotes.
var otherwise = []string{
	"y", "Y", "yes", "n", "N", "no", "NO", "on", "off", "true", "FALSE", "null", "Null", "~", "=", "<<", "", "-", "?", ":",
	"1e3", "1E3", "-1.5e3", "0x1F", "0b101", "0o17", "017", "012", "1_000", "1,000", "0", "-0", "+1", "1.", ".5",
	"18446744073709551616", "12:30:45", "190:20:30.15", ".inf", "-.INF", "+.inf", ".nan", ".NaN",
	"2026-01-01", "2026-1-1", "2026-03-29T00:00:00Z", "2026-03-29 00:00:00", "2001-12-14t21:59:43.10-05:00",
	"&a", "*a", "!t", "!!str x", "|", ">", "%a", "@a", "`a`", "{a}", "[a]", "{{a}}", "a: b", "a:", "a #b", "#a", "- a",
	"--- a", "---", "...", "'", `"`, `\`,
	"line\nline\n", "line\nline", "line\n\n", "line\n\n  more\n", "a \nb", "a\n b", " a\nb", "\n", "\n\n", "\na",
	"\ta", "a\t", "a\n\tb\n", "\r", "a\r\nb", "\u0085", "\u2028", "\ufeff", "\ufeffa", "a\ufeff", "\ufffd",
	"\x00", "\x07", "\x1b", "\x7f", "\u0080", "\u00a0", "\u200b", "é", "🦊", "\U0010ffff",
}

// isKey leaves out what no key in an object of Kubernetes can be, and kubectl
// cannot read as one: lines of which the first begins with a tab.
func isKey(s string) bool { return !strings.HasPrefix(s, "\t") || !strings.Contains(s, "\n") }

func TestTextsStayTexts(t *testing.T) {
	texts := append([]string{strings.Repeat("word ", 60) + "end", strings.Repeat("x", 2000)}, otherwise...)
	for _, v := range nasty {
		texts = append(texts, v.(string))
	}
	for _, s := range texts {
		readBackTheSame(t, places(s))
		if isKey(s) {
			readBackTheSame(t, map[string]any{s: s, "_" + s: map[string]any{s: []any{s}}})
		}
		var pairs []any
		for _, other := range otherwise {
			pairs = append(pairs, s+other, other+s, map[string]any{"k": s + other})
		}
		readBackTheSame(t, map[string]any{"pairs": pairs})
	}
}

// TestHowTextsAreWritten shows the forms that people read.
func TestHowTextsAreWritten(t *testing.T) {
	long := strings.Repeat("word ", 60) + "end"
	for s, want := range map[string]string{
		"a":                "k: a\n",
		"no":               "k: \"no\"\n",
		"1e3":              "k: \"1e3\"\n",
		"{{a}}":            "k: '{{a}}'\n",
		"a\nb\n":           "k: |\n  a\n  b\n",
		"a\n\n  b":         "k: |-\n  a\n\n    b\n",
		"\ta\nb\n":         "k: \"\\ta\\nb\\n\"\n",
		"a\nb\n\n":         "k: |+\n  a\n  b\n\n",
		long:               "k: " + long + "\n",
		long + "\n" + long: "k: |-\n  " + long + "\n  " + long + "\n",
	} {
		text, err := Encode([]Object{{Object: map[string]any{"k": s}}}, "yaml")
		if err != nil || string(text) != want {
			t.Errorf("%q is written as\n%s\n(%v) and not as\n%s", s, text, err, want)
		}
	}
}

const oddRunes = "abynTe019 \n:#-.+~'\"\\{}[]?_/<=|%\t\r\u0085\u2028\ufeffé\x00\x7f&*!"

// odd draws texts of characters and pieces that decide how a text is written.
func odd() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.SampledFrom(otherwise),
		rapid.StringOfN(rapid.RuneFrom([]rune(oddRunes)), 0, 6, -1),
		rapid.StringN(0, 4, -1),
	)
	return rapid.Map(rapid.SliceOfN(piece, 0, 3), func(pieces []string) string {
		return strings.ToValidUTF8(strings.Join(pieces, ""), "?")
	})
}

// anything draws what objects are made of.
func anything(depth int) *rapid.Generator[any] {
	plain := rapid.OneOf(
		rapid.Map(odd(), func(s string) any { return s }),
		rapid.Map(odd(), func(s string) any { return s }),
		rapid.Map(rapid.Int64(), func(n int64) any { return n }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Just[any](nil),
	)
	if depth == 0 {
		return plain
	}
	return rapid.OneOf(
		plain,
		rapid.Map(rapid.SliceOfN(anything(depth-1), 0, 4), func(items []any) any { return items }),
		rapid.Map(rapid.MapOfN(odd().Filter(isKey), anything(depth-1), 0, 4), func(m map[string]any) any { return m }),
	)
}

func TestObjectsAreReadBack(t *testing.T) {
	objects := rapid.MapOfN(odd().Filter(isKey), anything(4), 0, 5)
	rapid.Check(t, func(t *rapid.T) { readBackTheSame(t, objects.Draw(t, "object")) })
}

func FuzzTexts(f *testing.F) {
	for _, s := range otherwise {
		f.Add(s, "k"+s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		a, b = strings.ToValidUTF8(a, "?"), strings.ToValidUTF8(b, "?")
		readBackTheSame(t, places(a))
		if isKey(a) && isKey(b) {
			readBackTheSame(t, map[string]any{a: b, b: a})
		}
	})
}

// TestGoldensAreReadBack takes what package argo shows that it emits.
func TestGoldensAreReadBack(t *testing.T) {
	files, err := filepath.Glob("../argo/testdata/golden/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden manifests", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			objects, err := Decode(f.Data)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			for _, o := range objects {
				readBackTheSame(t, o.Object)
			}
		}
	}
}

// BenchmarkEncode writes 100 objects such as a run is.
func BenchmarkEncode(b *testing.B) {
	objects := make([]Object, 100)
	for i := range objects {
		objects[i] = configMap(fmt.Sprint(i), map[string]any{
			"steps": []any{[]any{map[string]any{
				"name":      "partitions",
				"arguments": places("{{inputs.parameters.from}}"),
			}}},
			"script": "a\nb\n",
		})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Encode(objects, "yaml"); err != nil {
			b.Fatal(err)
		}
	}
}
