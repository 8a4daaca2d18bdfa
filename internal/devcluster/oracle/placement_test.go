// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package oracle

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/argoproj/argo-workflows/v3/workflow/templateresolution"
	"github.com/argoproj/argo-workflows/v3/workflow/validate"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"
)

// TestPlacementIsValid puts what is emitted for every combination of spot and
// anchor in an emitted template, and asks Argo's validator.
func TestPlacementIsValid(t *testing.T) {
	archive, err := txtar.ParseFile("../../argo/testdata/placement.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		templates, run := load(t, filepath.Join(golden, "one-shard.txtar"))
		var fields map[string]any
		if err := yaml.Unmarshal(f.Data, &fields); err != nil {
			t.Fatal(err)
		}
		if annotations, ok := fields["annotations"]; ok {
			fields["metadata"] = map[string]any{"annotations": annotations}
			delete(fields, "annotations")
		}
		text, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range templates {
			for i := range one.Spec.Templates {
				if tmpl := &one.Spec.Templates[i]; tmpl.Container != nil {
					if err := json.Unmarshal(text, tmpl); err != nil {
						t.Fatalf("%s: %v", f.Name, err)
					}
				}
			}
		}
		none := &templateresolution.NullClusterWorkflowTemplateGetter{}
		for _, one := range templates {
			if err := validate.ValidateWorkflowTemplate(templates, none, one, nil, validate.ValidateOpts{}); err != nil {
				t.Errorf("%s: WorkflowTemplate: %v", f.Name, err)
			}
		}
		if err := validate.ValidateWorkflow(templates, none, run, nil, validate.ValidateOpts{}); err != nil {
			t.Errorf("%s: Workflow: %v", f.Name, err)
		}
	}
}
