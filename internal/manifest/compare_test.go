// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package manifest

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// value reads JSON, in which the cases of these tests are short.
func value(t tester, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestDifferences(t *testing.T) {
	for name, test := range map[string]struct {
		want, live string
		written    []string // what differs in fields that were written
		added      []string // and with additions
		covered    bool
	}{
		"equal":      {want: `{"a":{"b":[1,"x"]}}`, live: `{"a":{"b":[1,"x"]}}`, covered: true},
		"value":      {want: `{"a":{"b":1,"c":2}}`, live: `{"a":{"b":3,"c":2}}`, written: []string{"a.b: 1 3"}},
		"gone":       {want: `{"a":{"b":1}}`, live: `{"a":{}}`, written: []string{"a.b: 1 null"}},
		"all gone":   {want: `{"a":{"b":1}}`, live: `{}`, written: []string{`a: {"b":1} null`}},
		"empty gone": {want: `{"a":{}}`, live: `{}`, written: []string{`a: {} null`}},
		"null":       {want: `{"a":null}`, live: `{}`, covered: true},
		"not null":   {want: `{"a":null}`, live: `{"a":1}`, written: []string{"a: null 1"}},
		"kind":       {want: `{"a":[1]}`, live: `{"a":{"b":1}}`, written: []string{`a: [1] {"b":1}`}},
		"added": {
			want:    `{"a":{}}`,
			live:    `{"a":{"b":1},"c":2}`,
			added:   []string{"a.b: null 1", "c: null 2"},
			covered: true,
		},
		"filled in": {want: `{"a":{}}`, live: `{"a":{"server":1}}`, covered: true},
		"list":      {want: `{"a":[1,[2]]}`, live: `{"a":[1,[3]]}`, written: []string{"a[1][0]: 2 3"}},
		"length":    {want: `{"a":[1]}`, live: `{"a":[1,2]}`, written: []string{"a: [1] [1,2]"}},
		"emptied":   {want: `{"a":[{"name":"x"}]}`, live: `{"a":[]}`, written: []string{`a: [{"name":"x"}] []`}},
		"names": {
			want:    `{"a":[{"name":"x","v":1},{"name":"y"},{"name":"z"}]}`,
			live:    `{"a":[{"name":"w"},{"name":"z"},{"name":"x","v":2}]}`,
			written: []string{"a[x].v: 1 2", `a[y]: {"name":"y"} null`},
			added:   []string{"a[x].v: 1 2", `a[y]: {"name":"y"} null`, `a[w]: null {"name":"w"}`},
		},
		"only an element added": {
			want:  `{"a":[{"name":"x"}]}`,
			live:  `{"a":[{"name":"x"},{"name":"y"}]}`,
			added: []string{`a[y]: null {"name":"y"}`},
		},
		"only the order": {want: `[{"name":"x"},{"name":"y"}]`, live: `[{"name":"y"},{"name":"x"}]`},
		"a name twice": {
			want:    `[{"name":"x","v":1},{"name":"x","v":2}]`,
			live:    `[{"name":"x","v":1},{"name":"x","v":3}]`,
			written: []string{"[1].v: 2 3"},
		},
		"an empty name": {
			want:    `[{"name":""}]`,
			live:    `[{"name":"","b":1}]`,
			added:   []string{"[0].b: null 1"},
			covered: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			want, live := value(t, test.want), value(t, test.live)
			if test.added == nil {
				test.added = test.written
			}
			additions := Comparing{
				Additions: true,
				FilledIn:  func(name string, _ any) bool { return name == "server" },
			}
			if d := cmp.Diff(test.written, lines(t, Differences(want, live, Comparing{}))); d != "" {
				t.Errorf("without additions:\n%s", d)
			}
			if d := cmp.Diff(test.added, lines(t, Differences(want, live, additions))); d != "" {
				t.Errorf("with additions:\n%s", d)
			}
			if got := Covers(want, live); got != test.covered {
				t.Errorf("Covers is %v", got)
			}
		})
	}
}

func lines(t *testing.T, all []Difference) []string {
	var out []string
	for _, d := range all {
		want, err := json.Marshal(d.Want)
		if err != nil {
			t.Fatal(err)
		}
		live, err := json.Marshal(d.Live)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, d.Field()+": "+string(want)+" "+string(live))
	}
	return out
}

func TestCompleted(t *testing.T) {
	for _, test := range []struct{ want, live, completed string }{
		{`1`, `2`, `1`},
		{`{"a":1}`, `{"a":2,"b":3}`, `{"a":1}`},
		{`{"a":[1]}`, `{"a":[1,2]}`, `{"a":[1]}`},
		{`{"a":[]}`, `{"a":[{"name":"x"}]}`, `{"a":[]}`},
		{`{"a":[{"name":"x","v":1}]}`, `{}`, `{"a":[{"name":"x","v":1}]}`},
		{
			`{"a":{"b":[{"name":"x","v":1}]}}`,
			`{"a":{"b":[{"name":"y"},{"name":"x","v":2,"w":3},{"no":1}]}}`,
			`{"a":{"b":[{"name":"x","v":1},{"name":"y"}]}}`,
		},
	} {
		want := value(t, test.want)
		if d := cmp.Diff(value(t, test.completed), Completed(want, value(t, test.live))); d != "" {
			t.Errorf("%s completed from %s:\n%s", test.want, test.live, d)
		}
		if d := cmp.Diff(value(t, test.want), want); d != "" {
			t.Errorf("what was written has changed:\n%s", d)
		}
	}
}

// TestComparingIsOfOneMind relates the three to each other on random values.
func TestComparingIsOfOneMind(t *testing.T) {
	names := rapid.SampledFrom([]string{"name", "a", "b"})
	var any3 func(depth int) *rapid.Generator[any]
	any3 = func(depth int) *rapid.Generator[any] {
		plain := rapid.SampledFrom([]any{"x", "y", int64(1), true, nil})
		if depth == 0 {
			return plain
		}
		return rapid.OneOf(
			plain,
			rapid.Map(rapid.SliceOfN(any3(depth-1), 0, 3), func(l []any) any { return l }),
			rapid.Map(rapid.MapOfN(names, any3(depth-1), 0, 3), func(m map[string]any) any { return m }),
		)
	}
	rapid.Check(t, func(t *rapid.T) {
		want, live := any3(3).Draw(t, "want"), any3(3).Draw(t, "live")
		all, written := Differences(want, live, Comparing{Additions: true}), Differences(want, live, Comparing{})
		if !Covers(want, want) || len(Differences(want, want, Comparing{Additions: true})) > 0 {
			t.Fatal("a value differs from itself")
		}
		if len(written) > len(all) {
			t.Fatalf("%d differences, and %d with additions", len(written), len(all))
		}
		if Covers(want, live) && len(written) > 0 {
			t.Fatalf("covered, but for %v", written)
		}
		if reflect.DeepEqual(want, live) && len(all) > 0 {
			t.Fatalf("equal, but for %v", all)
		}
		if left := Differences(want, Completed(want, live), Comparing{}); len(left) > 0 {
			t.Fatalf("what is completed still lacks %v", left)
		}
	})
}
