// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// variables are the workflow parameters that jobs use, converted to variables.
type variables struct {
	workflow *workflow
	// names maps the parameters of the workflow to variables, and values to
	// their texts.
	names  map[string]string
	taken  map[string]bool
	blocks []entry
}

// enter starts another workflow with its own parameters.
func (v *variables) enter(w *workflow) {
	v.workflow, v.names = w, map[string]string{}
}

// parameter is the declaration of a workflow parameter in the layer that sets its
// value, or otherwise in the last layer that declares it.
func (v *variables) parameter(name string) value {
	var last value
	for _, spec := range v.workflow.specs {
		for _, p := range spec.get("arguments", "parameters").items() {
			if p.isMap() && p.peek("name") == name {
				p.get("name").text()
				if last = p; p.get("value").set() {
					return p
				}
			}
		}
	}
	return last
}

// refer returns the variable for a workflow parameter. A workflow may receive
// parameters that it does not declare.
func (v *variables) refer(param string) string {
	if name, known := v.names[param]; known {
		return "var." + name
	}
	name := strings.Trim(notIdentifier.ReplaceAllString(param, "_"), "_")
	if !hclsyntax.ValidIdentifier(name) {
		name = "parameter_" + name
	}
	for n, base := 2, name; v.taken[name]; n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	v.taken[name], v.names[param] = true, name
	v.declare(name, param)
	return "var." + name
}

func (v *variables) declare(name, param string) {
	p := v.parameter(param)
	body := []entry{attribute("type", "string")}
	if !p.set() {
		v.blocks = append(v.blocks, block("variable", []string{name}, body))
		return
	}
	var comments []string
	if text := strings.TrimSpace(p.get("description").text()); text != "" {
		body = append(body, attribute("description", literal(text)))
	}
	preset := p.get("value")
	if !preset.set() {
		preset = p.get("default")
	}
	if !preset.set() {
		preset = p.get("valueFrom", "default")
	}
	if from := p.get("valueFrom"); from.set() {
		from.use()
		comments = append(comments, fmt.Sprintf("The original reads its value from %s (line %d).", describeSource(from),
			from.line()))
	}
	if preset.isScalar() {
		body = append(body, attribute("default", literal(preset.text())))
	}
	if choices := p.get("enum"); choices.isList() && len(choices.items()) > 0 {
		var all []expr
		for _, c := range choices.items() {
			all = append(all, literal(c.text()))
		}
		body = append(body, block("validation", nil, []entry{
			attribute("condition", expr(fmt.Sprintf("contains(%s, var.%s)", list(all), name))),
			attribute("error_message", literal("Must be one of "+strings.ReplaceAll(join(all, ", "), `"`, "")+".")),
		}))
	}
	v.blocks = append(v.blocks, block("variable", []string{name}, body, comments...))
}

// describeSource is the source of a value, in words.
func describeSource(from value) string {
	for _, kind := range []struct{ field, words string }{{"configMapKeyRef", "the ConfigMap"},
		{"secretKeyRef", "the Secret"}} {
		if ref := from.get(kind.field); ref.isMap() {
			return fmt.Sprintf("%s %q, key %q", kind.words, ref.get("name").text(), ref.get("key").text())
		}
	}
	return "elsewhere"
}
