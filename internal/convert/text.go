// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"regexp"
	"strings"
)

// part is a part of a text: a literal, a reference of the job language
// ("var.batch", "partition.start", "attempt"), or an Argo tag that is not converted
// yet.
type part struct {
	literal string
	ref     string
	tag     string
	// scope is the scope of the tag.
	scope *scope
}

// text is the meaning of an Argo string, as far as it is known.
type text []part

// scope is the meaning of the tags in a template.
type scope struct {
	c *converter
	// template is the template itself, whose steps or tasks its tags name.
	template template
	inputs   map[string]text
	// axis is the meaning of the tag {{item}}; nil outside of a fan-out.
	axis *axis
}

// tags finds the tags that Argo replaces. A tag ends at the first closing braces.
var tags = regexp.MustCompile(`\{\{(=?)\s*((?s:.*?))\s*\}\}`)

// read parses a string.
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
	plainReference = regexp.MustCompile(
		`^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*|\[\s*(?:'[^'\]]*'|"[^"\]]*")\s*\])*$`)
	bracketed = regexp.MustCompile(`\[\s*(?:'([^'\]]*)'|"([^"\]]*)")\s*\]`)
)

// expression reads {{=…}} if it is only a reference.
func (s *scope) expression(code string) text {
	if !plainReference.MatchString(code) {
		return text{{tag: "=" + code, scope: s}}
	}
	return s.tag(bracketed.ReplaceAllString(code, ".$1$2"))
}

// tag reads the text between braces.
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

// literal is the text, if all parts are known.
func (t text) literalText() (string, bool) {
	switch {
	case len(t) == 0:
		return "", true
	case len(t) == 1 && t[0].ref == "" && t[0].tag == "":
		return t[0].literal, true
	}
	return "", false
}

// isVariable is true if the text is only a variable.
func (t text) isVariable() bool { return len(t) == 1 && strings.HasPrefix(t[0].ref, "var.") }

// late is true if a part is known only inside the pod.
func (p part) late() bool { return p.ref != "" && !strings.HasPrefix(p.ref, "var.") }

func (t text) hasLate() bool {
	for _, p := range t {
		if p.late() {
			return true
		}
	}
	return false
}

// placeholder is an undeclared reference: the job does not compile until the user
// has replaced it.
func placeholder(words string) string {
	name := strings.Trim(notIdentifier.ReplaceAllString(words, "_"), "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "value_" + name
	}
	const longest = 40
	return "TODO." + name[:min(len(name), longest)]
}

var notIdentifier = regexp.MustCompile(`[^A-Za-z0-9]+`)
