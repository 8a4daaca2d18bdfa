// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// literals makes the keys of a list in the file.
func (a *axis) literals(at value, items any) {
	all, _ := items.([]any)
	switch {
	case len(all) == 0:
		a.c.todo(at, "the list is empty or not a list, so the original runs no pods.")
		a.unknown()
	case scalars(items):
		a.scalars(at, all)
	default:
		a.objects(at, all)
	}
}

// scalars is true if the items are scalars, such as texts and numbers.
func scalars(items any) bool {
	all, isList := items.([]any)
	for _, item := range all {
		switch item.(type) {
		case map[string]any, []any:
			return false
		}
	}
	return isList
}

func (a *axis) scalars(at value, all []any) {
	var texts []expr
	seen := map[string]bool{}
	for _, item := range all {
		s := itemText(item)
		if seen[s] {
			a.c.notes = append(a.c.notes, note{at, fmt.Sprintf("the item %q is repeated; each key is processed once.", s)})
			continue
		}
		seen[s] = true
		texts = append(texts, literal(s))
	}
	a.keys, a.whole = []entry{attribute("values", list(texts))}, a.ref("value")
}

// itemText is an item as Argo writes it in place of its tag.
func itemText(item any) string {
	switch x := item.(type) {
	case string:
		return x
	case json.Number:
		return x.String()
	}
	out, err := json.Marshal(item)
	if err != nil {
		return fmt.Sprint(item)
	}
	return string(out)
}

// objects makes the keys of items with fields: ranges if possible, otherwise one
// value per item.
func (a *axis) objects(at value, all []any) {
	if a.ranges(at, all) {
		return
	}
	names := fieldNames(all)
	if len(names) == 1 {
		name := slices.Collect(maps.Keys(names))[0]
		var values []any
		for _, item := range all {
			object, _ := item.(map[string]any)
			values = append(values, object[name])
		}
		if scalars(values) {
			a.scalars(at, values)
			a.fields[name], a.whole = a.whole, nil
			a.why = "a partition has one value, the item's only field"
			return
		}
	}
	var texts []expr
	for _, item := range all {
		texts = append(texts, literal(itemText(item)))
	}
	a.keys, a.whole = []entry{attribute("values", list(texts))}, a.ref("value")
	a.why = "a partition has one value, the item as JSON: read the field from ${partition.value} in the runner, or " +
		"write each item as one text"
}

// fieldNames counts the fields of items that are objects.
func fieldNames(all []any) map[string]int {
	out := map[string]int{}
	for _, item := range all {
		object, ok := item.(map[string]any)
		if !ok {
			return nil
		}
		for name := range object {
			out[name]++
		}
	}
	return out
}

// The words of field names that mean a bound.
var (
	startWords = []string{"start", "from", "begin", "min", "low", "lower", "lo", "first", "gte", "since", "after"}
	endWords   = []string{"end", "to", "until", "till", "max", "high", "upper", "hi", "last", "lt", "lte", "stop",
		"through", "before"}
)

// bounds finds the two fields that are the bounds of a range.
func bounds(names map[string]int) (start, end string, ok bool) {
	for _, name := range slices.Sorted(maps.Keys(names)) {
		words := wordsOf(name)
		switch isStart, isEnd := overlap(words, startWords), overlap(words, endWords); {
		case isStart && isEnd:
		case isStart && start != "" || isEnd && end != "":
			return "", "", false
		case isStart:
			start = name
		case isEnd:
			end = name
		}
	}
	return start, end, start != "" && end != ""
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// wordsOf splits startId, start_id and start-id into words.
func wordsOf(name string) []string {
	var spaced strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			spaced.WriteByte(' ')
		}
		spaced.WriteRune(unicode.ToLower(r))
	}
	return strings.FieldsFunc(spaced.String(), func(r rune) bool { return !unicode.IsLetter(r) })
}

// ranges recognizes items that follow each other without gaps: [a, b), [b, c).
func (a *axis) ranges(at value, all []any) bool {
	start, end, ok := bounds(fieldNames(all))
	if !ok {
		return false
	}
	var first, last []string
	for _, item := range all {
		object, _ := item.(map[string]any)
		first, last = append(first, itemText(object[start])), append(last, itemText(object[end]))
	}
	keys, included := integerRanges(first, last)
	if keys == nil {
		keys, included = dateRanges(first, last)
	}
	if keys == nil {
		return false
	}
	a.keys, a.fields[start] = keys, a.ref("start")
	a.why = "the items became a range, and its partitions have only a start and an end"
	if !included {
		a.fields[end] = a.ref("end")
		return true
	}
	a.keys[0].comments = append(a.keys[0].comments, fmt.Sprintf("In the original (line %d), the item's %q is "+
		"inclusive. The end of a partition is exclusive.", at.line(), end))
	a.why = "the end of the original is inclusive; if the runner expects an exclusive end, write ${partition.end}"
	return true
}

// integerRanges describes contiguous ranges of integers; included is true if their
// ends are inclusive.
func integerRanges(first, last []string) (keys []entry, included bool) {
	points := make([]int64, 0, len(first)+1)
	ends := make([]int64, 0, len(first))
	for i := range first {
		from, err1 := strconv.ParseInt(first[i], 10, 64)
		to, err2 := strconv.ParseInt(last[i], 10, 64)
		if err1 != nil || err2 != nil || to < from || to == 1<<63-1 {
			return nil, false
		}
		points, ends = append(points, from), append(ends, to)
	}
	for step := range int64(2) {
		if follows(points, ends, step) {
			points = append(points, ends[len(ends)-1]+step)
			return cuts(points), step == 1
		}
	}
	return nil, false
}

// follows is true if each range starts step after the end of the previous one.
func follows(starts, ends []int64, step int64) bool {
	if len(starts) < 2 || step == 0 && ends[len(ends)-1] == starts[len(starts)-1] {
		return false
	}
	for i := 1; i < len(starts); i++ {
		if starts[i] != ends[i-1]+step || starts[i] <= starts[i-1] {
			return false
		}
	}
	return true
}

// cuts is a range with one size if possible, otherwise with cut points.
func cuts(points []int64) []entry {
	n, size := len(points)-1, points[1]-points[0]
	even := size > 0 && points[n]-points[n-1] <= size
	for i := 1; i < n-1; i++ {
		even = even && points[i+1]-points[i] == size
	}
	number := func(n int64) expr { return expr(strconv.FormatInt(n, 10)) }
	if even {
		return []entry{attribute("range", object([]entry{
			attribute("start", number(points[0])), attribute("end", number(points[n])), attribute("size", number(size)),
		}))}
	}
	var all []expr
	for _, p := range points {
		all = append(all, number(p))
	}
	return []entry{attribute("range", object([]entry{attribute("boundaries", list(all))}))}
}

// dateRanges describes contiguous windows of whole days or months.
func dateRanges(first, last []string) (keys []entry, included bool) {
	var starts, ends []time.Time
	for i := range first {
		from, err1 := time.Parse(time.DateOnly, first[i])
		to, err2 := time.Parse(time.DateOnly, last[i])
		if err1 != nil || err2 != nil {
			return nil, false
		}
		starts, ends = append(starts, from), append(ends, to)
	}
	if len(starts) < 2 {
		return nil, false
	}
	for step := range 2 {
		contiguous := true
		for i := 1; i < len(starts); i++ {
			contiguous = contiguous && starts[i].Equal(ends[i-1].AddDate(0, 0, step)) && starts[i].After(starts[i-1])
		}
		every := ""
		if points := append(slices.Clone(starts), ends[len(ends)-1].AddDate(0, 0, step)); contiguous {
			every = everyOf(points)
		}
		if every != "" {
			return []entry{attribute("time", object([]entry{
				attribute("start", literal(first[0])),
				attribute("end", literal(ends[len(ends)-1].AddDate(0, 0, step).Format(time.DateOnly))),
				attribute("every", literal(every)), attribute("format", literal("date")),
			}))}, step == 1
		}
	}
	return nil, false
}

// everyOf is the length that all windows between the points have, in days or
// months; the last may be shorter.
func everyOf(points []time.Time) string {
	fits := func(next func(time.Time) time.Time) bool {
		for i := 1; i < len(points); i++ {
			want := next(points[i-1])
			if !points[i].Equal(want) && (i < len(points)-1 || points[i].After(want)) {
				return false
			}
		}
		return true
	}
	months := int(points[1].Month()-points[0].Month()) + 12*(points[1].Year()-points[0].Year())
	last := len(points) - 1
	if next := points[last-1].AddDate(0, months, 0); months > 0 && points[0].Day() <= 28 && points[last].Equal(next) &&
		fits(func(t time.Time) time.Time { return t.AddDate(0, months, 0) }) {
		return fmt.Sprintf("%dmo", months)
	}
	days := int(points[1].Sub(points[0]).Hours() / 24)
	if days > 0 && fits(func(t time.Time) time.Time { return t.AddDate(0, 0, days) }) {
		return fmt.Sprintf("%dd", days)
	}
	return ""
}
