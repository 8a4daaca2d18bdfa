// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"fmt"
	"regexp"
	"strings"
)

// generatorOutput is the tag of the output of a step.
var generatorOutput = regexp.MustCompile(`^(?:steps|tasks)\.([A-Za-z0-9_-]+)\.outputs\.(?:result$|parameters\.)`)

// generator finds the step that a tag for an output refers to.
func (c *converter) generator(p part) (call, bool) {
	m := generatorOutput.FindStringSubmatch(p.tag)
	if m == nil || p.scope == nil {
		return call{}, false
	}
	for _, k := range calls(p.scope.template, p.scope) {
		if k.name() == m[1] {
			return k, true
		}
	}
	return call{}, false
}

// usedFields counts the fields of the item that a step passes on.
func usedFields(step value) map[string]int {
	out := map[string]int{}
	for _, a := range step.get("arguments", "parameters").items() {
		for _, m := range itemField.FindAllStringSubmatch(a.get("value").text(), -1) {
			out[m[1]+m[2]]++
		}
	}
	return out
}

var itemField = regexp.MustCompile(`\bitem(?:\.([A-Za-z0-9_-]+)|\[['"]([^'"\]]+)['"]\])`)

// generated makes the keys of a list that a step computes at run time.
func (a *axis) generated(given value, g call, alone bool) {
	c := a.c
	c.consumed = append(c.consumed, g.step)
	inner, ok := c.callee(g)
	if !ok {
		c.missing(g)
		return
	}
	hint := boundsIn(inner)
	container := inner.get("container")
	if script := inner.get("script"); script.isMap() {
		container = script
	}
	start, end, ranges := bounds(usedFields(a.call.step))
	switch {
	case !container.isMap():
		c.todo(given, "the items come from the step %q, which has no container. Write the keys as a range, time or "+
			"values.", g.name())
		a.unknown()
		return
	case !ranges || !alone:
		c.note(g.step, "it prints the list of items at run time.")
		c.todo(given, "the step %q (line %d) prints the list of items at run time. Write the items as values, or, if they "+
			"are contiguous, as a range or time.%s", g.name(), inner.line(), hint)
		a.unknown()
		a.why = "the items are unknown"
		return
	}
	a.fields[start], a.fields[end] = a.ref("start"), a.ref("end")
	a.why = "the partitions of a query have only a start and an end"
	c.todo(given, "the step %q printed a list of ranges. In a query it returns only the bounds of all keys, which are "+
		"then split by size. Change it to write "+
		`{"start": …, "end": …} to /backfill/out. The end is exclusive, and so is partition.end in the runner.%s`,
		g.name(), hint)
	comments := c.decided()
	scope := c.enter(inner, g)
	body := c.program(inner, scope, inQuery)
	body = append(body, c.podOf(inner, scope, nil, inQuery).runner...)
	size := attribute("size", expr(placeholder("size")), "TODO: number of keys per partition."+sizeHint(body))
	a.keys = []entry{block("query", nil, append(body, size), comments...)}
}

var (
	pythonRange = regexp.MustCompile(`\brange\(\s*(-?[0-9_]+)\s*,\s*(-?[0-9_]+)\s*,\s*([0-9_]+)\s*\)`)
	shellSeq    = regexp.MustCompile(`\bseq\s+(-?[0-9]+)\s+([0-9]+)\s+(-?[0-9]+)`)
)

// boundsIn looks for numbers in a generator that may be its bounds.
func boundsIn(t template) string {
	var texts []string
	collectTexts(t.get("script"), &texts)
	collectTexts(t.get("container"), &texts)
	all := strings.Join(texts, "\n")
	clean := func(s string) string { return strings.ReplaceAll(s, "_", "") }
	if m := pythonRange.FindStringSubmatch(all); m != nil {
		return fmt.Sprintf(" It contains %s: if these are all the settings, write range = { start = %s, end = %s, size = "+
			"%s }.", m[0], clean(m[1]), clean(m[2]), clean(m[3]))
	}
	if m := shellSeq.FindStringSubmatch(all); m != nil {
		return fmt.Sprintf(" It contains %q: if these are all the settings, write a range with start = %s and size = %s. "+
			"Its end is exclusive.", m[0], m[1], m[2])
	}
	return ""
}

var variable = regexp.MustCompile(`\bvar\.([A-Za-z0-9_]+)`)

// sizeHint looks for a variable of the generator that may be the size.
func sizeHint(body []entry) string {
	for _, e := range body {
		for _, m := range variable.FindAllStringSubmatch(string(e.value), -1) {
			if overlap(wordsOf(m[1]), []string{"batch", "size", "chunk", "step"}) {
				return " Perhaps " + m[0] + "."
			}
		}
	}
	return ""
}

// collectTexts collects the command, args and source of a container, without
// marking them as used.
func collectTexts(v value, out *[]string) {
	for _, m := range v.collect(v.node, map[string]bool{}, 0) {
		switch m.name {
		case "source":
			if m.value.isScalar() {
				*out = append(*out, m.value.node.Value)
			}
		case "command", "args":
			if m.value.isList() {
				for _, n := range m.value.node.Content {
					*out = append(*out, resolved(n).Value)
				}
			}
		}
	}
}
