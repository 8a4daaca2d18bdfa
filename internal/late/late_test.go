// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package late

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func lit(s string) Part { return Part{Literal: s} }
func ref(s string) Part { return Part{Ref: s} }

func TestParse(t *testing.T) {
	for in, want := range map[string]Text{
		"":                              nil,
		"plain":                         {lit("plain")},
		"${partition.start}":            {ref("partition.start")},
		"a${partition.start}b":          {lit("a"), ref("partition.start"), lit("b")},
		"${job.name}${run.name}":        {ref("job.name"), ref("run.name")},
		"${attempt}":                    {ref("attempt")},
		"${partition.country.key}":      {ref("partition.country.key")},
		"$${partition.start}":           {lit("${partition.start}")},
		"$$${partition.start}":          {lit("$"), ref("partition.start")},
		"$$$${partition.start}":         {lit("$${partition.start}")},
		"$${attempt}":                   {lit("${attempt}")},
		"${attempts}":                   {lit("${attempts}")},
		"${partition}":                  {lit("${partition}")},
		"${HOME} $$ $(HOME) {{x}} $${Y": {lit("${HOME} $$ $(HOME) {{x}} $${Y")},
		"$":                             {lit("$")},
		"💥\n${partition.key}\t":         {lit("💥\n"), ref("partition.key"), lit("\t")},
	} {
		got, err := Parse(in)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Parse(%q) = %#v, %v; want %#v", in, got, err, want)
		}
	}
}

func TestParseMalformed(t *testing.T) {
	for in, want := range map[string]MalformedError{
		"${partition.start":                       {0, "${partition.start"},
		"ab ${partition.start + 1} c":             {3, "${partition.start + 1}"},
		"${job.name} ${run.}":                     {12, "${run.}"},
		"${partition.start[0]}":                   {0, "${partition.start[0]}"},
		"$$${partition.}":                         {2, "${partition.}"},
		"${partition." + strings.Repeat("é ", 40): {0, "${partition." + strings.Repeat("é ", 8) + "…"},
	} {
		_, err := Parse(in)
		var got *MalformedError
		if !errors.As(err, &got) || *got != want {
			t.Errorf("Parse(%q) gave %#v; want %#v", in, got, want)
		}
	}
}

// Texts of the very pieces that could be mistaken for each other.
var anyText = rapid.Custom(func(t *rapid.T) Text {
	var out Text
	for range rapid.IntRange(0, 6).Draw(t, "n") {
		if rapid.Bool().Draw(t, "ref") {
			out = out.Join(
				ref(rapid.SampledFrom([]string{"partition.start", "partition.a-b.key", "job.name", "attempt"}).Draw(t, "r")),
			)
			continue
		}
		out = out.Join(
			lit(
				rapid.SampledFrom([]string{
					"$", "$$", "{", "}", "${", "partition.", "${partition.", "attempt}", "${attempt}", "x", "é", "", "{job.",
				}).
					Draw(t, "l"),
			),
		)
	}
	return out
})

func TestEncodeThenParseGivesTheSameText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyText.Draw(t, "text")
		got, err := Parse(want.Encode())
		if err != nil || len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("%#v encodes as %q, which parses as %#v, %v", want, want.Encode(), got, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "${partition.start}", "$$${job.name}", "${partition.", "$${attempt}", "{{x}}$(y)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, err := Parse(Escape(s))
		if err != nil || len(text) > 1 || (s != "" && text[0] != lit(s)) {
			t.Fatalf("Escape(%q) = %q parses as %#v, %v", s, Escape(s), text, err)
		}
		text, err = Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(text.Encode())
		if err != nil || len(text)+len(again) > 0 && !reflect.DeepEqual(text, again) {
			t.Fatalf("%#v became %#v, %v", text, again, err)
		}
	})
}
