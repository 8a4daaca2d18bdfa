// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// nodeLost is how long a pod stays on a node that has gone silent, in seconds.
// Kubernetes' default is 300; a pod that is gone is started anew elsewhere.
const nodeLost = 60

// defaultGrace is Kubernetes' terminationGracePeriodSeconds.
const defaultGrace = 30

// lostNodes are the taints of a node that does not report.
var lostNodes = []string{"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}

// podTolerations is what the pod of any attempt tolerates; nothing where neither the
// job nor its spot nodes ask for it, so that the controller's defaults reach the pod.
// See internal/decisions/0045-no-list-of-ours-alone.md.
func podTolerations(j *job.Job) list {
	own := append(slices.Clone(j.Runner.Tolerations), j.Spot.Taints...)
	if len(own) == 0 {
		return nil
	}
	return withDefaults(j, own)
}

// withDefaults completes a list of tolerations that has to be written: it takes the
// place of the one that the controller's defaults have.
func withDefaults(j *job.Job, own []job.Toleration) list {
	out := tolerations(own)
	for _, t := range tolerations(j.Controller.Tolerations) {
		if !slices.ContainsFunc(out, func(o any) bool { return reflect.DeepEqual(o, t) }) {
			out = append(out, t)
		}
	}
	return append(out, lostNodeTolerations(append(slices.Clone(own), j.Controller.Tolerations...))...)
}

// lostNodeTolerations leaves out what the user tolerates in another way.
func lostNodeTolerations(own []job.Toleration) list {
	var out list
	for _, key := range lostNodes {
		covered := func(t job.Toleration) bool {
			return (t.Key == "" || t.Key == key) && (t.Effect == "" || t.Effect == "NoExecute")
		}
		if !slices.ContainsFunc(own, covered) {
			out = append(out, node{
				"key":               key,
				"operator":          "Exists",
				"effect":            "NoExecute",
				"tolerationSeconds": int64(nodeLost),
			})
		}
	}
	return out
}

// nodeSelector is that of every attempt. With a fallback the spot labels come
// by patch instead, because a patch can only add.
func nodeSelector(j *job.Job) node {
	own := j.Runner.NodeSelector
	if j.Spot.Mode == "require" && j.Spot.OnDemandFrom == 0 {
		own = merged(own, j.Spot.Labels)
	}
	if len(own) == 0 {
		return nil
	}
	return toAny(merged(j.Controller.NodeSelector, own))
}

// affinity is that of every attempt: the user's, and where spot nodes are
// preferred a weight beside it.
func affinity(j *job.Job) node {
	if j.Spot.Mode != "prefer" && j.Runner.Affinity == nil {
		return nil
	}
	all := bothAffinities(j.Controller.Affinity, j.Runner.Affinity)
	if j.Spot.Mode != "prefer" {
		return all
	}
	out, nodes := copyOfNodeAffinity(all)
	const preferred = "preferredDuringSchedulingIgnoredDuringExecution"
	own, _ := nodes[preferred].(list)
	nodes[preferred] = append(own, node{
		"weight": int64(100), "preference": node{"matchExpressions": spotExpressions(j.Spot, "In")},
	})
	return out
}

// bothAffinities is an affinity that holds where both hold, with the preferences of
// both.
func bothAffinities(a, b node) node {
	out := runtime.DeepCopyJSON(a)
	if out == nil {
		return runtime.DeepCopyJSON(b)
	}
	for kind, of := range runtime.DeepCopyJSON(b) {
		rules, _ := of.(node)
		own, there := out[kind].(node)
		if !there {
			own = node{}
			out[kind] = own
		}
		for name, rule := range rules {
			switch rule := rule.(type) {
			case list:
				before, _ := own[name].(list)
				own[name] = append(before, rule...)
			case node:
				before, _ := own[name].(node)
				own[name] = bothSelectors(before, rule)
			}
		}
	}
	return out
}

// bothSelectors joins each alternative of one node selector to each of the other.
func bothSelectors(a, b node) node {
	const terms = "nodeSelectorTerms"
	left, _ := a[terms].(list)
	right, _ := b[terms].(list)
	if len(left) == 0 {
		return b
	}
	out := list{}
	for _, l := range left {
		for _, r := range right {
			both := node{}
			for _, term := range []any{l, r} {
				term, _ := term.(node)
				for field, conditions := range runtime.DeepCopyJSON(term) {
					before, _ := both[field].(list)
					more, _ := conditions.(list)
					both[field] = append(before, more...)
				}
			}
			out = append(out, both)
		}
	}
	return node{terms: out}
}

// onDemandAffinity keeps an attempt from spot nodes. Terms are alternatives,
// so each of the user's gets the condition.
func onDemandAffinity(j *job.Job) node {
	const required = "requiredDuringSchedulingIgnoredDuringExecution"
	_, nodes := copyOfNodeAffinity(bothAffinities(j.Controller.Affinity, j.Runner.Affinity))
	selector, _ := nodes[required].(node)
	terms, _ := selector["nodeSelectorTerms"].(list)
	if len(terms) == 0 {
		terms = list{node{}}
	}
	for _, t := range terms {
		if term, ok := t.(node); ok {
			own, _ := term["matchExpressions"].(list)
			term["matchExpressions"] = append(own, spotExpressions(j.Spot, "NotIn")...)
		}
	}
	return node{"nodeAffinity": node{required: node{"nodeSelectorTerms": terms}}}
}

// copyOfNodeAffinity returns a deep copy of an affinity and, within it, what
// concerns nodes.
func copyOfNodeAffinity(of node) (whole, nodes node) {
	whole = runtime.DeepCopyJSON(of)
	if whole == nil {
		whole = node{}
	}
	nodes, ok := whole["nodeAffinity"].(node)
	if !ok {
		nodes = node{}
		whole["nodeAffinity"] = nodes
	}
	return whole, nodes
}

func spotExpressions(s job.Spot, operator string) list {
	var out list
	for _, key := range slices.Sorted(maps.Keys(s.Labels)) {
		out = append(out, node{"key": key, "operator": operator, "values": list{s.Labels[key]}})
	}
	return out
}

// anchors are the annotations for autoscalers on the pods of partitions. A key
// cannot depend on the attempt but its value can; the empty text says nothing
// to either autoscaler, where "true" would make the pod evictable.
func anchors(j *job.Job) map[string]string {
	out := protection(j.Anchor)
	s := j.Spot
	onSpot := s.Mode == "require" || s.Mode != "" && s.Unanchored
	if j.Anchor.Mode != "protect" || !onSpot {
		return out
	}
	if s.OnDemandFrom == 0 {
		return nil
	}
	for key, value := range out {
		out[key] = argo.Tag("asInt(retries) < %d ? '' : '%s'", s.OnDemandFrom, value)
	}
	return out
}

// protection is what a pod carries in every attempt.
func protection(a job.Anchor) map[string]string {
	switch a.Mode {
	case "off":
		return nil
	case "release":
		return map[string]string{job.SafeToEvict: "true"}
	}
	out := map[string]string{job.SafeToEvict: "false", job.DoNotDisrupt: "true"}
	if a.Duration > 0 {
		out[job.DoNotDisrupt] = duration(a.Duration)
	}
	return out
}

// podPatch is the template's podSpecPatch: the job's own patch, what templates
// have no field for, and what differs between attempts. It is JSON with Argo
// expressions in it, of which each yields JSON.
func podPatch(j *job.Job, executors []executor) string {
	r := j.Runner
	patch := runtime.DeepCopyJSON(r.Patch)
	if patch == nil {
		patch = node{}
	}
	if len(r.PullSecrets) > 0 {
		own, _ := patch["imagePullSecrets"].(list)
		patch["imagePullSecrets"] = append(pullSecrets(r.PullSecrets), own...)
	}
	if own, ok := patch["tolerations"].(list); ok {
		patch["tolerations"] = append(withDefaults(j, append(slices.Clone(r.Tolerations), j.Spot.Taints...)), own...)
	}
	if grace := graceSeconds(r); grace != defaultGrace {
		setDefault(patch, "terminationGracePeriodSeconds", grace)
	}
	if j.Spread != "" {
		own, _ := patch["topologySpreadConstraints"].(list)
		patch["topologySpreadConstraints"] = append(own, node{
			"maxSkew": int64(1), "topologyKey": j.Spread, "whenUnsatisfiable": "ScheduleAnyway",
			"labelSelector": node{"matchLabels": node{argo.LabelJob: j.Name}},
		})
	}
	if j.OOM != nil {
		raiseMemory(j, patch)
	}
	for _, e := range executors {
		e.write(j, patch)
	}
	placed := placement(j)
	if len(patch) == 0 && placed == "" {
		return ""
	}
	text := argo.JSON(patch)
	if placed == "" {
		return text
	}
	if len(patch) == 0 {
		return "{ " + placed + "}" // three braces in a row would start the tag one too early
	}
	return strings.TrimSuffix(text, "}") + "," + placed + "}"
}

// graceSeconds is the time between SIGTERM and the end of a pod.
func graceSeconds(r job.Runner) int64 {
	if r.Grace <= 0 {
		return defaultGrace
	}
	return seconds(r.Grace)
}

// Grace is the longest time between SIGTERM and the end of a pod of a job.
func Grace(j *job.Job) time.Duration {
	longest := graceSeconds(j.Runner)
	if own, ok := j.Runner.Patch["terminationGracePeriodSeconds"].(int64); ok {
		longest = max(longest, own)
	}
	for _, c := range ofRun(j) {
		longest = max(longest, graceSeconds(*c.Runner))
	}
	return time.Duration(longest) * time.Second
}

func setDefault(n node, key string, value any) {
	if _, set := n[key]; !set {
		n[key] = value
	}
}

// placement is an expression that yields a member of the pod's spec: on which
// nodes the attempt may run.
func placement(j *job.Job) string {
	s := j.Spot
	if s.OnDemandFrom == 0 {
		return ""
	}
	before := node{"affinity": node{}} // adds nothing
	if s.Mode == "require" {
		before = node{"nodeSelector": toAny(s.Labels)}
	}
	return argo.Tag("asInt(retries) < %d ? %s : %s", s.OnDemandFrom,
		argo.Literal(member(before)), argo.Literal(member(node{"affinity": onDemandAffinity(j)})))
}

// member is an object of one member without the braces around it.
func member(n node) string {
	return strings.TrimSuffix(strings.TrimPrefix(apart(argo.JSON(n)), "{"), "}")
}

// apart writes JSON such that no two braces stand side by side, which Argo
// would take for the end or the start of a tag.
func apart(text string) string {
	var out strings.Builder
	inString := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case inString && c == '\\':
			out.WriteByte(c)
			i++
			out.WriteByte(text[i])
			continue
		case c == '"':
			inString = !inString
		case inString && (c == '{' || c == '}'):
			fmt.Fprintf(&out, `\u%04x`, c)
			continue
		case !inString && i > 0 && (c == '}' || c == '{') && text[i-1] == c:
			out.WriteByte(' ')
		}
		out.WriteByte(c)
	}
	return out.String()
}

// raiseMemory has the memory of the main container grow with every attempt
// while the one before ran out of it.
func raiseMemory(j *job.Job, patch node) {
	resources := node{}
	for kind, amounts := range map[string]map[string]string{"requests": j.Runner.Requests, "limits": j.Runner.Limits} {
		if base, ok := amounts["memory"]; ok {
			resources[kind] = node{"memory": memory(base, *j.OOM)}
		}
	}
	containers, _ := patch["containers"].(list)
	for _, c := range containers {
		if c, ok := c.(node); ok && c["name"] == "main" {
			setDefault(c, "resources", resources)
			return
		}
	}
	patch["containers"] = append(list{node{"name": "main", "resources": resources}}, containers...)
}

// memory is an expression that yields a quantity: base·factor^attempt after an
// attempt that ran out of memory, at most o.Max, and base after any other.
// The powers are written out, because in an expression they would be inexact.
func memory(base string, o job.OOM) string {
	most, amount := resource.MustParse(o.Max), resource.MustParse(base)
	steps := []string{argo.Literal(base)}
	for amount.Cmp(most) < 0 {
		if !amount.Mul(o.Factor) || amount.Cmp(most) > 0 {
			amount = most
		}
		steps = append(steps, argo.Literal(amount.String()))
	}
	return argo.Tag("lastRetry.message contains 'OOMKilled' ? [%s][min(asInt(retries), %d)] : %s",
		strings.Join(steps, ", "), len(steps)-1, argo.Literal(base))
}

// allPods is more than a Workflow ever has. Kubernetes counts pods of owners
// that it does not know, such as Workflows, against a number only: a share, or
// maxUnavailable, leaves the budget without a count of its pods.
const allPods = 1_000_000

// disruptionBudget has Argo make a PodDisruptionBudget for a Workflow.
func disruptionBudget(j *job.Job, spec node) {
	if j.Anchor.Budget {
		spec["podDisruptionBudget"] = node{"minAvailable": int64(allPods)}
	}
}
