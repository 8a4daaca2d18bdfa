// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// ownCluster starts a cluster for one test, which ends with it.
func ownCluster(t *testing.T, flags ...string) *localCluster {
	t.Helper()
	binary := program(t)
	state := t.TempDir()
	c := &localCluster{binary: binary, state: state, kubeconfig: filepath.Join(state, "kubeconfig"), ours: true}
	t.Cleanup(func() {
		if err := c.stop(); err != nil {
			t.Error(err)
		}
	})
	if out, err := c.command(append([]string{"up"}, flags...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := c.connect(); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFullCRDsTakeGoldensUnchanged has an API server that knows Argo's full CRDs
// check every golden manifest strictly, and compares what it would store: neither
// is anything pruned nor filled in.
func TestFullCRDsTakeGoldensUnchanged(t *testing.T) {
	if os.Getenv(envLong) == "" {
		t.Skip("long: the full CRDs take the API server minutes and a gigabyte")
	}
	files, err := filepath.Glob("../argo/testdata/golden/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden manifests", err)
	}
	c := ownCluster(t, "--crds=full", "--on-demand=0", "--spot=0")
	_, err = c.core.CoreV1().
		Namespaces().
		Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "data"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			objects, err := manifest.Decode(f.Data)
			if err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			for _, o := range objects {
				c.takesUnchanged(t, filepath.Base(file), o)
				checked++
			}
		}
	}
	t.Logf("%d objects of %d files", checked, len(files))
	c.refusesUnknownField(t)
}

// takesUnchanged has the API server check an object without storing it.
func (c *localCluster) takesUnchanged(t *testing.T, file string, o *unstructured.Unstructured) {
	t.Helper()
	got, err := c.dryRun(t, o)
	if err != nil {
		t.Errorf("%s: %s %s: %v", file, o.GetKind(), o.GetName(), err)
		return
	}
	metadata, _ := got.Object["metadata"].(map[string]any)
	for _, written := range []string{"creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"} {
		delete(metadata, written)
	}
	if d := cmp.Diff(o.Object, got.Object); d != "" {
		t.Errorf("%s: the API server would store another %s %s:\n%s", file, o.GetKind(), o.GetName(), d)
	}
}

func (c *localCluster) dryRun(t *testing.T, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	t.Helper()
	resource, _ := meta.UnsafeGuessKindToResource(o.GroupVersionKind())
	return c.dynamic.Resource(resource).Namespace(o.GetNamespace()).Create(t.Context(), o, metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict,
	})
}

// refusesUnknownField shows that the schema is there.
func (c *localCluster) refusesUnknownField(t *testing.T) {
	t.Helper()
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1",
		"kind":       "Workflow",
		"metadata":   map[string]any{"name": "unknown", "namespace": "data"},
		"spec":       map[string]any{"templates": []any{map[string]any{"name": "a", "contaner": map[string]any{}}}},
	}}
	if _, err := c.dryRun(t, o); err == nil {
		t.Error("a Workflow with an unknown field is taken, so that nothing was checked")
	}
}
