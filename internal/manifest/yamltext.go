// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package manifest

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// looks is how a text may be written as far as its characters go. What else it
// might be read as is asked of certainlyText.
type looks int

const (
	otherText  looks = iota // ask the library
	plainText               // as it stands
	quotedText              // in single quotes
	blockText               // as a block of lines
)

// looksOf is otherText for all texts with characters beyond ASCII, control
// characters, and blanks beside breaks.
func looksOf(s string) looks {
	if s == "" {
		return otherText
	}
	breaks := false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\n':
			breaks = true
		case c < ' ' || c > '~':
			return otherText
		}
	}
	switch {
	case !breaks && indicates(s):
		return quotedText
	case !breaks:
		return plainText
	case s[0] == ' ' || s[0] == '\n' || strings.HasSuffix(s, " ") || strings.Contains(s, " \n"):
		return otherText
	}
	return blockText
}

// indicates tells whether a line of text would mean something else to YAML than
// itself, if it were a text at all.
func indicates(s string) bool {
	if strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") {
		return true
	}
	switch first := s[0]; {
	case strings.IndexByte(" #,[]{}&*!|>'\"%@`", first) >= 0:
		return true
	case strings.IndexByte("?:-", first) >= 0 && (len(s) == 1 || s[1] == ' '):
		return true
	}
	last := s[len(s)-1]
	return last == ' ' || last == ':' || strings.Contains(s, ": ") || strings.Contains(s, " #")
}

// words are what YAML, old or new, reads as something else in one spelling or
// another.
var words = []string{"y", "yes", "n", "no", "null", "true", "false", "on", "off", "~", "<<"}

// certainlyText tells that no reader of YAML, old or new, takes a line for a
// number, a truth value, nothing, or a time. It is false for some texts too.
func certainlyText(s string) bool {
	switch first := s[0]; {
	case strings.IndexByte("yYnNtTfFoO~<", first) >= 0:
		return !slices.ContainsFunc(words, func(word string) bool { return strings.EqualFold(word, s) })
	case first == '.':
		return false
	case first == '+' || first == '-' || first >= '0' && first <= '9':
		// Of numbers in any notation, and of times, but for +.inf.
		const letters = "abcdefABCDEFoOpPtTxXzZ"
		return !strings.EqualFold(s[1:], ".inf") && strings.ContainsFunc(s, func(r rune) bool {
			return isLetter(byte(r)) && !strings.ContainsRune(letters, r)
		})
	}
	return true
}

// onlyDigits tells whether a text is a whole number, which is written in double
// quotes.
func onlyDigits(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// compareKeys is the order in which yaml/v3 writes keys, in which 2 comes
// before 10.
func compareKeys(a, b string) int {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	switch {
	case at < len(a) && at < len(b) && isLetter(a[at]) && isLetter(b[at]):
		return cmp.Compare(a[at], b[at])
	case keysLess([]rune(a), []rune(b)):
		return -1
	case keysLess([]rune(b), []rune(a)):
		return 1
	}
	return strings.Compare(a, b) // differ in bytes that are no characters
}

func keysLess(a, b []rune) bool {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	if at == len(a) || at == len(b) {
		return len(a) < len(b)
	}
	switch letter, other := unicode.IsLetter(a[at]), unicode.IsLetter(b[at]); {
	case letter && other:
		return a[at] < b[at]
	case letter || other:
		// A number that ends comes before one that goes on.
		afterDigit := at > 0 && unicode.IsDigit(a[at-1])
		return letter == afterDigit
	}
	n, digits := numberAt(a, at, b)
	m, others := numberAt(b, at, a)
	return cmp.Or(cmp.Compare(n, m), cmp.Compare(digits, others), cmp.Compare(a[at], b[at])) < 0
}

// numberAt reads the digits of a key from where it first differs from another
// one. Zeros count only behind other digits.
func numberAt(key []rune, at int, other []rune) (n int64, digits int) {
	if key[at] == '0' || other[at] == '0' {
		for i := at - 1; i >= 0 && unicode.IsDigit(key[i]); i-- {
			if key[i] != '0' {
				n = 1
				break
			}
		}
	}
	for ; at+digits < len(key) && unicode.IsDigit(key[at+digits]); digits++ {
		n = n*10 + int64(key[at+digits]-'0')
	}
	return n, digits
}
