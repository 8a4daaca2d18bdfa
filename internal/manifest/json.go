// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package manifest

import (
	"encoding/json"
	"slices"
	"strconv"
)

// AppendJSON appends the value as encoding/json writes it, byte for byte. Values
// that objects are made of are written here, several times as fast.
func AppendJSON(out []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case map[string]any:
		if v != nil {
			return appendObject(out, v)
		}
	case []any:
		if v != nil {
			return appendArray(out, v)
		}
	case string:
		if asItStands(v) {
			return append(append(append(out, '"'), v...), '"'), nil
		}
	case bool:
		return strconv.AppendBool(out, v), nil
	case int64:
		return strconv.AppendInt(out, v, 10), nil
	}
	text, err := json.Marshal(v)
	return append(out, text...), err
}

func appendObject(out []byte, o map[string]any) (_ []byte, err error) {
	var few [16]string
	keys := few[:0]
	for key := range o {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	out = append(out, '{')
	for i, key := range keys {
		if i > 0 {
			out = append(out, ',')
		}
		if out, err = AppendJSON(out, key); err != nil {
			return nil, err
		}
		if out, err = AppendJSON(append(out, ':'), o[key]); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

func appendArray(out []byte, items []any) (_ []byte, err error) {
	out = append(out, '[')
	for i, item := range items {
		if i > 0 {
			out = append(out, ',')
		}
		if out, err = AppendJSON(out, item); err != nil {
			return nil, err
		}
	}
	return append(out, ']'), nil
}

// asItStands tells whether nothing in a text has to be escaped. The three signs
// are those of HTML, which encoding/json escapes too.
func asItStands(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}
