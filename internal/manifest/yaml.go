// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package manifest

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
)

// yamlWriter writes objects byte for byte as the encoder of yaml/v3 writes them
// with an indent of two; tests compare the two. That encoder keeps each event of
// a document until its end and copies all of them as there are more: writing took
// half of the time and most of the memory of compiling many jobs. What is not
// plain to see is left to it still, texts by themselves and objects as a whole.
type yamlWriter struct {
	out  []byte
	keys []string // of the mappings that are being written
	// single are texts of one line as the library has written them.
	single map[string]string
}

// object writes one document.
func (w *yamlWriter) object(o map[string]any) error {
	start := len(w.out)
	if len(o) > 0 && w.mapping(o, 0, true) {
		return nil
	}
	text, err := libraryYAML(o)
	w.out = append(w.out[:start], text...)
	return err
}

// mapping writes a mapping that is not empty; inline tells that its first key
// continues a line. It is false where only the library knows how.
func (w *yamlWriter) mapping(m map[string]any, indent int, inline bool) bool {
	mark := len(w.keys)
	for key := range m {
		w.keys = append(w.keys, key)
	}
	keys := w.keys[mark:]
	slices.SortFunc(keys, compareKeys)
	for i, key := range keys {
		if i > 0 || !inline {
			w.pad(indent)
		}
		if !w.key(key) || !w.value(m[key], indent, false) {
			return false
		}
	}
	w.keys = w.keys[:mark]
	return true
}

// sequence writes a sequence that is not empty.
func (w *yamlWriter) sequence(items []any, indent int, inline bool) bool {
	for i, item := range items {
		if i > 0 || !inline {
			w.pad(indent)
		}
		w.out = append(w.out, '-')
		if !w.value(item, indent, true) {
			return false
		}
	}
	return true
}

// value writes what follows a key or the mark of an item, to the end of the
// line or of the lines below it.
func (w *yamlWriter) value(v any, indent int, item bool) bool {
	below := byte('\n') // where a collection begins
	if item {
		below = ' '
	}
	switch v := v.(type) {
	case map[string]any:
		if len(v) > 0 {
			w.out = append(w.out, below)
			return w.mapping(v, indent+2, item)
		}
		w.out = append(w.out, " {}\n"...)
	case []any:
		if len(v) > 0 {
			w.out = append(w.out, below)
			return w.sequence(v, indent+2, item)
		}
		w.out = append(w.out, " []\n"...)
	case string:
		w.out = append(w.out, ' ')
		return w.text(v, indent+2)
	case bool:
		w.out = append(strconv.AppendBool(append(w.out, ' '), v), '\n')
	case int64:
		w.out = append(strconv.AppendInt(append(w.out, ' '), v, 10), '\n')
	case int:
		w.out = append(strconv.AppendInt(append(w.out, ' '), int64(v), 10), '\n')
	default:
		return false
	}
	return true
}

func (w *yamlWriter) pad(indent int) {
	for range indent {
		w.out = append(w.out, ' ')
	}
}

// maxSimpleKey is the length up to which a key is written before a colon.
const maxSimpleKey = 128

func (w *yamlWriter) key(key string) bool {
	if len(key) > maxSimpleKey || looksOf(key) != plainText || !certainlyText(key) {
		return false
	}
	w.out = append(append(w.out, key...), ':')
	return true
}

// text writes a text and ends the line. Lines of their own begin at indent.
func (w *yamlWriter) text(s string, indent int) bool {
	switch looks := looksOf(s); {
	case looks == plainText && certainlyText(s):
		w.out = append(append(w.out, s...), '\n')
	case looks == plainText && onlyDigits(s):
		w.out = append(append(append(w.out, '"'), s...), '"', '\n')
	case looks == quotedText && certainlyText(s):
		w.out = append(append(append(w.out, '\''), strings.ReplaceAll(s, "'", "''")...), '\'', '\n')
	case looks == blockText:
		w.block(s, indent)
	default:
		return w.other(s, indent)
	}
	return true
}

// block writes a text of several lines, the first of which does not begin with
// a blank.
func (w *yamlWriter) block(s string, indent int) {
	w.out = append(w.out, '|')
	switch {
	case !strings.HasSuffix(s, "\n"):
		w.out = append(w.out, '-') // no break at the end
	case strings.HasSuffix(s, "\n\n"):
		w.out = append(w.out, '+') // all of them
	}
	w.out = append(w.out, '\n')
	for line := range strings.Lines(s) {
		if line != "\n" {
			w.pad(indent)
		}
		w.out = append(w.out, line...)
	}
	if !strings.HasSuffix(s, "\n") {
		w.out = append(w.out, '\n')
	}
}

// other has the library write a text, as the only one of sequences that are as
// deep as its place.
func (w *yamlWriter) other(s string, indent int) bool {
	if written, ok := w.single[s]; ok {
		w.out = append(w.out, written...)
		return true
	}
	var nested any = s
	for range indent / 2 {
		nested = []any{nested}
	}
	text, err := libraryYAML(nested)
	if err != nil {
		return false
	}
	text = text[indent:] // "- " for each of the sequences
	if bytes.IndexByte(text, '\n') == len(text)-1 && !strings.ContainsAny(s, "\r\u0085\u2028\u2029") {
		if w.single == nil {
			w.single = map[string]string{}
		}
		w.single[s] = string(text)
	}
	w.out = append(w.out, text...)
	return true
}

// libraryYAML encodes one document.
func libraryYAML(v any) ([]byte, error) {
	var out bytes.Buffer
	// The writer of kubectl's own library folds long lines and refuses some
	// characters; this one does neither.
	encoder := yamlv3.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("ending the document: %w", err)
	}
	return out.Bytes(), nil
}
