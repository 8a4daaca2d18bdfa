// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// axis describes the keys that a fan-out iterates over, and the meaning of its
// item.
type axis struct {
	c *converter
	// prefix of references: partition, or partition.<dimension>.
	prefix string
	call   call
	// keys are the attributes of the partition or dimension.
	keys []entry
	// whole is the meaning of {{item}}, and fields the meaning of {{item.name}}.
	whole  text
	fields map[string]text
	// why says why other fields cannot be converted, for the TODO.
	why string
}

// item is the meaning of a tag for the item.
func (a *axis) item(s *scope, field string) text {
	if field == "" && len(a.whole) > 0 {
		return a.whole
	}
	if t, known := a.fields[field]; known {
		return t
	}
	return text{{tag: strings.TrimSuffix("item."+field, "."), scope: s}}
}

func (a *axis) ref(name string) text { return text{{ref: a.prefix + "." + name}} }

// axisOf describes the keys that a call fans out over. Only a partition without
// dimensions can have a query; alone is true for it.
func (c *converter) axisOf(k call, prefix string, alone bool) *axis {
	a := &axis{c: c, prefix: prefix, call: k, fields: map[string]text{}}
	if seq := k.step.get("withSequence"); seq.set() {
		a.sequence(seq)
		return a
	}
	if list := k.step.get("withItems"); list.isList() {
		a.literals(list, list.plain())
		return a
	}
	given := k.step.get("withParam")
	if !given.set() {
		given = k.step.get("withItems") // a text that contains a list
	}
	a.parameter(given, alone)
	return a
}

// parameter reads withParam: a list as JSON, usually from another step.
func (a *axis) parameter(given value, alone bool) {
	t := a.call.scope.read(given.text())
	if raw, known := t.literalText(); known {
		items, err := decodeJSON(raw)
		if err != nil {
			a.c.refuse(diag.CodeManifestShape, given, "withParam is not a JSON list: %s.", err)
			return
		}
		a.literals(given, items)
		return
	}
	if t.isVariable() {
		a.fromVariable(given, t[0].ref)
		return
	}
	if len(t) == 1 && t[0].tag != "" {
		if g, ok := a.c.generator(t[0]); ok {
			a.generated(given, g, alone)
			return
		}
	}
	a.c.todo(given, "the items come from %q, which is known only at run time. Write the keys as a range, time or "+
		"values.", given.text())
	a.unknown()
}

// unknown leaves the keys as a TODO.
func (a *axis) unknown() {
	a.keys = []entry{attribute("values", expr(placeholder("values")), a.c.decided()...)}
	a.whole = a.ref("value")
}

// fromVariable reads a list from a workflow parameter.
func (a *axis) fromVariable(given value, ref string) {
	for param, name := range a.c.variables.names {
		if "var."+name != ref {
			continue
		}
		preset := a.c.variables.parameter(param).get("value")
		if items, err := decodeJSON(preset.text()); err == nil && !scalars(items) {
			a.c.todo(given, "the list was the parameter %q; its default is written here instead. Remove the variable.", param)
			a.literals(given, items)
			return
		}
	}
	a.keys = []entry{attribute("values", expr("jsondecode("+ref+")"))}
	a.whole = a.ref("value")
	a.why = "the items of the list are objects, but a partition has one value"
}

func decodeJSON(raw string) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(raw))
	decoder.UseNumber()
	var out any
	if err := decoder.Decode(&out); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, fmt.Errorf("unexpected data after its end")
	}
	return out, nil
}

// sequence reads withSequence, whose end is inclusive.
func (a *axis) sequence(seq value) {
	a.whole = a.ref("start")
	start, from := a.number(seq, "start")
	if !seq.get("start").set() {
		start, from = expr("0"), new(int64)
	}
	name, past := "end", int64(1)
	if seq.get("count").set() {
		name, past = "count", 0
	}
	if !seq.get(name).set() {
		a.c.todo(seq, "the sequence has neither a count nor an end.")
	}
	last, to := a.number(seq, name)
	if from != nil && to != nil {
		first, end := *from, *to
		if name == "count" {
			end = saturated(first, end)
		}
		a.numbers(seq, first, end, past)
		return
	}
	end := last
	switch {
	case name == "end":
		end += " + 1"
	case start != "0":
		end = start + " + " + last
	}
	if format := seq.get("format"); format.set() && format.text() != "%d" {
		a.c.todo(format, "the numbers are formatted with %q. Format them in the runner, or write the texts as values.",
			format.text())
		a.whole = text{{tag: "item", scope: a.call.scope}}
	}
	a.keys = []entry{attribute("range", object([]entry{
		attribute("start", start), attribute("end", end), attribute("size", "1"),
	}), a.c.decided()...)}
}

func saturated(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// number reads a bound of a sequence: its expression, and its value if it is known.
func (a *axis) number(seq value, name string) (expr, *int64) {
	v := seq.get(name)
	t := a.call.scope.read(v.text())
	if raw, known := t.literalText(); known {
		if n, err := strconv.ParseInt(strings.TrimSpace(raw), 10, 64); err == nil {
			return expr(strconv.FormatInt(n, 10)), &n
		}
	}
	if t.isVariable() {
		return expr(t[0].ref), nil
	}
	if v.set() {
		a.c.todo(v, "the sequence's %s is %q, which is known only at run time. Write the number, or compute the bounds "+
			"with partition.query.", name, v.text())
	}
	return expr(placeholder(name)), nil
}

var goVerb = regexp.MustCompile(`^[^%]*%[-+# 0]*[0-9]*[dxXob][^%]*$`)

// numbers makes the keys of a known sequence.
func (a *axis) numbers(seq value, first, end, past int64) {
	down := past == 1 && end < first
	if down {
		first, end = end, first
	}
	if end = saturated(end, past); end <= first {
		a.c.todo(seq, "the sequence is empty, so the original runs no pods.")
		a.unknown()
		return
	}
	format := seq.get("format").text()
	if format == "" || format == "%d" {
		a.keys = []entry{attribute("range", object([]entry{
			attribute("start", expr(strconv.FormatInt(first, 10))), attribute("end", expr(strconv.FormatInt(end, 10))),
			attribute("size", "1"),
		}))}
		if down && a.prefix == "partition" {
			a.keys = append(a.keys, attribute("order", literal("newest_first")))
		}
		return
	}
	const most = 1000
	if !goVerb.MatchString(format) || end-first > most || end-first < 0 {
		a.c.todo(seq.get("format"), "the numbers are formatted with %q. Format them in the runner, or write the texts as "+
			"values.", format)
		a.keys = []entry{attribute("range", object([]entry{
			attribute("start", expr(strconv.FormatInt(first, 10))), attribute("end", expr(strconv.FormatInt(end, 10))),
			attribute("size", "1"),
		}), a.c.decided()...)}
		a.whole = text{{tag: "item", scope: a.call.scope}}
		return
	}
	var texts []expr
	for n := first; n < end; n++ {
		at := n
		if down {
			at = first + end - 1 - n
		}
		texts = append(texts, literal(fmt.Sprintf(format, at)))
	}
	a.keys, a.whole = []entry{attribute("values", list(texts))}, a.ref("value")
}
