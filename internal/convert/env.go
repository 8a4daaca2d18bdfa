// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"regexp"
	"slices"
	"strings"
)

// environment is the environment of a container.
type environment struct {
	entries []entry
	// values are the variables whose values the file shows.
	values map[string]text
	// hidden are those that Kubernetes looks up; open is true if there may be
	// further ones.
	hidden map[string]bool
	open   bool
	// rest are variables that the job language cannot describe.
	rest []any
}

func (c *converter) environment(container value, s *scope, in place) environment {
	e := environment{values: map[string]text{}, hidden: map[string]bool{}, open: container.get("envFrom").set()}
	var plain, secrets, configs []entry
	for _, v := range container.get("env").items() {
		name := v.get("name").text()
		if strings.HasPrefix(name, "BACKFILL_") || strings.HasPrefix(name, "ARGO_") {
			c.note(v, "the name of the variable is reserved.")
			continue
		}
		from := v.get("valueFrom")
		switch {
		case from.get("secretKeyRef").isMap():
			e.hidden[name] = true
			secrets = override(secrets, c.keyRef(name, "secret", from.get("secretKeyRef"), s))
		case from.get("configMapKeyRef").isMap():
			e.hidden[name] = true
			configs = override(configs, c.keyRef(name, "config_map", from.get("configMapKeyRef"), s))
		case from.set() && in == inQuery:
			e.hidden[name] = true
			c.note(v, "a query supports only literal variables, and variables from Secrets and ConfigMaps.")
		case from.set():
			e.hidden[name] = true
			e.rest = append(e.rest, c.patchable(v)...)
		default:
			t := c.withTODOs(v.get("value"), e.expand(s.read(v.get("value").text())), in)
			e.values[name] = t
			plain = override(plain, attribute(name, lines(t, layout{depth: 6}), c.decided()...))
		}
	}
	for _, kind := range []struct {
		name string
		all  []entry
	}{{"env", plain}, {"secret_env", secrets}, {"config_env", configs}} {
		if len(kind.all) > 0 {
			e.entries = append(e.entries, attribute(kind.name, object(kind.all)))
		}
	}
	if from := c.envFrom(container.get("envFrom"), s); len(from) > 0 {
		e.entries = append(e.entries, attribute("env_from", list(from), c.decided()...))
	}
	return e
}

// override adds an entry, or replaces an earlier one: the last variable with a name
// takes precedence.
func override(all []entry, e entry) []entry {
	all = slices.DeleteFunc(all, func(other entry) bool { return other.name == e.name })
	return append(all, e)
}

func (c *converter) keyRef(name, kind string, ref value, s *scope) entry {
	if optional := ref.get("optional"); optional.text() == "true" {
		c.note(optional, "the key must exist.")
	}
	return attribute(name, object([]entry{
		attribute(kind, c.plain(ref.get("name"), s)), attribute("key", c.plain(ref.get("key"), s)),
	}), c.decided()...)
}

func (c *converter) envFrom(all value, s *scope) []expr {
	var out []expr
	for _, v := range all.items() {
		var source []entry
		for _, kind := range []struct{ theirs, ours string }{{"configMapRef", "config_map"}, {"secretRef", "secret"}} {
			ref := v.get(kind.theirs)
			if !ref.isMap() {
				continue
			}
			source = append(source, attribute(kind.ours, c.plain(ref.get("name"), s)))
			if optional := ref.get("optional"); optional.text() == "true" {
				c.note(optional, "the object must exist.")
			}
		}
		source = c.plainAttribute(source, "prefix", v.get("prefix"), s)
		if len(source) > 0 {
			out = append(out, object(source))
		}
	}
	return out
}

var kubernetesVariable = regexp.MustCompile(`\$\$|\$\([^)]*\)`)

// expand replaces $(NAME) in command, args and env as Kubernetes does. The job
// language passes such text on unchanged.
func (e environment) expand(t text) text {
	var out text
	for _, p := range t {
		if p.ref != "" || p.tag != "" {
			out = out.add(p)
			continue
		}
		out = out.add(e.expandLiteral(p.literal)...)
	}
	return out
}

func (e environment) expandLiteral(raw string) text {
	var out text
	for raw != "" {
		at := kubernetesVariable.FindStringSubmatchIndex(raw)
		if at == nil {
			break
		}
		out = out.add(part{literal: raw[:at[0]]})
		found := raw[at[0]:at[1]]
		raw = raw[at[1]:]
		if found == "$$" {
			out = out.add(part{literal: "$"})
			continue
		}
		name := found[len("$(") : len(found)-1]
		switch known, ok := e.values[name]; {
		case ok:
			out = out.add(known...)
		case e.hidden[name], e.open && name == strings.ToUpper(name):
			out = out.add(part{tag: found})
		default:
			out = out.add(part{literal: found})
		}
	}
	return out.add(part{literal: raw})
}
