// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package jobschema

import (
	"bytes"
	"encoding/json"
	"reflect"
)

// Edit is an attribute in which two declarations differ, with what a change of it
// does. Members of lists and maps count as edits of the whole.
type Edit struct {
	Path  string // such as "runner.image"
	Class EditClass
}

// Edits compares two canonical declarations by the table, in the order of the
// table. Texts that are not JSON objects have no edits.
// See internal/decisions/0006-edit-classes.md.
func Edits(before, after []byte) []Edit {
	var a, b map[string]any
	for text, into := range map[*[]byte]*map[string]any{&before: &a, &after: &b} {
		decoder := json.NewDecoder(bytes.NewReader(*text))
		decoder.UseNumber() // a key may need all 64 bits
		if decoder.Decode(into) != nil {
			return nil
		}
	}
	return edits(Job(), a, b, "")
}

func edits(rows []Attribute, before, after map[string]any, prefix string) []Edit {
	var out []Edit
	for _, row := range rows {
		a, b := before[row.Name], after[row.Name]
		if reflect.DeepEqual(a, b) {
			continue
		}
		within, ok := a.(map[string]any)
		beside, both := b.(map[string]any)
		if row.Kind == Object && ok && both {
			out = append(out, edits(row.Attributes, within, beside, prefix+row.Name+".")...)
			continue
		}
		out = append(out, Edit{prefix + row.Name, row.Class})
	}
	return out
}
