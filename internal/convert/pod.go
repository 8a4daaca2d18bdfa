// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package convert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// podOf writes the settings of the pod: resources and accounts, and for a runner
// also volumes, placement and a patch.
func (c *converter) podOf(t template, s *scope, rest []any, in place) podResult {
	container := t.get("container")
	if !container.isMap() {
		container = t.get("script")
	}
	p := &podReader{c: c, t: t, s: s, container: container, in: in}
	p.resources()
	p.deadline()
	p.accounts()
	if in == inQuery {
		return podResult{runner: p.out}
	}
	p.volumes()
	p.security()
	p.placement()
	p.metadata()
	if len(rest) > 0 {
		p.patchContainer("env", rest)
	}
	p.patches()
	return podResult{p.out, p.spot, p.anchor}
}

type podResult struct {
	runner       []entry
	spot, anchor []entry // attributes of those blocks; nil for none
}

type podReader struct {
	c            *converter
	t            template
	s            *scope
	container    value
	in           place
	out          []entry
	spot, anchor []entry
	patch        map[string]any
}

func (p *podReader) add(name string, v expr) {
	p.out = append(p.out, attribute(name, v, p.c.decided()...))
}

// either is the template's field or, if it is not set, the workflow's. The fields
// of a workflow do not apply to templates that another workflow calls.
func (p *podReader) either(inTemplate, inSpec string) value {
	if v := p.t.get(inTemplate); v.set() {
		return v
	}
	return p.c.workflow.field(inSpec)
}

// stringMap writes a mapping from text to text.
func (p *podReader) stringMap(members []member) expr {
	var out []entry
	for _, m := range members {
		if m.value.isScalar() {
			out = append(out, attribute(m.name, p.c.plain(m.value, p.s)))
		}
	}
	return object(out)
}

func (p *podReader) resources() {
	requests, limits := p.container.get("resources", "requests").members(),
		p.container.get("resources", "limits").members()
	find := func(all []member, name string) value {
		for _, m := range all {
			if m.name == name {
				return m.value
			}
		}
		return value{in: p.container.in}
	}
	var out []entry
	without := func(all []member, name string) []member {
		return slices.DeleteFunc(all, func(m member) bool { return m.name == name })
	}
	if cpu := find(requests, "cpu"); cpu.isScalar() {
		out = append(out, attribute("cpu", p.c.plain(cpu, p.s)))
		requests = without(requests, "cpu")
	}
	// memory of the job language is both request and limit.
	request, limit := find(requests, "memory"), find(limits, "memory")
	if limit.isScalar() && (!request.isScalar() || request.text() == limit.text()) {
		out = append(out, attribute("memory", p.c.plain(limit, p.s)))
		requests, limits = without(requests, "memory"), without(limits, "memory")
	}
	if len(requests) > 0 {
		out = append(out, attribute("requests", p.stringMap(requests)))
	}
	if len(limits) > 0 {
		out = append(out, attribute("limits", p.stringMap(limits)))
	}
	if len(out) > 0 {
		p.add("resources", object(out))
	}
}

func (p *podReader) deadline() {
	v := p.t.get("activeDeadlineSeconds")
	if !v.set() {
		return
	}
	if seconds, err := strconv.ParseInt(v.text(), 10, 32); err == nil && seconds > 0 {
		p.add("deadline", literal(job.DurationText(time.Duration(seconds)*time.Second)))
		return
	}
	if t := p.s.read(v.text()); t.isVariable() {
		p.add("deadline", quoted(t.add(part{literal: "s"})))
		return
	}
	p.c.todo(v, "the deadline is %q, but it must be known in advance. Write it as 30m or 1h30m.", v.text())
	p.add("deadline", expr(placeholder("deadline")))
}

func (p *podReader) accounts() {
	if v := p.either("serviceAccountName", "serviceAccountName"); v.isScalar() {
		p.add("service_account", p.c.plain(v, p.s))
	}
	var secrets []expr
	for _, v := range p.c.workflow.field("imagePullSecrets").items() {
		if name := v.get("name"); name.isScalar() {
			secrets = append(secrets, p.c.plain(name, p.s))
		}
	}
	if len(secrets) > 0 {
		p.add("image_pull_secrets", list(secrets))
	}
	if p.in == inQuery {
		return
	}
	if v := p.either("priorityClassName", "podPriorityClassName"); v.isScalar() {
		p.add("priority_class", p.c.plain(v, p.s))
	}
}

// The parts of a security context that the job language has.
var securityFields = []struct{ theirs, ours string }{
	{"runAsUser", "run_as_user"}, {"runAsGroup", "run_as_group"}, {"fsGroup", "fs_group"},
	{"runAsNonRoot", "run_as_non_root"},
	{"readOnlyRootFilesystem", "read_only_root"}, {"allowPrivilegeEscalation", "allow_privilege_escalation"},
}

func (p *podReader) security() {
	pod := p.either("securityContext", "securityContext")
	own := p.container.get("securityContext")
	var out []entry
	for _, f := range securityFields {
		v := own.get(f.theirs)
		if !v.set() {
			v = pod.get(f.theirs)
		}
		pod.get(f.theirs).use()
		if v.isScalar() {
			out = append(out, attribute(f.ours, bare(v)))
		}
	}
	profile := own.get("seccompProfile")
	if !profile.set() {
		profile = pod.get("seccompProfile")
	}
	switch kind := profile.get("type").text(); kind {
	case "", "RuntimeDefault":
	case "Unconfined":
		out = append(out, attribute("seccomp", literal("unconfined")))
	default:
		p.c.note(profile, "only the profiles RuntimeDefault and Unconfined are supported.")
	}
	var drop []expr
	for _, v := range own.get("capabilities", "drop").items() {
		drop = append(drop, literal(strings.TrimPrefix(v.text(), "CAP_")))
	}
	if len(drop) > 0 {
		out = append(out, attribute("drop_capabilities", list(drop)))
	}
	if len(out) > 0 {
		p.add("security_context", object(out))
	}
	for _, m := range pod.members() {
		if slices.Contains([]string{"supplementalGroups", "sysctls", "fsGroupChangePolicy", "seLinuxOptions",
			"windowsOptions"}, m.name) {
			p.patchPod(map[string]any{"securityContext": map[string]any{m.name: p.c.patchablePlain(m.value)}})
		}
	}
	more := map[string]any{}
	for _, m := range own.members() {
		if slices.Contains([]string{"privileged", "procMount", "seLinuxOptions"}, m.name) {
			more[m.name] = p.c.patchablePlain(m.value)
		}
	}
	if add := own.get("capabilities", "add"); add.set() {
		more["capabilities"] = map[string]any{"add": p.c.patchablePlain(add)}
	}
	if len(more) > 0 {
		p.patchContainer("securityContext", more)
	}
}

// bare is a number or a bool; other text stays a text.
func bare(v value) expr {
	s := v.text()
	if _, err := strconv.ParseInt(s, 10, 64); err == nil || s == "true" || s == "false" {
		return expr(s)
	}
	return literal(s)
}

func (p *podReader) volumes() {
	declared := map[string]value{}
	for _, v := range slices.Concat(p.c.workflow.field("volumes").items(), p.t.get("volumes").items()) {
		if v.isMap() {
			declared[v.peek("name")] = v
		}
	}
	claims := map[string]bool{}
	for _, v := range p.c.workflow.field("volumeClaimTemplates").items() {
		claims[v.get("metadata", "name").text()] = true
	}
	var out []expr
	mounted := map[string]int{}
	for _, m := range p.container.get("volumeMounts").items() {
		name := m.get("name").text()
		mounted[name]++
		v, known := declared[name]
		switch {
		case claims[name]:
			p.c.workflow.field("volumeClaimTemplates").use()
			p.c.todo(m, "Argo creates the volume %q for each Workflow (volumeClaimTemplates). Create a claim once, and write "+
				"its name here.", name)
			out = append(out, p.mount(name, m, attribute("claim", expr(placeholder("claim")))))
		case !known:
			p.c.note(m, "there is no volume %q.", name)
		default:
			v.get("name").text()
			if source, ok := p.source(v, mounted[name]); ok {
				if mounted[name] > 1 {
					name = fmt.Sprintf("%s-%d", name, mounted[name])
				}
				out = append(out, p.mount(name, m, source))
				continue
			}
			p.patchPod(map[string]any{"volumes": p.c.patchable(v)})
			p.patchContainer("volumeMounts", p.c.patchable(m))
		}
	}
	if len(out) > 0 {
		// Each on a line of its own, however short.
		p.add("volumes", expr("[\n"+join(out, ",\n")+",\n]"))
	}
}

func (p *podReader) mount(name string, m value, source entry) expr {
	out := []entry{attribute("name", literal(name)), attribute("mount_path", p.c.plain(m.get("mountPath"), p.s)), source}
	if m.get("readOnly").text() == "true" {
		out = append(out, attribute("read_only", "true"))
	}
	return object(p.c.plainAttribute(out, "sub_path", m.get("subPath"), p.s))
}

// source is the source of a volume, if the job language supports it with these
// settings. A directory that two mounts share is not supported.
func (p *podReader) source(v value, mount int) (entry, bool) {
	plainFields := func(kind string, allowed ...string) bool {
		for _, m := range v.collect(resolved(v.get(kind).node), map[string]bool{}, 0) {
			if !slices.Contains(allowed, m.name) {
				return false
			}
		}
		return true
	}
	switch {
	case v.get("hostPath").isMap():
		v.get("hostPath", "type").use()
		return attribute("host_path", p.c.plain(v.get("hostPath", "path"), p.s)), true
	case v.get("configMap").isMap() && plainFields("configMap", "name"):
		return attribute("config_map", p.c.plain(v.get("configMap", "name"), p.s)), true
	case v.get("secret").isMap() && plainFields("secret", "secretName"):
		return attribute("secret", p.c.plain(v.get("secret", "secretName"), p.s)), true
	case v.get("persistentVolumeClaim").isMap() && plainFields("persistentVolumeClaim", "claimName"):
		return attribute("claim", p.c.plain(v.get("persistentVolumeClaim", "claimName"), p.s)), true
	case v.get("emptyDir").isMap() && mount == 1:
		dir := v.get("emptyDir")
		out := p.c.plainAttribute(nil, "size_limit", dir.get("sizeLimit"), p.s)
		if dir.get("medium").text() == "Memory" {
			out = append(out, attribute("memory", "true"))
		}
		return attribute("empty_dir", object(out)), true
	}
	return entry{}, false
}

func (p *podReader) metadata() {
	labels := slices.Concat(p.t.get("metadata", "labels").members(), p.c.workflow.field("podMetadata", "labels").members())
	annotations := slices.Concat(p.t.get("metadata", "annotations").members(),
		p.c.workflow.field("podMetadata", "annotations").members())
	if out := firsts(labels); len(out) > 0 {
		p.add("labels", p.stringMap(out))
	}
	annotations = firsts(annotations)
	if p.in == inRunner {
		annotations = p.evictable(annotations)
	}
	if out := annotations; len(out) > 0 {
		p.add("annotations", p.stringMap(out))
	}
}

// firsts drops members with a repeated name: those of the template take precedence.
func firsts(all []member) []member {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(all), func(m member) bool {
		again := seen[m.name]
		seen[m.name] = true
		if again {
			m.value.use()
		}
		return again
	})
}
