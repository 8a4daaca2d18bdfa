// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster/fake"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// simulator plays the Argo controller and the runners on a fake cluster: it
// turns Workflows into node statuses, and writes down which keys were processed
// how often. It shares no code with the product; the bounds of partitions are
// computed from the manifests alone.
type simulator struct {
	t       testing.TB
	cluster *fake.Cluster
	// fails decides whether the partition [lo, hi) fails for good now.
	fails func(lo, hi int64) bool
	// refuses is why the API server takes no pods; "" when it does.
	refuses string
	// broken says why setup and teardown fail, by the name of their template, and
	// once counts how often they ran.
	broken map[string]string
	once   map[string]int
	// answer is what generators write.
	answer string
	// outlive has pods go on when their Workflow is stopped; see pods.
	outlive func(pod *livingPod) string
	living  map[string]*livingPod
	// times counts the successful runs of each key.
	times map[int64]int
	// by tells which keys a run, children included, has processed.
	by map[string]map[int64]bool
}

func newSimulator(t testing.TB, c *fake.Cluster) *simulator {
	return &simulator{
		t:       t,
		cluster: c,
		times:   map[int64]int{},
		fails:   func(int64, int64) bool { return false },
		by:      map[string]map[int64]bool{},
		once:    map[string]int{},
		living:  map[string]*livingPod{},
	}
}

// tick lets every active Workflow process up to leaves partitions, and tells
// whether anything is still active.
func (s *simulator) tick(leaves int) bool {
	before, after := s.cluster.Before, s.cluster.After
	s.cluster.Before, s.cluster.After = nil, nil
	defer func() { s.cluster.Before, s.cluster.After = before, after }()
	s.pods()
	active := false
	for _, o := range s.cluster.Objects() {
		if o.GetKind() != "Workflow" || phaseOf(o) == "Succeeded" || phaseOf(o) == "Failed" || phaseOf(o) == "Error" {
			continue
		}
		if s.keeps(o) {
			continue
		}
		w := &simulated{simulator: s, object: o, args: argumentsOf(o), nodes: nodesOf(o)}
		w.advance(leaves)
		w.save()
		active = active || w.phase == "Running"
	}
	return active
}

// finish runs everything to its end.
func (s *simulator) finish() {
	for i := 0; s.tick(1000); i++ {
		if i > 100 {
			s.t.Fatal("the simulated Workflows do not end")
		}
	}
}

func phaseOf(o manifest.Object) string {
	phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
	return phase
}

func argumentsOf(o manifest.Object) map[string]string {
	args := map[string]string{}
	list, _, _ := unstructured.NestedSlice(o.Object, "spec", "arguments", "parameters")
	for _, item := range list {
		m := item.(map[string]any)
		args[m["name"].(string)] = m["value"].(string)
	}
	return args
}

func nodesOf(o manifest.Object) map[string]any {
	nodes, _, _ := unstructured.NestedMap(o.Object, "status", "nodes")
	if nodes == nil {
		nodes = map[string]any{}
	}
	return nodes
}

// simulated is one Workflow at one tick.
type simulated struct {
	*simulator
	object manifest.Object
	args   map[string]string
	nodes  map[string]any
	phase  string
	// message is the Workflow's own.
	message string
	// answered are the shards between the bounds that a generator has found.
	answered [][]string
}

func (w *simulated) advance(leaves int) {
	w.main(leaves)
	if exit, _, _ := unstructured.NestedString(w.object.Object, "spec", "onExit"); exit != "" && w.phase != "Running" {
		w.container("teardown") // its failure fails neither the handler nor the Workflow
	}
}

// container runs what a run has once, and tells whether it succeeded.
func (w *simulated) container(template string) bool {
	id := w.object.GetName() + "-" + template
	if _, known := w.nodes[id]; known {
		return w.broken[template] == ""
	}
	w.once[template]++
	phase := "Succeeded"
	if w.broken[template] != "" {
		phase = "Failed"
	}
	w.nodes[id] = map[string]any{
		"id": id, "displayName": template, "type": "Retry", "phase": phase, "message": "No more retries left",
		"templateRef": map[string]any{"template": template}, "children": []any{id + "-0"},
	}
	w.nodes[id+"-0"] = map[string]any{
		"id":          id + "-0",
		"type":        "Pod",
		"phase":       phase,
		"message":     w.broken[template],
		"templateRef": map[string]any{"template": template},
	}
	return phase == "Succeeded"
}

func (w *simulated) main(leaves int) {
	w.phase = "Running"
	if suspended, _, _ := unstructured.NestedBool(w.object.Object, "spec", "suspend"); suspended {
		return
	}
	if how, _, _ := unstructured.NestedString(w.object.Object, "spec", "shutdown"); how != "" {
		w.stop()
		return
	}
	if w.args["ask"] != "" {
		w.ask()
		return
	}
	templates, _, _ := unstructured.NestedSlice(w.object.Object, "spec", "templates")
	w.steps(templates, 0, leaves)
}

// steps takes the steps of a template in turn, as far as they come at this tick.
func (w *simulated) steps(templates []any, n, leaves int) {
	for _, group := range templates[n].(map[string]any)["steps"].([]any) {
		step := group.([]any)[0].(map[string]any)
		if limit := gate.FindStringSubmatch(fmt.Sprint(step["when"])); limit != nil && w.failures() > number(w.t, limit[1]) {
			w.nodes[w.object.GetName()+"-then"] = map[string]any{"displayName": "then", "type": "Skipped", "phase": "Skipped"}
			continue
		}
		if step["template"] == "end" {
			if w.failures() > 0 {
				w.phase = "Failed"
				return
			}
			continue
		}
		if name, _ := step["template"].(string); name != "" {
			n := slices.IndexFunc(templates, func(t any) bool { return t.(map[string]any)["name"] == name })
			w.steps(templates, n, leaves)
			return
		}
		complete, failed := w.call(step, leaves)
		if failed {
			w.phase = "Failed"
			return
		}
		if !complete {
			return
		}
	}
	w.phase = "Succeeded"
}

func (w *simulated) call(step map[string]any, leaves int) (complete, failed bool) {
	template, _, _ := unstructured.NestedString(step, "templateRef", "template")
	if template == "launcher" {
		return w.launch(step), false
	}
	if template == "setup" {
		return true, !w.container(template)
	}
	params := parametersOf(step)
	from, count := number(w.t, params["from"]), number(w.t, params["count"])
	complete, failed = w.leaves(strings.Replace(template, "shard", "partition", 1), from, count, leaves)
	name := step["name"].(string)
	phase := map[bool]string{false: "Succeeded", true: "Failed"}[failed]
	if !complete {
		phase = "Running"
	}
	w.nodes[w.object.GetName()+"-"+name] = map[string]any{"displayName": name, "type": "Steps", "phase": phase}
	return complete, complete && failed
}

// failures counts the partitions that launchers miss.
func (w *simulated) failures() int64 {
	missing := int64(0)
	for _, n := range w.nodes {
		n := n.(map[string]any)
		if _, launched, _ := unstructured.NestedSlice(n, "outputs", "parameters"); !launched {
			continue
		}
		done, _, _ := strings.Cut(argument(n, "outputs", "progress"), "/")
		missing += number(w.t, argument(n, "inputs", "count")) - number(w.t, done)
	}
	return missing
}

// argument is a parameter of a node.
func argument(n map[string]any, side, name string) string {
	list, _, _ := unstructured.NestedSlice(n, side, "parameters")
	for _, item := range list {
		if m := item.(map[string]any); m["name"] == name {
			return m["value"].(string)
		}
	}
	return ""
}

func parametersOf(step map[string]any) map[string]string {
	params := map[string]string{}
	list, _, _ := unstructured.NestedSlice(step, "arguments", "parameters")
	for _, item := range list {
		m := item.(map[string]any)
		params[m["name"].(string)] = m["value"].(string)
	}
	return params
}

func number(t testing.TB, text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("%q is no number", text)
	}
	return n
}

// leaves processes some partitions that have no node yet.
func (w *simulated) leaves(template string, from, count int64, limit int) (complete, failures bool) {
	complete = true
	for i := from; i < from+count; i++ {
		id := fmt.Sprintf("%s-%s-p%d", w.object.GetName(), template, i)
		if n, known := w.nodes[id]; known && n.(map[string]any)["phase"] != "Running" {
			phase := n.(map[string]any)["phase"]
			failures = failures || phase == "Failed" || phase == "Error"
			continue
		}
		if limit == 0 {
			complete = false
			w.node(id, template, i, "Running", "")
			break
		}
		limit--
		lo, hi := w.bounds(template, i)
		if w.refuses != "" {
			w.node(id, template, i, "Error", w.refuses)
			failures = true
			continue
		}
		w.alone()
		if w.fails(lo, hi) {
			w.node(id, template, i, "Failed", "main: Error (exit code 1)")
			failures = true
			continue
		}
		w.processed(w.args["run"], lo, hi)
		w.node(id, template, i, "Succeeded", "")
	}
	return complete, failures
}

func (w *simulated) node(id, template string, i int64, phase, message string) {
	w.nodes[id] = map[string]any{
		"id": id, "displayName": fmt.Sprintf("p(%d:%d)", i, i), "type": "Retry", "phase": phase, "message": message,
		"templateRef": map[string]any{"template": template}, "children": []any{id + "-0"},
		"inputs": map[string]any{"parameters": []any{map[string]any{"name": "i", "value": fmt.Sprint(i)}}},
	}
	w.nodes[id+"-0"] = map[string]any{"id": id + "-0", "type": "Pod", "phase": phase, "message": message,
		"templateRef": map[string]any{"template": template}}
}

// bounds is partition i, by the arithmetic of the manifest or from its data.
// Partitions without integers for bounds are told by their numbers in the domain.
func (w *simulated) bounds(template string, i int64) (lo, hi int64) {
	if name := w.args["data"]; template == "partition-data" {
		data, err := w.cluster.Get(context.Background(), cluster.ConfigMap, w.object.GetNamespace(), name)
		if err != nil {
			w.t.Fatalf("the data of a running Workflow: %v", err)
		}
		entries, _, _ := unstructured.NestedStringMap(data.Object, "data")
		if _, err := strconv.ParseInt(entries[fmt.Sprintf("%d.start", i)], 10, 64); err != nil {
			lo = number(w.t, entries[fmt.Sprintf("%d.index", i)])
			return lo, lo + 1
		}
		return number(w.t, entries[fmt.Sprintf("%d.start", i)]), number(w.t, entries[fmt.Sprintf("%d.end", i)])
	}
	n := func(name string) int64 { return number(w.t, w.args[name]) }
	cell := n("first") + n("step")*i
	if w.args["unit"] != "" || w.args["stride0"] != "" {
		return cell, cell + 1
	}
	start := n("origin") + cell*n("size")
	return max(n("lo"), start), min(n("hi"), start+n("size"))
}

// stop ends a Workflow as a shutdown does.
func (w *simulated) stop() {
	w.phase, w.message = "Failed", "Stopped with strategy 'Stop'"
	for id, n := range w.nodes {
		node := n.(map[string]any)
		if node["phase"] == "Running" {
			if node["type"] == "Pod" && w.outlive != nil {
				w.leave(id)
			}
			node["phase"], node["message"] = "Failed", "workflow shutdown with strategy:  Stop"
		}
	}
}

var formula = regexp.MustCompile(`map\((\d+)\.\.(\d+),`)
var slice = regexp.MustCompile(`\[(\d+):(\d+)\]`)
var gate = regexp.MustCompile(`<=(\d+)$`)
var counts = regexp.MustCompile(`min\((\d+), (\d+) - `)

// launch creates children and follows them.
func (w *simulated) launch(step map[string]any) (complete bool) {
	complete = true
	for _, row := range w.rows(step) {
		id := fmt.Sprintf("%s-l%s", w.object.GetName(), row[0])
		name := fmt.Sprintf("%s-s%s", w.args["run"], row[0])
		child, err := w.cluster.Get(context.Background(), cluster.Workflow, w.object.GetNamespace(), name)
		node := map[string]any{
			"id":          id,
			"type":        "Retry",
			"phase":       "Running",
			"templateRef": map[string]any{"template": "launcher"},
			"children":    []any{},
			"inputs": map[string]any{"parameters": []any{
				map[string]any{"name": "k", "value": row[0]}, map[string]any{"name": "g", "value": row[1]},
				map[string]any{"name": "from", "value": row[2]}, map[string]any{"name": "count", "value": row[3]},
			}},
		}
		if old, known := w.nodes[id].(map[string]any); known && old["phase"] != "Running" {
			continue
		}
		w.nodes[id] = node
		switch phase := ""; {
		case cluster.IsNotFound(err):
			w.createChild(name, row)
			complete = false
		case err != nil:
			w.t.Fatal(err)
		default:
			if phase = phaseOf(child); phase != "Succeeded" && phase != "Failed" {
				complete = false
				continue
			}
			node["phase"] = "Succeeded"
			done := 0
			for _, n := range nodesOf(child) {
				if n := n.(map[string]any); n["type"] == "Pod" && n["phase"] == "Succeeded" {
					done++
				}
			}
			node["outputs"] = map[string]any{"parameters": []any{
				map[string]any{
					"name":  "progress",
					"value": fmt.Sprintf("%d/%s", done, row[3]),
				},
				map[string]any{"name": "phase", "value": phase},
			}}
		}
	}
	return complete
}

// rows lists k, g, from and count of every shard.
func (w *simulated) rows(step map[string]any) [][]string {
	if w.answered != nil {
		return w.answered
	}
	var rows [][]string
	if table, ok := w.args["shards"]; ok {
		var lines []string
		if err := json.Unmarshal([]byte(table), &lines); err != nil {
			w.t.Fatal(err)
		}
		if part := slice.FindStringSubmatch(step["withParam"].(string)); part != nil {
			lines = lines[number(w.t, part[1]):number(w.t, part[2])]
		}
		for _, line := range lines {
			rows = append(rows, strings.Fields(line))
		}
		return rows
	}
	fan := formula.FindStringSubmatch(step["withParam"].(string))
	size := counts.FindStringSubmatch(parametersOf(step)["count"])
	n, total := number(w.t, size[1]), number(w.t, size[2])
	for k := number(w.t, fan[1]); k <= number(w.t, fan[2]); k++ {
		rows = append(rows, []string{fmt.Sprint(k), "0", fmt.Sprint(k * n), fmt.Sprint(min(n, total-k*n))})
	}
	return rows
}

var ofTheGrid = regexp.MustCompile(`^(run|width|origin\d?|size\d?|unit\d?|wall\d?|clock\d?|stride\d|count\d|hi\d)$`)

func (w *simulated) createChild(name string, row []string) {
	template, args := "shard-data", map[string]string{"data": w.args["run"] + "-d" + row[0]}
	for name, value := range w.args {
		if ofTheGrid.MatchString(name) {
			args[name] = value
		}
	}
	if row[1] != "-1" {
		var segments [][]string
		if err := json.Unmarshal([]byte(w.args["segments"]), &segments); err != nil {
			w.t.Fatal(err)
		}
		template, args["data"] = "shard", ""
		for i, value := range segments[number(w.t, row[1])] {
			args[[]string{"lo", "hi", "first", "step", "line"}[i]] = value
		}
	}
	var params []any
	for name, value := range args {
		params = append(params, map[string]any{"name": name, "value": value})
	}
	labels := w.object.GetLabels()
	labels["backfill.dev/shard"] = row[0]
	child := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": w.object.GetAPIVersion(), "kind": "Workflow",
		"spec": map[string]any{
			"arguments": map[string]any{"parameters": params},
			"templates": []any{map[string]any{"name": "shard", "steps": []any{[]any{map[string]any{
				"name": "s", "templateRef": map[string]any{"template": template},
				"arguments": map[string]any{"parameters": []any{
					map[string]any{"name": "from", "value": row[2]}, map[string]any{"name": "count", "value": row[3]},
				}},
			}}}}},
		},
	}}
	child.SetName(name)
	child.SetNamespace(w.object.GetNamespace())
	child.SetLabels(labels)
	pods := max(1, number(w.t, w.args["parallelism"])/min(number(w.t, w.args["launchers"]), number(w.t, w.args["width"])))
	child.Object["spec"].(map[string]any)["parallelism"] = pods
	child.SetAnnotations(map[string]string{"backfill.dev/parallelism": fmt.Sprint(pods)})
	_ = unstructured.SetNestedSlice(child.Object, []any{
		map[string]any{
			"apiVersion": w.object.GetAPIVersion(),
			"kind":       "Workflow",
			"name":       w.object.GetName(),
			"uid":        string(w.object.GetUID()),
		},
	}, "metadata", "ownerReferences")
	if _, err := w.cluster.Create(context.Background(), child); err != nil {
		w.t.Fatal(err)
	}
}

// save writes the status.
func (w *simulated) save() {
	status := map[string]any{"phase": w.phase, "message": w.message, "nodes": w.nodes, "startedAt": "2026-01-01T00:00:00Z"}
	if w.phase != "Running" {
		status["finishedAt"] = "2026-01-01T01:00:00Z"
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.cluster.Patch(
		context.Background(),
		cluster.Workflow,
		w.object.GetNamespace(),
		w.object.GetName(),
		patch,
	); err != nil {
		w.t.Fatal(err)
	}
}
