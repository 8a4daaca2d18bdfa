// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package clustertest is the contract of cluster.Backend as a test suite that
// every implementation passes.
package clustertest

import (
	"context"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Setup says where the suite may work.
type Setup struct {
	Backend cluster.Backend
	// Namespace exists; Prefix starts all names, so that suites can share it.
	Namespace, Prefix string
}

type suite struct {
	Setup
	*testing.T
}

// Run checks the contract.
func Run(t *testing.T, in Setup) {
	tests := []struct {
		name string
		run  func(suite)
	}{
		{"what is created can be read", suite.createThenGet},
		{"a name is taken once", suite.createTwice},
		{"what does not exist is not found", suite.missing},
		{"lists select by label and read every page", suite.list},
		{"an update needs the current version", suite.compareAndSwap},
		{"a merge patch changes what it names", suite.patch},
		{"a deletion checks the uid", suite.deleteByUID},
		{"what an object owns goes with it", suite.ownership},
		{"a workflow's content is kept as it is", suite.workflowContent},
		{"a template's generation counts changes of its spec", suite.generation},
		{"a cancelled context ends a call", suite.cancelled},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(suite{in, t}) })
	}
}

func (s suite) object(kind cluster.Kind, name string, fields map[string]any) manifest.Object {
	r := cluster.Resource(kind)
	o := &unstructured.Unstructured{Object: map[string]any{}}
	for k, v := range fields {
		o.Object[k] = v
	}
	o.SetAPIVersion(r.GroupVersion().String())
	o.SetKind(string(kind))
	o.SetNamespace(s.Namespace)
	o.SetName(s.Prefix + name)
	o.SetLabels(map[string]string{"suite": s.Prefix + "x"})
	return o
}

func (s suite) configMap(name string, data map[string]any) manifest.Object {
	return s.object(cluster.ConfigMap, name, map[string]any{"data": data})
}

// make creates o and removes it after the test.
func (s suite) make(o manifest.Object) manifest.Object {
	s.Helper()
	made, err := s.Backend.Create(s.Context(), o)
	if err != nil {
		s.Fatalf("create: %v", err)
	}
	s.Cleanup(func() {
		_ = s.Backend.Delete(context.Background(), cluster.Kind(o.GetKind()), o.GetNamespace(), o.GetName(), "")
	})
	return made
}

func (s suite) get(o manifest.Object) (manifest.Object, error) {
	return s.Backend.Get(s.Context(), cluster.Kind(o.GetKind()), o.GetNamespace(), o.GetName())
}

func (s suite) expect(err error, want cluster.Reason) {
	s.Helper()
	if got := cluster.ReasonOf(err); got != want {
		s.Fatalf("got reason %q (%v), want %q", got, err, want)
	}
}

func (s suite) createThenGet() {
	made := s.make(s.configMap("a", map[string]any{"k": "v"}))
	if made.GetUID() == "" || made.GetResourceVersion() == "" || made.GetCreationTimestamp().Time.IsZero() {
		s.Errorf("uid %q, version %q, creation %v: none may be empty", made.GetUID(), made.GetResourceVersion(),
			made.GetCreationTimestamp())
	}
	got, err := s.get(made)
	if err != nil {
		s.Fatal(err)
	}
	if v, _, _ := unstructured.NestedString(got.Object, "data", "k"); v != "v" {
		s.Errorf("data.k = %q, want v", v)
	}
	if got.GetKind() != "ConfigMap" || got.GetAPIVersion() != "v1" {
		s.Errorf("got kind %q of %q", got.GetKind(), got.GetAPIVersion())
	}
}

func (s suite) createTwice() {
	made := s.make(s.configMap("twice", map[string]any{"k": "first"}))
	_, err := s.Backend.Create(s.Context(), s.configMap("twice", map[string]any{"k": "second"}))
	s.expect(err, cluster.AlreadyExists)
	got, err := s.get(made)
	if err != nil {
		s.Fatal(err)
	}
	if v, _, _ := unstructured.NestedString(got.Object, "data", "k"); v != "first" {
		s.Errorf("data.k = %q, want first", v)
	}
}

func (s suite) missing() {
	o := s.configMap("missing", nil)
	_, err := s.get(o)
	s.expect(err, cluster.NotFound)
	_, err = s.Backend.Patch(s.Context(), cluster.ConfigMap, s.Namespace, o.GetName(), []byte(`{"data":{"a":"b"}}`))
	s.expect(err, cluster.NotFound)
	_, err = s.Backend.Update(s.Context(), func() manifest.Object { o.SetResourceVersion("1"); return o }())
	s.expect(err, cluster.NotFound)
	s.expect(s.Backend.Delete(s.Context(), cluster.ConfigMap, s.Namespace, o.GetName(), ""), cluster.NotFound)
}

func (s suite) list() {
	const n = 1203 // three pages
	for i := range n {
		o := s.configMap(fmt.Sprintf("list-%04d", i), nil)
		o.SetLabels(map[string]string{"list": s.Prefix + "x", "odd": fmt.Sprint(i % 2)})
		s.make(o)
	}
	for selector, want := range map[string]int{
		"list=" + s.Prefix + "x":          n,
		"list=" + s.Prefix + "x,odd=1":    n / 2,
		"list=" + s.Prefix + "x,!odd":     0,
		"list=" + s.Prefix + "x,odd!=1":   n/2 + 1,
		"list=" + s.Prefix + "nothing":    0,
		"list,odd in (1),suite notin (a)": -1,
	} {
		found, err := s.Backend.List(s.Context(), cluster.ConfigMap, s.Namespace, selector)
		if err != nil {
			s.Fatalf("%s: %v", selector, err)
		}
		if want >= 0 && len(found) != want {
			s.Errorf("%s: %d objects, want %d", selector, len(found), want)
		}
		seen := map[string]bool{}
		for _, o := range found {
			seen[o.GetName()] = true
		}
		if len(seen) != len(found) {
			s.Errorf("%s: some object came twice", selector)
		}
	}
}

func (s suite) compareAndSwap() {
	old := s.make(s.configMap("cas", map[string]any{"k": "0"}))
	next := old.DeepCopy()
	_ = unstructured.SetNestedField(next.Object, "1", "data", "k")
	updated, err := s.Backend.Update(s.Context(), next)
	if err != nil {
		s.Fatal(err)
	}
	if updated.GetResourceVersion() == old.GetResourceVersion() {
		s.Error("the version did not change")
	}
	late := old.DeepCopy()
	_ = unstructured.SetNestedField(late.Object, "2", "data", "k")
	_, err = s.Backend.Update(s.Context(), late)
	s.expect(err, cluster.Conflict)
	got, err := s.get(old)
	if err != nil {
		s.Fatal(err)
	}
	if v, _, _ := unstructured.NestedString(got.Object, "data", "k"); v != "1" {
		s.Errorf("data.k = %q, want 1", v)
	}
}

func (s suite) patch() {
	o := s.make(s.configMap("patch", map[string]any{"a": "1", "b": "2"}))
	got, err := s.Backend.Patch(s.Context(), cluster.ConfigMap, s.Namespace, o.GetName(),
		[]byte(`{"data":{"a":null,"c":"3"},"metadata":{"labels":{"new":"x"}}}`))
	if err != nil {
		s.Fatal(err)
	}
	data, _, _ := unstructured.NestedStringMap(got.Object, "data")
	if len(data) != 2 || data["b"] != "2" || data["c"] != "3" {
		s.Errorf("data = %v", data)
	}
	if got.GetLabels()["new"] != "x" || got.GetLabels()["suite"] == "" {
		s.Errorf("labels = %v", got.GetLabels())
	}
}

func (s suite) deleteByUID() {
	o := s.make(s.configMap("delete", nil))
	err := s.Backend.Delete(s.Context(), cluster.ConfigMap, s.Namespace, o.GetName(),
		"11111111-2222-4333-8444-555555555555")
	s.expect(err, cluster.Conflict)
	if err := s.Backend.Delete(s.Context(), cluster.ConfigMap, s.Namespace, o.GetName(), string(o.GetUID())); err != nil {
		s.Fatal(err)
	}
	_, err = s.get(o)
	s.expect(err, cluster.NotFound)
}

// ownership waits: a real garbage collector needs a moment.
func (s suite) ownership() {
	owner := s.make(s.configMap("owner", nil))
	child := s.configMap("owned", nil)
	_ = unstructured.SetNestedSlice(child.Object, []any{map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "name": owner.GetName(), "uid": string(owner.GetUID()),
	}}, "metadata", "ownerReferences")
	child = s.make(child)
	if err := s.Backend.Delete(s.Context(), cluster.ConfigMap, s.Namespace, owner.GetName(), ""); err != nil {
		s.Fatal(err)
	}
	err := cluster.WithRetry(gone{s.Backend}, cluster.Retry{Attempts: 600, Backoff: 100e6, MaxBackoff: 100e6}).
		Delete(s.Context(), cluster.ConfigMap, s.Namespace, child.GetName(), "")
	if err != nil {
		s.Errorf("the owned object stayed: %v", err)
	}
}

// gone asks whether an object is gone each time it is told to delete it.
type gone struct{ cluster.Backend }

func (g gone) Delete(ctx context.Context, kind cluster.Kind, namespace, name, _ string) error {
	if _, err := g.Get(ctx, kind, namespace, name); !cluster.IsNotFound(err) {
		return cluster.NewError(cluster.Unavailable, cluster.Call{
			Verb:      "delete",
			Kind:      kind,
			Namespace: namespace,
			Name:      name,
		}, "", err)
	}
	return nil
}

func (s suite) workflowContent() {
	spec := map[string]any{
		"entrypoint": "main", "suspend": true, "parallelism": int64(7),
		"templates": []any{map[string]any{"name": "main", "suspend": map[string]any{}}},
		"arguments": map[string]any{"parameters": []any{map[string]any{"name": "p", "value": "{{=1+1}} $(X) \"\n é"}}},
	}
	o := s.make(s.object(cluster.Workflow, "wf", map[string]any{"spec": spec}))
	got, err := s.get(o)
	if err != nil {
		s.Fatal(err)
	}
	values, _, _ := unstructured.NestedSlice(got.Object, "spec", "arguments", "parameters")
	first, _ := values[0].(map[string]any)
	if first["value"] != "{{=1+1}} $(X) \"\n é" {
		s.Errorf("parameter = %q", first["value"])
	}
	if p, _, _ := unstructured.NestedInt64(got.Object, "spec", "parallelism"); p != 7 {
		s.Errorf("parallelism = %d", p)
	}
	got, err = s.Backend.Patch(s.Context(), cluster.Workflow, s.Namespace, o.GetName(),
		[]byte(`{"spec":{"suspend":null,"parallelism":3}}`))
	if err != nil {
		s.Fatal(err)
	}
	if _, suspended, _ := unstructured.NestedBool(got.Object, "spec", "suspend"); suspended {
		s.Error("spec.suspend stayed")
	}
}

func (s suite) generation() {
	spec := map[string]any{"templates": []any{map[string]any{"name": "main", "suspend": map[string]any{}}}}
	o := s.make(s.object(cluster.WorkflowTemplate, "tmpl", map[string]any{"spec": spec}))
	if o.GetGeneration() != 1 {
		s.Errorf("generation = %d, want 1", o.GetGeneration())
	}
	labelled, err := s.Backend.Patch(s.Context(), cluster.WorkflowTemplate, s.Namespace, o.GetName(),
		[]byte(`{"metadata":{"labels":{"l":"v"}}}`))
	if err != nil {
		s.Fatal(err)
	}
	if labelled.GetGeneration() != 1 {
		s.Errorf("generation after a label = %d, want 1", labelled.GetGeneration())
	}
	edited, err := s.Backend.Patch(s.Context(), cluster.WorkflowTemplate, s.Namespace, o.GetName(),
		[]byte(`{"spec":{"entrypoint":"main"}}`))
	if err != nil {
		s.Fatal(err)
	}
	if edited.GetGeneration() != 2 {
		s.Errorf("generation after an edit = %d, want 2", edited.GetGeneration())
	}
}

func (s suite) cancelled() {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	_, err := s.Backend.Get(ctx, cluster.ConfigMap, s.Namespace, s.Prefix+"any")
	s.expect(err, cluster.Canceled)
}
