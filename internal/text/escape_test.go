// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package text

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"pgregory.net/rapid"
)

func TestEscape(t *testing.T) {
	for _, test := range []struct{ name, text, line, block string }{
		{name: "plain", text: "orders 2024-01, 漢字 💥 é, C:\\x, a::b, #1 [x]"},
		{name: "colors", text: "\x1b[32mok\x1b[0m", line: `\u001b[32mok\u001b[0m`},
		{name: "clipboard", text: "\x1b]52;c;cm0=\a", line: `\u001b]52;c;cm0=\u0007`},
		{name: "8-bit sequence", text: "\u009b2K\u0085", line: `\u009b2K\u0085`},
		{name: "carriage return", text: "failed\rdone  ", line: `failed\rdone  `},
		{name: "line break and tab", text: "a\n\tb", line: `a\n\tb`, block: "a\n\tb"},
		{name: "directions", text: "a\u202eb\u2066c\u200f", line: `a\u202eb\u2066c\u200f`},
		{name: "invisible", text: "a\u200bb\ufeff\u3164\u2800\ufe0f", line: `a\u200bb\ufeff\u3164\u2800\ufe0f`},
		{name: "tags", text: "a\U000e0041\U000e0100", line: `a\U000e0041\U000e0100`},
		{name: "private and unassigned", text: "\ue000\U000fffff\u0378", line: `\ue000\U000fffff\u0378`},
		{name: "line separator", text: "a\u2028b", line: `a\u2028b`},
		{name: "not UTF-8", text: "a\xffb\xc3", line: `a\xffb\xc3`},
		{name: "command", text: "::error::x", line: `\u003a:error::x`},
		{name: "command behind blanks", text: " \u3000::set-output name=a::x", line: " \u3000\\u003a:set-output name=a::x"},
		{name: "command of a later line", text: "a\n::error::x", line: `a\n::error::x`, block: "a\n\\u003a:error::x"},
		{name: "command that wrapping moves", text: "a ::error::x", line: `a \u003a:error::x`},
		{name: "addresses", text: "[::1]:6443 ::1"},
		{name: "command of the board", text: "a##[error]x", line: `a##\u005berror]x`},
		{name: "commands of other servers", text: "##vso[x]##teamcity[y", line: `##vso\u005bx]##teamcity\u005by`},
		{name: "a hash too many", text: "###[error]", line: `###\u005berror]`},
		{name: "a command behind what is hidden", text: "\u200b::error::", line: `\u200b::error::`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.line == "" {
				test.line = test.text
			}
			if test.block == "" {
				test.block = test.line
			}
			if got := Escape(test.text); got != test.line {
				t.Errorf("got %q, want %q", got, test.line)
			}
			if got := EscapeBlock(test.text); got != test.block {
				t.Errorf("as a block: got %q, want %q", got, test.block)
			}
			if Plain(test.text) != (test.block == test.text) {
				t.Errorf("plain: %v", Plain(test.text))
			}
		})
	}
}

// hostile draws texts of what is to be escaped, and of what surrounds it.
var hostile = rapid.Custom(func(t *rapid.T) string {
	some := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"::", "##", "[", "error", " ", "\n", "\r", "\t", "\x1b[", "\u009b", "\u202e", "\u3164", "\U000e0041", `\`, `"`, "\xff",
	}))
	return strings.Join(rapid.SliceOf(some).Draw(t, "parts"), "")
})

func TestWhatIsEscapedShowsAndCommandsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hostile.Draw(t, "text")
		got := Escape(s)
		if strings.ContainsFunc(got, Hidden) || !utf8.ValidString(got) || wordCommand.MatchString(got) ||
			boardCommand.MatchString(got) {
			t.Fatalf("%q becomes %q", s, got)
		}
		if Escape(got) != got {
			t.Fatalf("%q is escaped twice", got)
		}
	})
}

// JSON and quoted text of a job file say the same before and after.
func TestEscapesOfFormatsAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := strings.ToValidUTF8(hostile.Draw(t, "text"), "?")
		var out bytes.Buffer
		if err := WriteJSON(&out, map[string]string{s: s}, "  "); err != nil {
			t.Fatal(err)
		}
		var back map[string]string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back[s] != s {
			t.Fatalf("%q is read back as %q, %v", s, back, err)
		}
		shown := strings.ReplaceAll(out.String(), "\n", "")
		if strings.ContainsFunc(shown, Hidden) || boardCommand.MatchString(shown) {
			t.Fatalf("%q becomes %q", s, shown)
		}
	})
	for _, s := range []string{"a\u202eb##[error]\U000e0041", "##vso[x"} {
		expr, diags := hclsyntax.ParseExpression(EscapeQuoted([]byte(`"`+s+`"`)), "a", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if v, diags := expr.Value(nil); diags.HasErrors() || v.AsString() != s {
			t.Errorf("%q is read back as %#v, %v", s, v, diags)
		}
	}
}

func TestPrinter(t *testing.T) {
	const bad = "x\n::error::\x1b[2K\t"
	var b strings.Builder
	p := NewPrinter(&b, true)
	p.Linef("is %s", bad)
	p.Line(Span{Text: bad, Style: BoldRed}, Span{Text: bad})
	p.Block(bad)
	p.Table(slices.Values([][]string{{"a", bad, "c"}, {"aa", "b", "c"}}))
	const want = `is x\n::error::\u001b[2K` + "\t\n" +
		"\x1b[1;31m" + `x\n::error::\u001b[2K` + "\t\x1b[0m" + `x\n::error::\u001b[2K` + "\t\n" +
		"x\n\\u003a:error::\\u001b[2K\t\n" +
		`a   x\n::error::\u001b[2K\t  c` + "\naa  b                        c\n"
	if got := b.String(); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// full is a writer on a full disk.
type full struct{ calls int }

func (f *full) Write([]byte) (int, error) {
	f.calls++
	return 0, errors.New("full")
}

func TestPrinterTellsOfTheFirstError(t *testing.T) {
	w := &full{}
	p := NewPrinter(w, false)
	p.Table(slices.Values([][]string{{"a"}}))
	p.Linef("b")
	if p.Err() == nil || w.calls != 1 {
		t.Errorf("%v after %d calls", p.Err(), w.calls)
	}
}
