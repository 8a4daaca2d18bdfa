// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package manifest

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Difference is one field in which two values differ.
type Difference struct {
	// Path leads to the field: names of fields, and "[0]" or "[name]" for an
	// element of a list.
	Path []string
	// Want is nil where nothing was written, Live where nothing is left. As in
	// a merge patch, a null is as good as nothing.
	Want, Live any
}

// Field is the path as people write it, such as "spec.templates[shard].inputs".
func (d Difference) Field() string {
	return strings.ReplaceAll(strings.Join(d.Path, "."), ".[", "[")
}

// Comparing is how two values are compared.
type Comparing struct {
	// Additions has fields and named elements count too that are in the live
	// value alone.
	Additions bool
	// FilledIn leaves out additions that the API server may have made itself;
	// nil leaves out none.
	FilledIn func(name string, value any) bool
}

// Differences compares what was written with what is there. Lists of named
// things are compared by name, as Kubernetes merges them, and other lists by
// position; lists of different lengths differ as a whole. Differences come in
// the order of fields by name and of elements as they were written, with the
// additions to a list or an object after the rest of it.
// See internal/decisions/0032-objects-are-compared-in-one-place.md.
func Differences(want, live any, how Comparing) []Difference {
	c := comparison{Comparing: how, named: true}
	c.walk(nil, want, live)
	return c.found
}

// Covers tells whether every field that was written is in the live value as
// written. Fields that the API server or a controller added do not count, but
// elements of lists do, and their order.
func Covers(want, live any) bool {
	var c comparison
	c.walk(nil, want, live)
	return len(c.found) == 0
}

// Completed is what a merge patch has to hold to bring a live value in line with
// what was written: a list is replaced by a patch, so those of named things keep
// what others have added to them. Fields of objects that are left out of a patch
// stay by themselves.
func Completed(want, live any) any {
	switch want := want.(type) {
	case map[string]any:
		before, _ := live.(map[string]any)
		out := maps.Clone(want)
		for name, value := range out {
			out[name] = Completed(value, before[name])
		}
		return out
	case []any:
		out := slices.Clone(want)
		before, _ := live.([]any)
		if mine := byName(want); mine != nil {
			for _, extra := range before {
				if name := nameOf(extra); name != "" && mine[name] == nil {
					out = append(out, extra)
				}
			}
		}
		return out
	}
	return want
}

// comparison collects differences.
type comparison struct {
	Comparing
	named bool // pair the elements of lists by their names
	found []Difference
}

func (c *comparison) walk(path []string, want, live any) {
	switch want := want.(type) {
	case map[string]any:
		if live, ok := live.(map[string]any); ok {
			c.fields(path, want, live)
			return
		}
	case []any:
		if live, ok := live.([]any); ok && c.elements(path, want, live) {
			return
		}
	}
	if !reflect.DeepEqual(want, live) {
		c.note(path, want, live)
	}
}

func (c *comparison) note(path []string, want, live any) {
	c.found = append(c.found, Difference{Path: path, Want: want, Live: live})
}

func (c *comparison) fields(path []string, want, live map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		c.walk(below(path, name), want[name], live[name])
	}
	if !c.Additions {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(live)) {
		if _, written := want[name]; !written && (c.FilledIn == nil || !c.FilledIn(name, live[name])) {
			c.note(below(path, name), nil, live[name])
		}
	}
}

// elements compares two lists, and tells whether that could be done element by
// element.
func (c *comparison) elements(path []string, want, live []any) bool {
	if c.named {
		if mine, theirs := byName(want), byName(live); mine != nil && theirs != nil {
			c.namedElements(path, want, live, mine, theirs)
			return true
		}
	}
	if len(live) != len(want) {
		return false
	}
	for i := range want {
		c.walk(below(path, fmt.Sprintf("[%d]", i)), want[i], live[i])
	}
	return true
}

func (c *comparison) namedElements(path []string, want, live []any, mine, theirs map[string]any) {
	for _, o := range want {
		name := nameOf(o)
		at := below(path, "["+name+"]")
		if theirs[name] == nil {
			c.note(at, o, nil)
			continue
		}
		c.walk(at, o, theirs[name])
	}
	for _, o := range live {
		if name := nameOf(o); c.Additions && mine[name] == nil {
			c.note(below(path, "["+name+"]"), nil, o)
		}
	}
}

// below is a path that shares nothing with others, because it is kept.
func below(path []string, name string) []string {
	return append(slices.Clone(path), name)
}

// byName indexes a list of objects whose names are all there and different; it
// is nil for any other list.
func byName(list []any) map[string]any {
	if len(list) == 0 {
		return nil
	}
	out := make(map[string]any, len(list))
	for _, o := range list {
		name := nameOf(o)
		if name == "" || out[name] != nil {
			return nil
		}
		out[name] = o
	}
	return out
}

func nameOf(o any) string {
	m, _ := o.(map[string]any)
	name, _ := m["name"].(string)
	return name
}
