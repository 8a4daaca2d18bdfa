// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"go.yaml.in/yaml/v3"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
)

// library contains the workflows of all files, to which others may refer.
type library struct {
	workflows []*workflow
	// running is the workflow that is being converted. Some of its fields apply
	// to templates of all workflows.
	running *workflow
}

// workflow is one document. Its spec has several layers if it refers to a
// WorkflowTemplate: its own spec comes first.
type workflow struct {
	document   value
	kind, name string
	specs      []value
	lib        *library
}

// template is a template of a workflow. The templates that it calls belong to the
// same workflow.
type template struct {
	value
	home *workflow
}

var kinds = map[string]bool{
	"Workflow":                true,
	"WorkflowTemplate":        true,
	"ClusterWorkflowTemplate": true,
	"CronWorkflow":            true,
}

// add adds a document, or the items of a List. It ignores other kinds.
func (l *library) add(d value) hcl.Diagnostics {
	if !d.isMap() {
		return nil
	}
	if kind := d.get("kind").text(); kind == "List" || kind == "WorkflowList" || kind == "WorkflowTemplateList" {
		var diags hcl.Diagnostics
		for _, item := range d.get("items").items() {
			item.path = ""
			diags = append(diags, l.add(item)...)
		}
		return diags
	}
	kind := d.get("kind").text()
	if !kinds[kind] || !strings.HasPrefix(d.get("apiVersion").text(), "argoproj.io/") {
		return nil
	}
	w := &workflow{lib: l, document: d, kind: kind, name: d.get("metadata", "name").text()}
	if w.name == "" {
		w.name = strings.TrimRight(d.get("metadata", "generateName").text(), "-")
	}
	spec := d.get("spec")
	if kind == "CronWorkflow" {
		spec = d.get("spec", "workflowSpec")
	}
	if !spec.isMap() {
		return hcl.Diagnostics{diag.InSource(diag.CodeManifestShape, d.get("kind").rng(),
			fmt.Sprintf("The %s has no %s. Pass the file with the complete object.", kind, spec.path))}
	}
	w.specs = []value{spec}
	l.workflows = append(l.workflows, w)
	return nil
}

// roots are the workflows that no other workflow refers to, with the layers of the
// templates that they refer to. If all refer to each other, all are roots.
func (l *library) roots() []*workflow {
	referred := map[*workflow]bool{}
	for _, w := range l.workflows {
		if base := l.named(w.specs[0].get("workflowTemplateRef")); base != nil && base != w {
			referred[base] = true
			w.specs = append(w.specs, base.specs[0])
		}
		l.references(w.specs[0].get("templates"), 0, func(ref value) {
			if other := l.named(ref); other != nil && other != w {
				referred[other] = true
			}
		})
	}
	var out []*workflow
	for _, w := range l.workflows {
		if !referred[w] {
			out = append(out, w)
		}
	}
	if len(out) == 0 {
		return l.workflows
	}
	return out
}

// references finds every templateRef below a value.
func (l *library) references(v value, depth int, found func(value)) {
	if depth > maxDepth {
		return
	}
	// This does not mark values as used.
	peek := value{v.node, v.path, &source{
		used: map[*yaml.Node]bool{}, name: v.in.name, bytes: v.in.bytes, budget: v.in.budget,
	}}
	for _, m := range peek.members() {
		if m.name == "templateRef" {
			found(m.value)
			continue
		}
		l.references(m.value, depth+1, found)
	}
	for _, e := range peek.items() {
		l.references(e, depth+1, found)
	}
}

// named finds the WorkflowTemplate that a reference names, or nil.
func (l *library) named(ref value) *workflow {
	if !ref.isMap() {
		return nil
	}
	kind := "WorkflowTemplate"
	if ref.get("clusterScope").text() == "true" {
		kind = "ClusterWorkflowTemplate"
	}
	name := ref.get("name").text()
	for _, w := range l.workflows {
		if w.kind == kind && w.name == name {
			return w
		}
	}
	return nil
}

func (w *workflow) describe() string {
	if w.name == "" {
		return "the " + w.kind
	}
	return fmt.Sprintf("the %s %q", w.kind, w.name)
}

// field is the value of the first layer that has it.
func (w *workflow) field(names ...string) value {
	for _, spec := range w.specs {
		if v := spec.get(names...); v.set() {
			return v
		}
	}
	return w.specs[0].get(names...)
}

// template finds a template by name.
func (w *workflow) template(name string) (template, bool) {
	for _, spec := range w.specs {
		for _, t := range spec.get("templates").items() {
			if name != "" && t.isMap() && t.peek("name") == name {
				t.get("name").text()
				return template{t, w}, true
			}
		}
	}
	return template{}, false
}

// get is a field of the template or, if it is not set, of the workflow's
// templateDefaults.
func (t template) get(names ...string) value {
	own := t.value.get(names...)
	if own.set() {
		return own
	}
	if d := t.home.lib.running.field(append([]string{"templateDefaults"}, names...)...); d.set() {
		return d
	}
	return own
}

// peekText is a scalar as written, without marking it as used.
func (v value) peekText() string {
	if !v.isScalar() {
		return ""
	}
	return v.node.Value
}

// peek is the text of a member, without marking it as used.
func (v value) peek(name string) string {
	for _, m := range v.collect(v.node, map[string]bool{}, 0) {
		if m.name == name && m.value.isScalar() {
			return m.value.node.Value
		}
	}
	return ""
}

var (
	notDNS  = regexp.MustCompile(`[^a-z0-9]+`)
	dnsName = regexp.MustCompile(`^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$`)
)

// plainName is a name without tags of Argo or of a templating tool, or "".
func plainName(s string) string {
	if dnsName.MatchString(s) {
		return s
	}
	return ""
}
