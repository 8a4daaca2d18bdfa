// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package domain

import (
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"
)

// Values is an explicit list. Its order is for presentation only.
type Values struct {
	Items []string

	// place finds an item's position; New fills it in.
	place map[string]int64
}

func (v Values) sealed() {}

// Kind is Value.
func (v Values) Kind() Kind { return Value }

func (v Values) ready() Axis {
	place := make(map[string]int64, len(v.Items))
	for i, item := range v.Items {
		place[item] = int64(i)
	}
	v.place = place
	return v
}

func (v Values) check() []*Error {
	if len(v.Items) == 0 {
		return []*Error{fault("values", "The list is empty. Add at least one value.")}
	}
	var errs []*Error
	seen := make(map[string]int, len(v.Items))
	for i, item := range v.Items {
		first, twice := seen[item]
		switch {
		case item == "":
			errs = append(errs, faultAt("values", i, "The value is empty, but it is the name of its partition. Remove it, or "+
				"set a text."))
		case !utf8.ValidString(item):
			errs = append(errs, faultAt("values", i, "The value %q is not valid UTF-8. Use a UTF-8 text.", item))
		case twice:
			errs = append(errs, faultAt("values", i, "The value %q is listed twice, at positions %d and %d. Remove one of "+
				"the two.", item, first, i))
		default:
			seen[item] = i
		}
	}
	return errs
}

// Count is the number of items.
func (v Values) Count() int64 { return int64(len(v.Items)) }

// Cell returns item i.
func (v Values) Cell(i int64) Part { return Part{Text: v.Items[i], Cell: i} }

// Split panics: values have no positions.
func (v Values) Split(_, _ int64) iter.Seq[Part] { panic("domain: values cannot be split") }

// Find returns the position of an item.
func (v Values) Find(item string) (cell int64, ok bool) {
	if v.place != nil {
		cell, ok = v.place[item]
		return cell, ok
	}
	for i, have := range v.Items {
		if have == item {
			return int64(i), true
		}
	}
	return 0, false
}

func (v Values) keyOf(p Part) string { return encode(p.Text) }

func (v Values) partOf(key string) (Part, bool) {
	item, ok := decode(key)
	if !ok {
		return Part{}, false
	}
	cell, ok := v.Find(item)
	return Part{Text: item, Cell: cell}, ok
}

func (v Values) longestKey() int {
	longest := 0
	for _, item := range v.Items {
		longest = max(longest, longestValueKey(item))
	}
	return longest
}

// longestValueKey is the length of a value's key in a product.
func longestValueKey(item string) int { return len(hideJoints(encode(item))) }

func (v Values) facts(p Part) []Fact { return []Fact{{"value", p.Text}} }

// encode encodes a text as a file name: letters, digits, dot, underscore and hyphen
// stay, every other byte becomes %XX (RFC 3986, section 2.1). The names . and .. are
// directories, so their dots are encoded too.
func encode(text string) string {
	if strings.Trim(text, ".") == "" && len(text) <= 2 {
		return strings.Repeat("%2E", len(text))
	}
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; plain(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-'
}

// decode is the inverse of encode, and decodes every other %XX too.
func decode(key string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(key); i++ {
		if key[i] != '%' {
			b.WriteByte(key[i])
			continue
		}
		if i+2 >= len(key) {
			return "", false
		}
		hi, lo := hexDigit(key[i+1]), hexDigit(key[i+2])
		if hi < 0 || lo < 0 {
			return "", false
		}
		b.WriteByte(byte(hi<<4 | lo))
		i += 2
	}
	return b.String(), true
}

func hexDigit(c byte) int { return strings.IndexByte("0123456789ABCDEF", c) }
