// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package text

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestShorten(t *testing.T) {
	for _, test := range []struct {
		text      string
		most      int
		want, cut string
	}{
		{"", 0, "", ""},
		{"", -1, "", ""},
		{"abc", 3, "abc", "abc"},
		{"abcd", 3, "…", "abc"},
		{"abcd", 2, "", "ab"},
		{"abcd", -1, "", ""},
		{"abcdef", 5, "ab…", "abcde"},
		{"aéé", 5, "aéé", "aéé"},
		{"aééé", 5, "a…", "aéé"},
		{"aééé", 6, "aé…", "aéé"},
		{"aééé", 7, "aééé", "aééé"},
		{"🦊🦊", 7, "🦊…", "🦊"},
		{"🦊🦊", 6, "…", "🦊"},
		{"\xff\xfea\xf0\x9f", 3, "?a?", "?a?"},
		{"abc\xf0\x9f", 4, "abc?", "abc?"},
		{"\xffabcd", 4, "?…", "?abc"},
	} {
		if got := Shorten(test.text, test.most); got != test.want {
			t.Errorf("Shorten(%q, %d) = %q, want %q", test.text, test.most, got, test.want)
		}
		if got := Cut(test.text, test.most); got != test.cut {
			t.Errorf("Cut(%q, %d) = %q, want %q", test.text, test.most, got, test.cut)
		}
	}
}

func TestFrom(t *testing.T) {
	for _, test := range []struct {
		text string
		at   int
		want string
	}{
		{"abc", -1, "abc"},
		{"abc", 0, "abc"},
		{"abc", 2, "…c"},
		{"abc", 3, "…"},
		{"abc", 9, "…"},
		{"aéb", 2, "…b"},
		{"aéb", 1, "…éb"},
	} {
		if got := From(test.text, test.at); got != test.want {
			t.Errorf("From(%q, %d) = %q, want %q", test.text, test.at, got, test.want)
		}
	}
}

func TestOneLine(t *testing.T) {
	if got := OneLine(" a\n\tb  c\r\n"); got != "a b c" {
		t.Errorf("got %q", got)
	}
}

func TestWhatIsShortenedIsValidAndShort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte("a\xc3\xa9\xf0\x9f")))
		s := string(rapid.SliceOf(some).Draw(t, "text"))
		most := rapid.IntRange(0, 20).Draw(t, "most")
		short, cut := Shorten(s, most), Cut(s, most)
		if len(short) > most || !utf8.ValidString(short) || len(cut) > most || !utf8.ValidString(cut) {
			t.Fatalf("%q and %q of %q, at most %d bytes", short, cut, s, most)
		}
		valid, kept := strings.ToValidUTF8(s, "?"), strings.TrimSuffix(short, Ellipsis)
		if !strings.HasPrefix(valid, cut) || !strings.HasPrefix(cut, kept) {
			t.Fatalf("%q and %q are not the beginning of %q", short, cut, s)
		}
	})
}
