// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package bootstrap

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func find(t *testing.T, objects []*unstructured.Unstructured, kind, name string) *unstructured.Unstructured {
	t.Helper()
	for _, o := range objects {
		if o.GetKind() == kind && o.GetName() == name {
			return o
		}
	}
	t.Fatalf("no %s %s", kind, name)
	return nil
}

// permissions lists a role's rules as "verb resource", sorted.
func permissions(t *testing.T, role *unstructured.Unstructured) []string {
	t.Helper()
	rules, _, err := unstructured.NestedSlice(role.Object, "rules")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rules {
		rule, ok := r.(map[string]any)
		if !ok {
			t.Fatalf("rule %v", r)
		}
		verbs, _, _ := unstructured.NestedStringSlice(rule, "verbs")
		resources, _, _ := unstructured.NestedStringSlice(rule, "resources")
		for _, verb := range verbs {
			for _, resource := range resources {
				got = append(got, verb+" "+resource)
			}
		}
	}
	slices.Sort(got)
	return got
}

func TestServiceAccountsGetNoMoreThanTheyNeed(t *testing.T) {
	objects, err := ownObjects()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"backfill-runner":       {"create workflowtaskresults", "patch workflowtaskresults"},
		"backfill-orchestrator": {"create workflows", "create workflowtaskresults", "get workflows", "patch workflows", "patch workflowtaskresults"},
	} {
		find(t, objects, "ServiceAccount", name)
		if got := permissions(t, find(t, objects, "Role", name)); !slices.Equal(got, want) {
			t.Errorf("%s may %v, want %v", name, got, want)
		}
	}
	for _, o := range objects {
		subjects, _, _ := unstructured.NestedSlice(o.Object, "subjects")
		for _, s := range subjects {
			if subject, ok := s.(map[string]any); ok && subject["name"] == "default" {
				t.Errorf("%s gives rights to the account \"default\"", o.GetName())
			}
		}
	}
}

func TestEveryOwnObjectCanBeApplied(t *testing.T) {
	objects, err := ownObjects()
	if err != nil {
		t.Fatal(err)
	}
	namespaces := map[string]bool{"default": true}
	for _, o := range objects {
		if _, err := resourceOf(o); err != nil {
			t.Error(err)
		}
		if o.GetKind() == "Namespace" {
			namespaces[o.GetName()] = true
		}
		if ns := o.GetNamespace(); ns != "" && !namespaces[ns] {
			t.Errorf("%s %s comes before its namespace %s", o.GetKind(), o.GetName(), ns)
		}
	}
}

func TestCompleteNamespace(t *testing.T) {
	objects, err := parse([]byte(`
kind: ClusterRoleBinding
metadata: {name: a}
subjects: [{kind: ServiceAccount, name: argo}, {kind: User, name: u}]
---
kind: RoleBinding
metadata: {name: b}
subjects: [{kind: ServiceAccount, name: argo}]
---
# nothing here
`))
	if err != nil {
		t.Fatal(err)
	}
	if len(objects) != 2 {
		t.Fatalf("parsed %d objects, want 2", len(objects))
	}
	for i, want := range []string{"", "argo"} {
		completeNamespace(objects[i])
		if got := objects[i].GetNamespace(); got != want {
			t.Errorf("%s has namespace %q, want %q", objects[i].GetKind(), got, want)
		}
		subjects, _, _ := unstructured.NestedSlice(objects[i].Object, "subjects")
		for _, s := range subjects {
			subject, ok := s.(map[string]any)
			if !ok {
				t.Fatalf("subject %v", s)
			}
			if has := subject["namespace"] == "argo"; has != (subject["kind"] == "ServiceAccount") {
				t.Errorf("subject %v", subject)
			}
		}
	}
}

func TestReadDir(t *testing.T) {
	dir := t.TempDir()
	if _, err := readDir(dir); err == nil {
		t.Error("an empty directory gives no error")
	}
	for name, text := range map[string]string{
		"kustomization.yaml": "resources: [a.yaml]\n",
		"b.yaml":             "kind: Role\nmetadata: {name: b}\n",
		"a.yaml":             "kind: Role\nmetadata: {name: a}\n",
		"README.md":          "not a manifest",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	objects, err := readDir(dir)
	if err != nil || len(objects) != 2 || objects[0].GetName() != "a" || objects[1].GetName() != "b" {
		t.Errorf("readDir = %v, %v", objects, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "c.yaml"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readDir(dir); err == nil || !strings.Contains(err.Error(), "c.yaml") {
		t.Errorf("error for a broken file: %v", err)
	}
}

func TestEstablished(t *testing.T) {
	for status, want := range map[string]bool{"True": true, "False": false} {
		crd := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"conditions": []any{
			map[string]any{"type": "NamesAccepted", "status": "True"},
			map[string]any{"type": "Established", "status": status},
		}}}}
		if established(crd) != want {
			t.Errorf("Established=%s gives %v", status, !want)
		}
	}
	if established(&unstructured.Unstructured{Object: map[string]any{}}) {
		t.Error("established without conditions")
	}
}
