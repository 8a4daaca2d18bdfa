// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package manifest

import (
	"bytes"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func configMap(name string, data map[string]any) Object {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": name},
		"data":     data,
	}}
}

// nasty are texts that YAML writers get wrong: words that older YAML reads as
// other types, document marks, long lines, trailing space, control characters.
var nasty = map[string]any{
	"n": "n", "y": "y", "off": "off", "null": "null", "tilde": "~", "num": "012", "exp": "1e3", "inf": ".inf",
	"sexagesimal": "12:30:45", "date": "2026-03-29", "empty": "", "space": " a ", "tab": "\ta",
	"doc": "a\n---\nb\n", "dots": "...", "long": strings.Repeat("word ", 60), "trailing": "a \nb\n\n", "lead": "\n a",
	"emoji": "🦊", "crlf": "a\r\nb", "tags": "{{workflow.name}} ${x} $(HOME) <&>", "ctl": "\x01\x7f\u2028\ufeff",
	"anchor": "&a *b !c", "comment": "# no", "colon": "a: b",
}

func TestEncodeRoundTrip(t *testing.T) {
	objects := []Object{configMap("b", nasty), configMap("a", map[string]any{"k": "v"})}
	for _, format := range []string{"yaml", "json"} {
		text, err := Encode(objects, format)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(text)
		if err != nil {
			t.Fatalf("%s: %v\n%s", format, err, text)
		}
		if !equality.Semantic.DeepEqual(objects, back) {
			t.Errorf("%s: came back different:\n%s", format, text)
		}
		again, _ := Encode(back, format)
		if !bytes.Equal(text, again) {
			t.Errorf("%s: encoding what was decoded differs", format)
		}
	}
}

func TestEncodeDoesNotFoldLines(t *testing.T) {
	text, err := Encode([]Object{configMap("a", map[string]any{"k": strings.Repeat("word ", 60) + "end"})}, "yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(text, []byte("\n")); got != 6 {
		t.Errorf("%d lines, want 6:\n%s", got, text)
	}
}

func TestEncodeUnknownFormat(t *testing.T) {
	if _, err := Encode(nil, "toml"); err == nil {
		t.Error("no error for an unknown format")
	}
}

func TestDigest(t *testing.T) {
	a, err := Digest(map[string]any{"a": int64(1), "b": "x"})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Digest(map[string]any{"b": "x", "a": int64(1)})
	c, _ := Digest(map[string]any{"b": "x", "a": int64(2)})
	if a != b || a == c || len(a) != 10 || strings.Trim(a, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		t.Errorf("digests %q %q %q", a, b, c)
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, v := range nasty {
		f.Add(v.(string))
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToValidUTF8(s, "?")
		objects := []Object{configMap("a", map[string]any{"k": s, "list": []any{s, s}})}
		for _, format := range []string{"yaml", "json"} {
			text, err := Encode(objects, format)
			if err != nil {
				t.Fatal(err)
			}
			back, err := Decode(text)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if !equality.Semantic.DeepEqual(objects, back) {
				t.Errorf("came back different:\n%s", text)
			}
		}
	})
}
