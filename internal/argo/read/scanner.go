// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// scanner walks through JSON once. It takes null for an empty value of any kind,
// and does not look closely at what it skips.
type scanner struct {
	json  []byte
	At    int
	words map[string]string // texts that come more than once, each kept once
}

// peek is the next byte that is no blank, or 0 at the end.
func (s *scanner) peek() byte {
	for ; s.At < len(s.json); s.At++ {
		switch c := s.json[s.At]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// take consumes a byte if it is the next one.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.At++
	return true
}

func (s *scanner) unexpected() error {
	if s.peek() == 0 {
		return fmt.Errorf("JSON ends too early, at byte %d", s.At)
	}
	return fmt.Errorf("unexpected %q in JSON, at byte %d", s.json[s.At], s.At)
}

// end demands that nothing follows.
func (s *scanner) end() error {
	if s.peek() != 0 || s.At < len(s.json) {
		return s.unexpected()
	}
	return nil
}

// null consumes a null.
func (s *scanner) null() bool {
	if s.peek() != 'n' || !bytes.HasPrefix(s.json[s.At:], []byte("null")) {
		return false
	}
	s.At += len("null")
	return true
}

// object visits the fields of an object; the visitor consumes their values.
func (s *scanner) object(visit func(field []byte) error) error {
	if s.null() {
		return nil
	}
	return s.list('{', '}', func() error {
		field, err := s.quoted()
		if err != nil {
			return err
		}
		if !s.take(':') {
			return s.unexpected()
		}
		return visit(field)
	})
}

// array visits the items of an array; the visitor consumes them.
func (s *scanner) array(visit func() error) error {
	if s.null() {
		return nil
	}
	return s.list('[', ']', visit)
}

func (s *scanner) list(open, end byte, visit func() error) error {
	if !s.take(open) {
		return s.unexpected()
	}
	if s.take(end) {
		return nil
	}
	for {
		if err := visit(); err != nil {
			return err
		}
		if s.take(end) {
			return nil
		}
		if !s.take(',') {
			return s.unexpected()
		}
	}
}

// text reads a text.
func (s *scanner) text(into *string) error {
	if s.null() {
		return nil
	}
	text, err := s.quoted()
	*into = string(text)
	return err
}

// word reads a text that comes more than once.
func (s *scanner) word(into *string) error {
	if s.null() {
		return nil
	}
	text, err := s.quoted()
	*into = s.known(text)
	return err
}

// known is the one string for a text.
func (s *scanner) known(text []byte) string {
	known, ok := s.words[string(text)]
	if !ok {
		known = string(text)
		s.words[known] = known
	}
	return known
}

// quoted reads a text as it stands in the JSON where nothing in it is escaped.
func (s *scanner) quoted() ([]byte, error) {
	from, escaped, err := s.pass()
	if err != nil || !escaped {
		return s.json[min(from+1, len(s.json)):max(min(from+1, len(s.json)), s.At-1)], err
	}
	var text string
	err = json.Unmarshal(s.json[from:s.At], &text)
	return []byte(text), err
}

// pass goes past a text and tells where it began and whether anything in it is escaped.
func (s *scanner) pass() (from int, escaped bool, err error) {
	if s.peek() != '"' {
		return s.At, false, s.unexpected()
	}
	from = s.At
	for At := from + 1; ; {
		end := bytes.IndexByte(s.json[At:], '"')
		if end < 0 {
			s.At = len(s.json)
			return from, false, s.unexpected()
		}
		back := bytes.IndexByte(s.json[At:At+end], '\\')
		if back < 0 {
			s.At = At + end + 1
			return from, escaped, nil
		}
		escaped = true
		At += back + 2
		if At > len(s.json) {
			s.At = len(s.json)
			return from, false, s.unexpected()
		}
	}
}

// skip goes past a value of any kind.
func (s *scanner) skip() error {
	switch s.peek() {
	case '"':
		_, _, err := s.pass()
		return err
	case '{':
		return s.object(func([]byte) error { return s.skip() })
	case '[':
		return s.array(s.skip)
	}
	from := s.At
	for s.At < len(s.json) && !bytes.ContainsRune([]byte(",]} \t\r\n"), rune(s.json[s.At])) {
		s.At++
	}
	if !json.Valid(s.json[from:s.At]) {
		s.At = from
		return s.unexpected()
	}
	return nil
}
