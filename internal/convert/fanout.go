// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"fmt"
	"slices"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// call is a step or task, with its template.
type call struct {
	step  value
	in    template
	scope *scope
}

// maxCalls limits the number of steps to follow: templates may call each other in
// circles.
const maxCalls = 20_000

// fansOut is true if the step runs once per item.
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

// missing is the message for a step whose template is in none of the files.
func (c *converter) missing(k call) {
	if ref := k.step.get("templateRef"); ref.isMap() {
		c.refuse(diag.CodeNoTemplate, ref, "The step %q calls the template %q of the WorkflowTemplate %q, which none of "+
			"the files contains. Pass its file too.",
			k.name(), ref.get("template").text(), ref.get("name").text())
		return
	}
	c.refuse(diag.CodeNoTemplate, k.step, "The step %q calls the template %q, which does not exist. Correct the name.",
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

// fanOut is a call that runs once per item, with the calls that lead to it.
type fanOut struct {
	call call
	// above are the templates on the way, the entrypoint first.
	above []template
	// beside are the other calls of those templates, without a fan-out below.
	beside []call
}

// find lists the fan-outs that are reachable from the entrypoint; without an
// entrypoint, those of all templates that no other template calls.
func (c *converter) find() []fanOut {
	var out []fanOut
	entry := c.workflow.field("entrypoint").text()
	if t, ok := c.workflow.template(entry); ok {
		c.walk(t, c.start(t), nil, nil, &out)
		return out
	}
	if entry != "" {
		c.refuse(diag.CodeNoTemplate, c.workflow.field("entrypoint"), "There is no template for the entrypoint %q. "+
			"Correct the name, or pass the file of the WorkflowTemplate too.", entry)
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

// leads is true if there is a fan-out in or below a template.
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

// chain follows a fan-out down to the template that runs a container. It returns
// the calls per item, and whether there is such a template.
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
			c.note(k.step, "each item runs several steps, but a partition has one runner, here %q. Do this in the same "+
				"container, or in a separate job.", below[chosen].name())
		}
	}
	if len(below) > 1 {
		c.todo(t.value, "each item runs %d steps, but this job runs only the step %q. Move the others to the same "+
			"container, or to separate jobs.", len(below), below[chosen].name())
	}
	return below[chosen]
}

// isRunner is true if a template runs a container.
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
	c.refuse(diag.CodeNotARunner, t.value, "The step %q runs %s for each item, but a runner is one container. Convert "+
		"a workflow that runs one container or script per item.", k.name(), what)
	return false
}
