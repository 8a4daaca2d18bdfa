// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"regexp"
	"strings"
)

// part is a piece of a text: literal, a reference of the job language
// ("var.batch", "partition.start", "attempt"), or a tag of Argo that has no
// such form yet.
type part struct {
	literal string
	ref     string
	tag     string
	// scope is where the tag stands.
	scope *scope
}

// text is what one of Argo's strings means, as far as it is known.
type text []part

// scope is what the tags in a template mean.
type scope struct {
	c *converter
	// template is the template itself, whose steps or tasks its tags name.
	template template
	inputs   map[string]text
	// axis is what the tag {{item}} means; nil outside of a fan-out.
	axis *axis
}

// tags finds what Argo substitutes: a tag ends at the first braces.
var tags = regexp.MustCompile(`\{\{(=?)\s*((?s:.*?))\s*\}\}`)

// read takes a string apart.
func (s *scope) read(raw string) text {
	var out text
	for raw != "" {
		at := tags.FindStringSubmatchIndex(raw)
		if at == nil {
			break
		}
		out = out.add(part{literal: raw[:at[0]]})
		tag := raw[at[4]:at[5]]
		if raw[at[2]:at[3]] == "=" {
			out = out.add(s.expression(tag)...)
		} else {
			out = out.add(s.tag(tag)...)
		}
		raw = raw[at[1]:]
	}
	return out.add(part{literal: raw})
}

var (
	plainReference = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*|\[\s*(?:'[^'\]]*'|"[^"\]]*")\s*\])*$`)
	bracketed      = regexp.MustCompile(`\[\s*(?:'([^'\]]*)'|"([^"\]]*)")\s*\]`)
)

// expression reads {{=…}} where it is no more than a reference.
func (s *scope) expression(code string) text {
	if !plainReference.MatchString(code) {
		return text{{tag: "=" + code, scope: s}}
	}
	return s.tag(bracketed.ReplaceAllString(code, ".$1$2"))
}

// tag reads what stands between braces.
func (s *scope) tag(name string) text {
	switch {
	case strings.HasPrefix(name, "inputs.parameters."):
		if t, known := s.inputs[strings.TrimPrefix(name, "inputs.parameters.")]; known {
			return t
		}
	case strings.HasPrefix(name, "workflow.parameters."):
		return text{{ref: s.c.variables.refer(strings.TrimPrefix(name, "workflow.parameters."))}}
	case name == "item" || strings.HasPrefix(name, "item."):
		if s.axis != nil {
			return s.axis.item(s, strings.TrimPrefix(strings.TrimPrefix(name, "item"), "."))
		}
	case name == "workflow.name":
		return text{{ref: "run.name"}}
	case name == "workflow.namespace" && s.c.namespace != "":
		return text{{literal: s.c.namespace}}
	case name == "retries":
		return text{{ref: "attempt"}}
	}
	return text{{tag: name, scope: s}}
}

// add appends parts, merging literals that meet.
func (t text) add(parts ...part) text {
	for _, p := range parts {
		isLiteral := p.ref == "" && p.tag == ""
		if isLiteral && p.literal == "" {
			continue
		}
		if last := len(t) - 1; isLiteral && last >= 0 && t[last].ref == "" && t[last].tag == "" {
			t[last].literal += p.literal
			continue
		}
		t = append(t, p)
	}
	return t
}

// literal is the text when all of it is known.
func (t text) literalText() (string, bool) {
	switch {
	case len(t) == 0:
		return "", true
	case len(t) == 1 && t[0].ref == "" && t[0].tag == "":
		return t[0].literal, true
	}
	return "", false
}

// isVariable tells whether the text is a variable and nothing else.
func (t text) isVariable() bool { return len(t) == 1 && strings.HasPrefix(t[0].ref, "var.") }

// late tells whether a part is known in the pod only.
func (p part) late() bool { return p.ref != "" && !strings.HasPrefix(p.ref, "var.") }

func (t text) hasLate() bool {
	for _, p := range t {
		if p.late() {
			return true
		}
	}
	return false
}

// placeholder is a reference that no file declares, so that the job cannot be
// run before somebody has decided what belongs there.
func placeholder(words string) string {
	name := strings.Trim(notIdentifier.ReplaceAllString(words, "_"), "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "value_" + name
	}
	const longest = 40
	return "TODO." + name[:min(len(name), longest)]
}

var notIdentifier = regexp.MustCompile(`[^A-Za-z0-9]+`)
