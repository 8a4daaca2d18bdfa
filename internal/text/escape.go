// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package text

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// invisible are the characters that Unicode counts as letters, marks or symbols,
// and that nothing shows: fillers, joiners and variation selectors. They can keep
// a text inside another one.
var invisible = []*unicode.RangeTable{unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector}

// brailleBlank is a symbol without a dot.
const brailleBlank = '\u2800'

// Hidden is true for a character that nobody sees, or that changes how others are
// shown: control characters, also the line break and the tab, overrides of the
// direction, invisible characters, and what Unicode has not assigned.
func Hidden(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return !unicode.IsGraphic(r) || r == brailleBlank || unicode.In(r, invisible...)
}

// Commands of build servers inside of a line of output. GitHub reads "::name …::"
// at the start of a line, behind any blanks, and "##[name]" anywhere; others read
// "##vso[" and "##teamcity[". Wrapping moves a word to the start of a line.
var (
	wordCommand  = regexp.MustCompile(`(^|[\s\p{Z}])::([A-Za-z])`)
	boardCommand = regexp.MustCompile(`##(\w*)\[`)
)

// Escape is a text fit to be shown as a part of one line, of a terminal or of the
// log of a build server: hidden characters are written as in a job file ("\n",
// "\u001b"), bytes that are not UTF-8 as "\xff", and commands of a build server are
// broken. Nothing else changes, backslashes neither, so it is for people alone.
func Escape(s string) string { return escape(s, "") }

// EscapeBlock is Escape for a text of several lines: line breaks and tabs stay.
func EscapeBlock(s string) string { return escape(s, "\n\t") }

// Plain is true if EscapeBlock leaves a text as it is.
func Plain(s string) bool { return EscapeBlock(s) == s }

func escape(s, keep string) string {
	if harmless(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !Hidden(r) || strings.ContainsRune(keep, r):
			b.WriteRune(r)
		default:
			b.WriteString(spelled(r))
		}
		i += n
	}
	return disarmed(b.String())
}

// harmless is true for most texts, and quickly found.
func harmless(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '#' || c == ':' && i+1 < len(s) && s[i+1] == ':' {
			return false
		}
	}
	return true
}

func spelled(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	}
	return quotedRune(r)
}

// disarmed is a text in which one character of each command of a build server is
// spelled.
func disarmed(s string) string {
	s = wordCommand.ReplaceAllString(s, `$1\u003a:$2`)
	return boardCommand.ReplaceAllString(s, `##$1\u005b`)
}

// EscapeJSON is a JSON text that says the same, with hidden characters and the
// commands of build servers as escapes. Outside of strings JSON has none of them.
func EscapeJSON(data []byte) []byte { return escapeQuoted(data, jsonRune) }

// EscapeQuoted is EscapeJSON for a format whose double quotes know the escapes of a job
// file, as those of HCL and YAML do. Double quotes are around each text that is not
// Plain.
func EscapeQuoted(data []byte) []byte { return escapeQuoted(data, quotedRune) }

func escapeQuoted(data []byte, as func(rune) string) []byte {
	if !bytes.ContainsFunc(data, func(r rune) bool { return r == '#' || hiddenInQuotes(r) }) {
		return data
	}
	var b bytes.Buffer
	b.Grow(len(data))
	for _, r := range string(data) {
		if !hiddenInQuotes(r) {
			b.WriteRune(r)
			continue
		}
		b.WriteString(as(r))
	}
	return boardCommand.ReplaceAll(b.Bytes(), []byte(`##$1\u005b`))
}

// hiddenInQuotes leaves out what a format has for its layout, also in blocks of YAML.
func hiddenInQuotes(r rune) bool { return r != '\n' && r != '\t' && Hidden(r) }

// jsonRune writes a character beyond the first 65,536 as a pair, as JSON has it.
func jsonRune(r rune) string {
	if r > 0xFFFF {
		const half, low, high = 10, 0xDC00, 0xD800
		r -= 0x10000
		return fmt.Sprintf(`\u%04x\u%04x`, high+r>>half, low+r&(1<<half-1))
	}
	return fmt.Sprintf(`\u%04x`, r)
}

func quotedRune(r rune) string {
	if r > 0xFFFF {
		return fmt.Sprintf(`\U%08x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}
