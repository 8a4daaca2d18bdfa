// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package clustertest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Field is a place in an object: names of fields, and numbers of elements.
type Field []any

// String is the place with dots between.
func (f Field) String() string {
	parts := make([]string, len(f))
	for i, part := range f {
		parts[i] = fmt.Sprint(part)
	}
	return strings.Join(parts, ".")
}

// Fields lists every leaf below a value, and every object and list that is
// empty.
func Fields(at Field, v any) []Field {
	var all []Field
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			all = append(all, Fields(append(slices.Clone(at), name), v[name])...)
		}
	case []any:
		for i := range v {
			all = append(all, Fields(append(slices.Clone(at), i), v[i])...)
		}
	}
	if len(all) == 0 {
		return []Field{at}
	}
	return all
}

// Edit changes or removes one field of an object.
func Edit(v any, at Field, remove bool) any {
	if len(at) == 0 {
		switch v := v.(type) {
		case string:
			return v + "7"
		case int64:
			return v + 1
		case bool:
			return !v
		}
		return "7"
	}
	switch v := v.(type) {
	case map[string]any:
		name, _ := at[0].(string)
		if remove && len(at) == 1 {
			delete(v, name)
			return v
		}
		v[name] = Edit(v[name], at[1:], remove)
	case []any:
		i, _ := at[0].(int)
		v[i] = Edit(v[i], at[1:], remove)
	}
	return v
}
