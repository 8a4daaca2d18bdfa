// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package manifest

import (
	"encoding/json"
	"testing"
)

func TestJSONIsThatOfTheLibrary(t *testing.T) {
	values := []any{
		nil, true, false, int64(-1 << 63), 7, 1.5, 1e30, map[string]any(nil), []any(nil), map[string]any{}, []any{}, []string{"b", "a"},
		map[string]any{"b": int64(1), "a": []any{nil, "x", map[string]any{"k<": "v"}}, "10": false, "9": struct{ A int }{3}},
		"<&>", "é", "\u2028", "\xff", "\x00\x1f\x7f", `"\/`, "", "a\nb\tc",
	}
	for _, v := range nasty {
		values = append(values, v, map[string]any{v.(string): v})
	}
	for _, v := range append(values, any(values)) {
		sameJSON(t, v)
	}
	if _, err := AppendJSON(nil, []any{map[string]any{"f": func() {}}}); err == nil {
		t.Error("no error for a function")
	}
}

func sameJSON(t *testing.T, v any) {
	t.Helper()
	want, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := AppendJSON(nil, v); err != nil || string(got) != string(want) {
		t.Fatalf("%#v is %s (%v) and not %s", v, got, err, want)
	}
}
