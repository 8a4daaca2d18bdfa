// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package oracle

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/workflow/templateresolution"
	"github.com/argoproj/argo-workflows/v3/workflow/validate"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"
)

// golden is a symbolic link, because go test knows that a file has changed only
// if it lies inside of the module.
const golden = "testdata"

// stored are the templates that a Workflow may refer to.
type stored map[string]*wfv1.WorkflowTemplate

func (s stored) Get(name string) (*wfv1.WorkflowTemplate, error) {
	if t, ok := s[name]; ok {
		return t, nil
	}
	return nil, fmt.Errorf("there is no WorkflowTemplate %s", name)
}

func load(t *testing.T, file string) (stored, *wfv1.Workflow) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	templates, run := stored{}, (*wfv1.Workflow)(nil)
	for _, f := range archive.Files {
		switch kind, _, _ := strings.Cut(f.Name, "/"); kind {
		case "WorkflowTemplate":
			var one wfv1.WorkflowTemplate
			if err := yaml.UnmarshalStrict(f.Data, &one); err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			templates[one.Name] = &one
		case "Workflow":
			run = &wfv1.Workflow{}
			if err := yaml.UnmarshalStrict(f.Data, run); err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
		}
	}
	if run == nil || len(templates) != 1 {
		t.Fatalf("%s holds %d templates and no run, or more than one template", file, len(templates))
	}
	return templates, run
}

var (
	run      = regexp.MustCompile(`\{\{workflow\.parameters\.(\w+)\}\}`)
	computed = regexp.MustCompile(`\{\{[^}]*\}\}`)
)

// child is the Workflow that a launcher would create for its first shard.
func child(t *testing.T, template *wfv1.WorkflowTemplate, parent *wfv1.Workflow) *wfv1.Workflow {
	t.Helper()
	for _, tmpl := range template.Spec.Templates {
		if tmpl.Resource == nil {
			continue
		}
		text := run.ReplaceAllStringFunc(tmpl.Resource.Manifest, func(tag string) string {
			return parent.Spec.Arguments.GetParameterByName(run.FindStringSubmatch(tag)[1]).Value.String()
		})
		for input, value := range map[string]string{"k": "0", "from": "0", "count": "3", "salt": "partitions"} {
			text = strings.ReplaceAll(text, "{{inputs.parameters."+input+"}}", value)
		}
		text = strings.ReplaceAll(text, `{{=asInt(inputs.parameters.g) < 0 ? "shard-data" : "shard"}}`, "shard")
		text = computed.ReplaceAllString(text, "1")
		var w wfv1.Workflow
		if err := yaml.UnmarshalStrict([]byte(text), &w); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		return &w
	}
	t.Fatal("the template has no launcher")
	return nil
}

func TestArgoAccepts(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(golden, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no golden manifests", err)
	}
	none := &templateresolution.NullClusterWorkflowTemplateGetter{}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			templates, run := load(t, file)
			for _, template := range templates {
				if err := validate.ValidateWorkflowTemplate(templates, none, template, nil, validate.ValidateOpts{}); err != nil {
					t.Errorf("WorkflowTemplate: %v", err)
				}
				if run.Spec.Arguments.GetParameterByName("segments") == nil {
					continue
				}
				if err := validate.ValidateWorkflow(
					templates,
					none,
					child(t, template, run),
					nil,
					validate.ValidateOpts{},
				); err != nil {
					t.Errorf("child: %v", err)
				}
			}
			if err := validate.ValidateWorkflow(templates, none, run, nil, validate.ValidateOpts{}); err != nil {
				t.Errorf("Workflow: %v", err)
			}
		})
	}
}

// TestArgoRefuses shows that the validator looks at what is emitted at all.
func TestArgoRefuses(t *testing.T) {
	templates, run := load(t, filepath.Join(golden, "one-shard.txtar"))
	none := &templateresolution.NullClusterWorkflowTemplateGetter{}
	run.Spec.Arguments.Parameters = nil
	if err := validate.ValidateWorkflow(templates, none, run, nil, validate.ValidateOpts{}); err == nil {
		t.Error("a run without its arguments is accepted")
	}
}
