// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// longestShown bounds a value in a difference, in bytes.
const longestShown = 120

// Diff tells what differs between two compilations, by meaning: objects are
// paired by kind and name, lists of named things by name, and names that are
// hashes of a content count as equal, because the content itself is compared.
// It returns one line per difference, none when there is none.
func Diff(before, after []manifest.Object) []string {
	a, b := paired(before), paired(after)
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(union(a, b))) {
		switch {
		case a[name] == nil:
			lines = append(lines, "+ "+name)
		case b[name] == nil:
			lines = append(lines, "- "+name)
		default:
			for _, d := range manifest.Differences(a[name], b[name], manifest.Comparing{Additions: true}) {
				lines = append(lines, line(name, d))
			}
		}
	}
	return lines
}

// paired keys objects by what they are, with the hashes in names taken out.
func paired(objects []manifest.Object) map[string]any {
	hashed := map[string]string{}
	for _, o := range objects {
		if o.GetKind() == "WorkflowTemplate" {
			if i := strings.LastIndexByte(o.GetName(), '-'); i > 0 {
				hashed[o.GetName()] = o.GetName()[:i] + "-…"
			}
		}
	}
	out := map[string]any{}
	for _, o := range objects {
		content, _ := neutral(o.Object, hashed).(map[string]any)
		name := o.GetName()
		if short, ok := hashed[name]; ok {
			name = short
		}
		if namespace := o.GetNamespace(); namespace != "" {
			name = namespace + "/" + name
		}
		out[o.GetKind()+" "+name] = content
	}
	return out
}

// neutral replaces hashed names, and leaves out what follows from the rest of
// an object or belongs to the cluster.
func neutral(v any, hashed map[string]string) any {
	switch v := v.(type) {
	case string:
		if short, ok := hashed[v]; ok {
			return short
		}
		return v
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, value := range v {
			switch name {
			case "status", "backfill.dev/spec-hash", "backfill.dev/declaration", "managedFields", "resourceVersion", "uid",
				"generation", "creationTimestamp":
				continue
			}
			rest := neutral(value, hashed)
			if fields, ok := rest.(map[string]any); ok && len(fields) == 0 && !reflect.DeepEqual(value, rest) {
				continue // held nothing but what is left out
			}
			out[name] = rest
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			out[i] = neutral(value, hashed)
		}
		return out
	}
	return v
}

func union(a, b map[string]any) map[string]any {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// line is a difference inside one object.
func line(object string, d manifest.Difference) string {
	sign, values := "~", ""
	switch {
	case d.Want == nil:
		sign, values = "+", shown(d.Live)
	case d.Live == nil:
		sign, values = "-", shown(d.Want)
	default:
		before, after := around(asJSON(d.Want), asJSON(d.Live))
		values = before + " -> " + after
	}
	return fmt.Sprintf("%s %s: %s: %s", sign, object, d.Field(), values)
}

func shown(v any) string { return cut(asJSON(v), 0) }

// asJSON is a value as JSON.
func asJSON(v any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// around shortens two texts to where they begin to differ, and a little before.
func around(a, b string) (shownA, shownB string) {
	if len(a) <= longestShown && len(b) <= longestShown {
		return a, b
	}
	const before = 30
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	return cut(a, same-before), cut(b, same-before)
}

// cut is a text from a position, as much of it as is shown.
func cut(s string, from int) string { return text.Shorten(text.From(s, from), longestShown) }
