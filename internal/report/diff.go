// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// longestShown limits the length of a value in a difference, in bytes.
const longestShown = 120

// Diff compares two compilations by meaning. It pairs objects by kind and name, and
// list elements by name. Names that are hashes of a content count as equal, because
// the content itself is compared. It returns one line per difference.
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
			d := &differ{object: name}
			d.compare("", a[name], b[name])
			lines = append(lines, d.lines...)
		}
	}
	return lines
}

// WriteDiff writes the differences, grouped by object.
func WriteDiff(w io.Writer, lines []string) error {
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

// paired keys objects by kind and name, without the hashes in names.
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

// neutral replaces hashed names, and removes fields that derive from the rest of an
// object or that the cluster sets.
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
				continue // had only removed fields
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

// differ collects the differences inside one object.
type differ struct {
	object string
	lines  []string
}

func (d *differ) compare(path string, a, b any) {
	if reflect.DeepEqual(a, b) {
		return
	}
	left, leftMap := a.(map[string]any)
	right, rightMap := b.(map[string]any)
	if leftMap && rightMap {
		d.fields(path, left, right)
		return
	}
	leftNamed, rightNamed := byName(a), byName(b)
	if leftNamed != nil && rightNamed != nil {
		d.elements(path, leftNamed, rightNamed)
		return
	}
	leftList, leftIs := a.([]any)
	rightList, rightIs := b.([]any)
	if leftIs && rightIs && len(leftList) == len(rightList) {
		for i := range leftList {
			d.compare(fmt.Sprintf("%s[%d]", path, i), leftList[i], rightList[i])
		}
		return
	}
	before, after := around(text(a), text(b))
	d.line("~", path, before+" -> "+after)
}

func (d *differ) fields(path string, a, b map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(union(a, b))) {
		d.member(strings.TrimPrefix(path+"."+name, "."), a, b, name)
	}
}

func (d *differ) elements(path string, a, b map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(union(a, b))) {
		d.member(path+"["+name+"]", a, b, name)
	}
}

func (d *differ) member(path string, a, b map[string]any, name string) {
	before, inA := a[name]
	after, inB := b[name]
	switch {
	case !inA:
		d.line("+", path, shown(after))
	case !inB:
		d.line("-", path, shown(before))
	default:
		d.compare(path, before, after)
	}
}

func (d *differ) line(sign, path, text string) {
	d.lines = append(d.lines, fmt.Sprintf("%s %s: %s: %s", sign, d.object, path, text))
}

// byName keys a list by the names of its elements; nil if an element has no name,
// or if a name is repeated.
func byName(v any) map[string]any {
	list, ok := v.([]any)
	if !ok {
		return nil
	}
	out := map[string]any{}
	for _, e := range list {
		fields, _ := e.(map[string]any)
		name, ok := fields["name"].(string)
		if _, twice := out[name]; !ok || twice {
			return nil
		}
		out[name] = e
	}
	return out
}

func shown(v any) string { return cut(text(v), 0) }

// text is a value as JSON.
func text(v any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// around shortens two texts to the first difference, with a little context before.
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

// cut is the part of a text that is shown, starting at a position.
func cut(text string, from int) string {
	end := ""
	from = max(0, from)
	if text = text[from:]; len(text) > longestShown {
		text, end = text[:longestShown], "…"
	}
	text = strings.ToValidUTF8(text, "") + end
	if from > 0 {
		return "…" + text
	}
	return text
}
