// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// placement reads which nodes the pods run on. Settings that select the spot nodes
// of a cloud become the block spot.
func (p *podReader) placement() {
	selector := p.either("nodeSelector", "nodeSelector").members()
	tolerations := p.either("tolerations", "tolerations").items()
	provider, required := spotOf(selector, tolerations)
	// Only runners select nodes per attempt.
	if provider != "" && p.in == inRunner {
		mode := "prefer"
		if required {
			mode = "require"
		}
		p.spot = []entry{attribute("provider", literal(provider)), attribute("mode", literal(mode))}
		key, _ := job.SpotLabel(provider)
		selector = slices.DeleteFunc(selector, func(m member) bool { m.useIf(m.name == key); return m.name == key })
		tolerations = slices.DeleteFunc(tolerations, func(v value) bool {
			own := v.peek("key") == key
			if own {
				v.use()
			}
			return own
		})
	}
	if len(selector) > 0 {
		p.add("node_selector", p.stringMap(selector))
	}
	if out := p.tolerations(tolerations); len(out) > 0 {
		p.add("tolerations", list(out))
	}
	if affinity := p.either("affinity", "affinity"); affinity.isMap() {
		if all := p.c.patchable(affinity); len(all) > 0 {
			p.add("affinity", hclOf(all[0]))
		}
	}
}

func (m member) useIf(yes bool) {
	if yes {
		m.value.use()
	}
}

// spotOf finds the cloud whose spot nodes are selected, and whether they are
// required. A toleration alone does not select them.
func spotOf(selector []member, tolerations []value) (provider string, required bool) {
	for _, name := range job.Clouds {
		key, want := job.SpotLabel(name)
		for _, m := range selector {
			if m.name == key && m.value.isScalar() && m.value.node.Value == want {
				return name, true
			}
		}
	}
	for _, name := range job.Clouds {
		key, _ := job.SpotLabel(name)
		for _, v := range tolerations {
			if v.peek("key") == key {
				return name, false
			}
		}
	}
	return "", false
}

func (p *podReader) tolerations(all []value) []expr {
	var out []expr
	for _, v := range all {
		var t []entry
		t = p.c.plainAttribute(t, "key", v.get("key"), p.s)
		if v.get("operator").text() != "Exists" {
			t = append(t, attribute("value", p.c.plain(v.get("value"), p.s)))
		}
		t = p.c.plainAttribute(t, "effect", v.get("effect"), p.s)
		if seconds := v.get("tolerationSeconds"); seconds.isScalar() {
			t = append(t, attribute("seconds", bare(seconds)))
		}
		out = append(out, object(t))
	}
	return out
}

// evictable removes the annotations of autoscalers from a list.
func (p *podReader) evictable(all []member) []member {
	return slices.DeleteFunc(all, func(m member) bool {
		if m.name != job.SafeToEvict && m.name != job.DoNotDisrupt {
			return false
		}
		switch keeps := (m.name == job.DoNotDisrupt) == (m.value.text() == "true"); {
		case strings.Contains(m.value.text(), "{{"):
			p.c.todo(m.value, "the eviction of pods depends on %q. See the modes of anchor.", m.value.text())
			p.anchor = []entry{attribute("mode", expr(placeholder("mode")), p.c.decided()...)}
		case !keeps:
			p.anchor = []entry{attribute("mode", literal("release"))}
		case p.spot != nil:
			p.anchor = []entry{attribute("mode", literal("all"))}
		default:
			p.anchor = []entry{attribute("mode", literal("protect"))}
		}
		return true
	})
}

// Fields that only a patch can set, by their Kubernetes name.
var (
	containerPatches = []string{"imagePullPolicy", "lifecycle", "livenessProbe", "readinessProbe", "startupProbe",
		"ports", "stdin", "stdinOnce", "tty", "terminationMessagePath", "terminationMessagePolicy", "volumeDevices"}
	podPatches = []string{"hostAliases", "schedulerName", "dnsPolicy", "dnsConfig", "hostNetwork"}
)

func (p *podReader) patches() {
	for _, name := range containerPatches {
		if v := p.container.get(name); v.set() {
			for _, plain := range p.c.patchable(v) {
				p.patchContainer(name, plain)
			}
		}
	}
	for _, name := range podPatches {
		if v := p.either(name, name); v.set() {
			for _, plain := range p.c.patchable(v) {
				p.patchPod(map[string]any{name: plain})
			}
		}
	}
	p.specPatch(p.c.workflow.field("podSpecPatch"))
	p.specPatch(p.t.get("podSpecPatch"))
	if len(p.patch) > 0 {
		p.add("patch", hclOf(p.patch))
	}
}

// specPatch reads the text of a podSpecPatch, which is YAML or JSON.
func (p *podReader) specPatch(v value) {
	raw := v.text()
	if raw == "" {
		return
	}
	v.spend(len(raw) / bytesPerLook)
	documents, problem := parse(Input{Name: v.in.name, Bytes: []byte(raw)}, v.in.budget)
	switch {
	case strings.Contains(raw, "{{"):
		p.c.todo(v, "Argo fills in parts of the podSpecPatch at run time, but a patch must be known in advance. Write it "+
			"here.")
		p.out = append(p.out, attribute("patch", expr(placeholder("patch")), p.c.decided()...))
	case problem != nil || len(documents) != 1 || !documents[0].isMap():
		p.c.note(v, "it is not a YAML or JSON mapping.")
	default:
		if fields, ok := documents[0].plain().(map[string]any); ok {
			p.patchPod(fields)
		}
	}
}

// patchable is a value for a patch, in a list of one; empty if Argo fills in parts
// of it.
func (c *converter) patchable(v value) []any {
	plain := v.plain()
	if data, err := json.Marshal(plain); err != nil || strings.Contains(string(data), "{{") {
		c.note(v, "Argo fills in parts of it at run time, but a patch must be known in advance.")
		return nil
	}
	return []any{plain}
}

func (c *converter) patchablePlain(v value) any {
	if all := c.patchable(v); len(all) > 0 {
		return all[0]
	}
	return nil
}

func (p *podReader) patchPod(fields map[string]any) {
	if p.patch == nil {
		p.patch = map[string]any{}
	}
	mergePatch(p.patch, fields)
}

func (p *podReader) patchContainer(name string, v any) {
	p.patchPod(map[string]any{"containers": []any{map[string]any{"name": "main", name: v}}})
}

// mergePatch applies one strategic merge patch to another: objects are merged
// by field, containers by name, other lists are appended.
func mergePatch(into, from map[string]any) {
	for name, v := range from {
		switch x := v.(type) {
		case nil:
		case map[string]any:
			if own, ok := into[name].(map[string]any); ok {
				mergePatch(own, x)
				continue
			}
			into[name] = x
		case []any:
			own, _ := into[name].([]any)
			into[name] = mergeLists(own, x, name == "containers")
		default:
			into[name] = v
		}
	}
}

func mergeLists(own, more []any, byName bool) []any {
	for _, item := range more {
		object, isObject := item.(map[string]any)
		at := -1
		if byName && isObject {
			at = slices.IndexFunc(own, func(other any) bool {
				o, ok := other.(map[string]any)
				return ok && o["name"] == object["name"]
			})
		}
		if at < 0 {
			own = append(own, item)
			continue
		}
		if o, ok := own[at].(map[string]any); ok {
			mergePatch(o, object)
		}
	}
	return own
}

// hclOf writes a JSON value.
func hclOf(v any) expr {
	switch x := v.(type) {
	case nil:
		return "null"
	case map[string]any:
		var out []entry
		for _, name := range slices.Sorted(maps.Keys(x)) {
			out = append(out, attribute(name, hclOf(x[name])))
		}
		return object(out)
	case []any:
		var out []expr
		for _, item := range x {
			out = append(out, hclOf(item))
		}
		return list(out)
	case string:
		return lines(text{{literal: x}}, layout{depth: 6})
	case json.Number:
		return expr(x.String())
	case bool:
		if x {
			return "true"
		}
		return "false"
	}
	return literal(itemText(v))
}
