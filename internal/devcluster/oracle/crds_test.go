// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package oracle

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// definition is what the API server makes of a full CRD.
type definition struct {
	structural *schema.Structural
	validator  validation.SchemaValidator
}

// fullCRD reads one of the full CRDs of the pinned Argo.
func fullCRD(t *testing.T, plural string) definition {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-workflows/v3").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(
		filepath.Join(strings.TrimSpace(string(dir)), "manifests", "base", "crds", "full", "argoproj.io_"+plural+".yaml"),
	)
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	var props apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
		crd.Spec.Versions[0].Schema.OpenAPIV3Schema,
		&props,
		nil,
	); err != nil {
		t.Fatal(err)
	}
	var d definition
	if d.structural, err = schema.NewStructural(&props); err != nil {
		t.Fatal(err)
	}
	if d.validator, _, err = validation.NewSchemaValidator(&props); err != nil {
		t.Fatal(err)
	}
	return d
}

// stored is what the API server would store of an object, and what it would
// complain of.
func (d definition) stored(object map[string]any) (map[string]any, []string) {
	var problems []string
	object = runtime.DeepCopyJSON(object)
	for _, err := range validation.ValidateCustomResource(nil, object, d.validator) {
		problems = append(problems, err.Error())
	}
	track := schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	for _, path := range pruning.PruneWithOptions(object, d.structural, true, track) {
		problems = append(problems, "unknown field "+path)
	}
	defaulting.Default(object, d.structural)
	return object, problems
}

// TestFullCRDsStoreGoldensUnchanged puts every golden manifest through what an API
// server does by Argo's full CRDs, with the API server's own code: nothing is
// refused, pruned or filled in.
func TestFullCRDsStoreGoldensUnchanged(t *testing.T) {
	definitions := map[string]definition{
		"Workflow":         fullCRD(t, "workflows"),
		"WorkflowTemplate": fullCRD(t, "workflowtemplates"),
	}
	files, err := filepath.Glob(filepath.Join(golden, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no golden manifests", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			kind, _, _ := strings.Cut(f.Name, "/")
			d, ours := definitions[kind]
			if !ours {
				continue
			}
			var object map[string]any
			if err := yaml.Unmarshal(f.Data, &object); err != nil {
				t.Fatal(err)
			}
			got, problems := d.stored(object)
			if len(problems) > 0 {
				t.Errorf("%s: %s: %q", filepath.Base(file), f.Name, problems)
			}
			if !reflect.DeepEqual(object, got) {
				t.Errorf("%s: %s would be stored as\n%v\nand was written as\n%v", filepath.Base(file), f.Name, got, object)
			}
		}
	}
}

// TestFullCRDsRefuse shows that the schemas say anything at all.
func TestFullCRDsRefuse(t *testing.T) {
	d := fullCRD(t, "workflows")
	for name, spec := range map[string]map[string]any{
		"unknown field": {"entrypont": "run"},
		"wrong type":    {"entrypoint": int64(1)},
	} {
		if _, problems := d.stored(
			map[string]any{
				"apiVersion": "argoproj.io/v1alpha1",
				"kind":       "Workflow",
				"metadata":   map[string]any{"name": "a"},
				"spec":       spec,
			},
		); len(
			problems,
		) == 0 {
			t.Errorf("%s: nothing is complained of", name)
		}
	}
}
