// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"fmt"
	"slices"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// call is a step or task, and where it stands.
type call struct {
	step  value
	in    template
	scope *scope
}

// maxCalls bounds how many steps are followed: templates may call each other
// in circles.
const maxCalls = 20_000

// fansOut tells whether the step is run for each of several items.
func (k call) fansOut() bool {
	return k.step.get("withItems").set() || k.step.get("withParam").set() || k.step.get("withSequence").set()
}

func (k call) name() string { return k.step.get("name").text() }

// calls lists the steps or tasks of a template in their order.
func calls(t template, s *scope) []call {
	var out []call
	for _, group := range t.value.get("steps").items() {
		steps := group.items()
		if group.isMap() {
			steps = []value{group}
		}
		for _, step := range steps {
			out = append(out, call{step, t, s})
		}
	}
	for _, task := range t.value.get("dag", "tasks").items() {
		out = append(out, call{task, t, s})
	}
	return slices.DeleteFunc(out, func(k call) bool { return !k.step.isMap() })
}

// callee is the template that a step calls.
func (c *converter) callee(k call) (template, bool) {
	if inline := k.step.get("inline"); inline.isMap() {
		return template{inline, k.in.home}, true
	}
	if ref := k.step.get("templateRef"); ref.isMap() {
		if w := c.lib.named(ref); w != nil {
			return w.template(ref.get("template").text())
		}
		return template{}, false
	}
	return k.in.home.template(k.step.get("template").text())
}

// missing words that a step's template is in none of the files.
func (c *converter) missing(k call) {
	if ref := k.step.get("templateRef"); ref.isMap() {
		c.refuse(diag.CodeNoTemplate, ref, "The step %q calls the template %q of the WorkflowTemplate %q, which is not in the files that were named. Name its file too.",
			k.name(), ref.get("template").text(), ref.get("name").text())
		return
	}
	c.refuse(diag.CodeNoTemplate, k.step, "The step %q calls the template %q, and there is none of that name. Correct the name.",
		k.name(), k.step.get("template").text())
}

// enter is the scope inside of the template that a call calls.
func (c *converter) enter(t template, k call) *scope {
	inner := &scope{c: c, template: t, inputs: map[string]text{}}
	given := map[string]value{}
	for _, a := range k.step.get("arguments", "parameters").items() {
		if a.isMap() {
			given[a.get("name").text()] = a.get("value")
		}
	}
	for _, p := range t.get("inputs", "parameters").items() {
		name := p.get("name").text()
		preset := p.get("value")
		if !preset.set() {
			preset = p.get("default")
		}
		if _, known := given[name]; !known && preset.isScalar() {
			inner.inputs[name] = k.scope.read(preset.text())
		}
	}
	for name, v := range given {
		if v.isScalar() {
			inner.inputs[name] = k.scope.read(v.text())
		}
	}
	return inner
}

// start is the scope of the entrypoint: its inputs are the workflow's
// parameters.
func (c *converter) start(t template) *scope {
	s := &scope{c: c, template: t, inputs: map[string]text{}}
	for _, p := range t.get("inputs", "parameters").items() {
		name := p.get("name").text()
		if c.variables.parameter(name).set() {
			s.inputs[name] = text{{ref: c.variables.refer(name)}}
		} else if preset := p.get("value"); preset.isScalar() {
			s.inputs[name] = s.read(preset.text())
		} else if preset := p.get("default"); preset.isScalar() {
			s.inputs[name] = s.read(preset.text())
		} else if name != "" {
			s.inputs[name] = text{{ref: c.variables.refer(name)}}
		}
	}
	return s
}

// fanOut is a call for each of several items, and what leads to it.
type fanOut struct {
	call call
	// above are the templates on the way, the entrypoint first.
	above []template
	// beside are the other calls of those templates that no fan-out is below.
	beside []call
}

// find lists the fan-outs that the entrypoint leads to; without an entrypoint,
// those of all templates that others do not call.
func (c *converter) find() []fanOut {
	var out []fanOut
	entry := c.workflow.field("entrypoint").text()
	if t, ok := c.workflow.template(entry); ok {
		c.walk(t, c.start(t), nil, nil, &out)
		return out
	}
	if entry != "" {
		c.refuse(diag.CodeNoTemplate, c.workflow.field("entrypoint"), "The entrypoint %q is none of the templates. Correct the name, or name the file that holds the WorkflowTemplate too.", entry)
		return nil
	}
	called := map[string]bool{}
	var all []template
	for _, spec := range c.workflow.specs {
		for _, t := range spec.get("templates").items() {
			for _, k := range calls(template{t, c.workflow}, nil) {
				called[k.step.peek("template")] = true
			}
			all = append(all, template{t, c.workflow})
		}
	}
	for _, t := range all {
		if !called[t.value.peek("name")] {
			c.walk(t, c.start(t), nil, nil, &out)
		}
	}
	return out
}

// walk follows the calls of a template to those that fan out.
func (c *converter) walk(t template, s *scope, above []template, beside []call, out *[]fanOut) {
	if c.calls++; c.calls > maxCalls || len(above) > maxDepth {
		return
	}
	above = append(slices.Clone(above), t)
	all := calls(t, s)
	var plain, nested []call
	for _, k := range all {
		inner, ok := c.callee(k)
		switch {
		case k.fansOut():
		case ok && c.leads(inner, 0):
			nested = append(nested, k)
		default:
			plain = append(plain, k)
		}
	}
	beside = append(slices.Clone(beside), plain...)
	for _, k := range all {
		if k.fansOut() {
			*out = append(*out, fanOut{k, above, beside})
		}
	}
	for _, k := range nested {
		if inner, ok := c.callee(k); ok {
			c.walk(inner, c.enter(inner, k), above, beside, out)
		}
	}
}

// leads tells whether there is a fan-out in or below a template.
func (c *converter) leads(t template, depth int) bool {
	if c.calls++; c.calls > maxCalls || depth > maxDepth {
		return false
	}
	for _, k := range calls(t, nil) {
		if k.fansOut() {
			return true
		}
		if inner, ok := c.callee(k); ok && c.leads(inner, depth+1) {
			return true
		}
	}
	return false
}

// chain follows a fan-out down to the template that runs a container: the
// calls that are run for each item, and whether there is such a template.
func (c *converter) chain(f fanOut) (steps []call, leaf template, ok bool) {
	for k := f.call; ; {
		steps = append(steps, k)
		t, found := c.callee(k)
		if !found {
			c.missing(k)
			return nil, template{}, false
		}
		below := calls(t, nil)
		if len(below) == 0 {
			return steps, t, c.isRunner(t, k)
		}
		if len(steps) > maxDepth {
			c.refuse(diag.CodeNotARunner, k.step, "The templates below the step %q call each other in a circle.", k.name())
			return nil, template{}, false
		}
		k = c.pick(t, below)
	}
}

// pick chooses the one call of a template that becomes the runner.
func (c *converter) pick(t template, below []call) call {
	chosen := 0
	for i, k := range below {
		if k.fansOut() {
			chosen = i
			break
		}
	}
	for i, k := range below {
		if i != chosen {
			c.note(k.step, "each item goes through several steps, and a partition has one runner, which is %q here. Do this in the same container, or make a job of its own of it.", below[chosen].name())
		}
	}
	if len(below) > 1 {
		c.todo(t.value, "each item goes through %d steps, and this job runs the step %q alone. Put the others in the same container, or in jobs of their own.", len(below), below[chosen].name())
	}
	return below[chosen]
}

// isRunner tells whether a template runs a container of its own.
func (c *converter) isRunner(t template, k call) bool {
	if hasContainer(t) {
		return true
	}
	what := "nothing"
	for _, m := range t.value.members() {
		switch m.name {
		case "containerSet", "resource", "suspend", "http", "plugin", "data":
			what = fmt.Sprintf("a %s", m.name)
		}
	}
	c.refuse(diag.CodeNotARunner, t.value, "The step %q runs %s for each item. A runner is one container: convert a workflow whose items each run a container or a script.", k.name(), what)
	return false
}
