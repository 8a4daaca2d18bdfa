// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package manifest

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"
)

// sameAsLibrary compares the writer with the library that it stands for.
func sameAsLibrary(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, o map[string]any) {
	t.Helper()
	want, err := libraryYAML(o)
	if err != nil {
		t.Fatalf("%#v: %v", o, err)
	}
	var w yamlWriter
	if err := w.object(o); err != nil {
		t.Fatalf("%#v: %v", o, err)
	}
	if string(w.out) != string(want) {
		t.Fatalf("%#v is written as\n%s\nand not as\n%s", o, w.out, want)
	}
}

// places is a text in all places that a text may have.
func places(s string) map[string]any {
	return map[string]any{
		"value": s, "item": []any{s, []any{s, "x", s}, map[string]any{"a": s, "b": []any{s}}},
		"deep": map[string]any{"er": map[string]any{"z": s}},
	}
}

// TestShortTextsAreWrittenAsByTheLibrary takes every text of up to three of the
// pieces that decide how a text is written.
func TestShortTextsAreWrittenAsByTheLibrary(t *testing.T) {
	pieces := []string{
		"a", "n", "y", "T", "e", "x", "0", "1", "9", " ", "\n", ":", "#", "-", ".", "+", "~", "'", `"`, `\`, "{", "}", "[", "?", "_", "/",
		"<", "=", "|", "%", "\t", "\r", "é", "\u2028", "\ufeff", "\xff", "inf",
	}
	for _, a := range pieces {
		sameAsLibrary(t, places(a))
		sameAsLibrary(t, map[string]any{a: "v"})
		for _, b := range pieces {
			sameAsLibrary(t, places(a+b))
			sameAsLibrary(t, map[string]any{a + b: map[string]any{"k": "v"}})
			for _, c := range pieces {
				sameAsLibrary(t, map[string]any{"k": a + b + c, "l": []any{a + b + c}})
			}
		}
	}
}

func TestTextsAreWrittenAsByTheLibrary(t *testing.T) {
	texts := []string{
		"2026-03-29", "2026-03-29T00:00:00Z", "2026-03-29 00:00:00", "0x1F", "0b101", "0o17", "1_000", "-1.5e3", "1e3", "12:30:45", "+.inf", "-.INF",
		".nan", "null", "Null", "true", "FALSE", "yes", "off", "<<", "no one", "0.start", "0.end", "100m", "1Gi", "500m", "2s", "18446744073709551616",
		"{{inputs.parameters.i}}", "{{=asInt(item) * 5}}", "a: b", "a:b", "a #b", "a#b", "- a", "-a", "--- a", "...", "line\nline\n", "line\nline\n\n",
		"line\n\n  more\n", "a \nb", "a\n b", strings.Repeat("word ", 60) + "end", strings.Repeat("x", 200), strings.Repeat("x", 128),
	}
	for _, v := range nasty {
		texts = append(texts, v.(string))
	}
	for _, s := range texts {
		sameAsLibrary(t, places(s))
		sameAsLibrary(t, map[string]any{s: s, "other": map[string]any{s: []any{s}}})
	}
}

func TestValuesAreWrittenAsByTheLibrary(t *testing.T) {
	for _, v := range []any{
		nil, true, false, int64(-5), 7, 1.5, map[string]any{}, []any{}, []any{[]any{}, map[string]any{}, nil}, []any{[]any{[]any{"a"}}, "b"},
		map[string]any{"a": nil, "b": 0.1}, []any{map[string]any{"a": map[string]any{"b": []any{int64(1)}}, "c": "d"}}, []string{"a", "b"}, map[string]string{"a": "1"},
	} {
		sameAsLibrary(t, map[string]any{"v": v})
		sameAsLibrary(t, map[string]any{"a": map[string]any{"v": v, "w": []any{v, v}}})
	}
	sameAsLibrary(t, map[string]any{})
	sameAsLibrary(t, nil)
}

func TestKeysAreOrderedAsByTheLibrary(t *testing.T) {
	var keys []string
	for _, a := range []string{"", "a", "b", "B", "é", "0", "1", "9", "10", "-", ".", "/"} {
		for _, b := range []string{"", "a", "Z", "0", "00", "2", "10", "-", ".x", "\xff"} {
			for _, c := range []string{"", "a", "0", "3", "é", "_"} {
				keys = append(keys, a+b+c)
			}
		}
	}
	for _, a := range keys {
		for _, b := range []string{"a", "a0", "a10", "10.start", "0.end", "1", "é", "a-b", "a.10"} {
			if a != b {
				sameOrder(t, a, b)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab0019-.é")), 0, 6, -1)
		if a, b := text.Draw(t, "a"), text.Draw(t, "b"); a != b {
			sameOrder(t, a, b)
		}
	})
}

// sameOrder compares two keys by what the library writes first.
func sameOrder(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, a, b string) {
	t.Helper()
	text, err := libraryYAML(map[string]any{a: "first", b: "second"})
	if err != nil {
		t.Fatalf("%q and %q: %v", a, b, err)
	}
	want := 1
	if strings.Index(string(text), "first") < strings.Index(string(text), "second") {
		want = -1
	}
	if got := compareKeys(a, b); got != want {
		t.Fatalf("compareKeys(%q, %q) = %d, want %d", a, b, got, want)
	}
}

func TestObjectsAreWrittenAsByTheLibrary(t *testing.T) {
	text := rapid.OneOf(
		rapid.StringOfN(rapid.RuneFrom([]rune("ab01 \n:#-.'{}\"\té")), 0, 12, -1),
		rapid.SampledFrom([]string{"true", "0.5", "{{=x}}", "name", "2026-01-01", "a: b"}),
	)
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		return rapid.Custom(func(t *rapid.T) any {
			kind := rapid.IntRange(0, 6).Draw(t, "kind")
			if depth == 0 {
				kind = min(kind, 4)
			}
			switch kind {
			case 0:
				return rapid.Int64().Draw(t, "number")
			case 1:
				return rapid.Bool().Draw(t, "truth")
			case 5:
				return rapid.SliceOfN(value(depth-1), 0, 4).Draw(t, "list")
			case 6:
				return rapid.MapOfN(text, value(depth-1), 0, 4).Draw(t, "map")
			}
			return text.Draw(t, "text")
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		sameAsLibrary(t, rapid.MapOfN(text, value(4), 0, 5).Draw(t, "object"))
	})
}

func FuzzSameAsLibrary(f *testing.F) {
	for _, v := range nasty {
		f.Add(v.(string), v.(string))
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		sameAsLibrary(t, places(a))
		sameJSON(t, map[string]any{a: b, b: a})
		// Keys that differ in invalid bytes alone have no order there.
		if a != b && utf8.ValidString(a) && utf8.ValidString(b) {
			sameAsLibrary(t, map[string]any{a: b, b: a})
		}
	})
}

// BenchmarkEncode writes 100 objects such as a run is.
func BenchmarkEncode(b *testing.B) {
	objects := make([]Object, 100)
	for i := range objects {
		objects[i] = configMap(fmt.Sprint(i), map[string]any{
			"steps": []any{[]any{map[string]any{"name": "partitions", "arguments": places("{{inputs.parameters.from}}")}}}, "script": "a\nb\n",
		})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Encode(objects, "yaml"); err != nil {
			b.Fatal(err)
		}
	}
}

// TestGoldensAreWrittenAsByTheLibrary takes what package argo shows that it
// emits; none of it is left to the library as a whole.
func TestGoldensAreWrittenAsByTheLibrary(t *testing.T) {
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
				sameAsLibrary(t, o.Object)
				var w yamlWriter
				if !w.mapping(o.Object, 0, true) {
					t.Errorf("%s: %s is left to the library", file, describe(o))
				}
			}
		}
	}
}
