// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

const before = `apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: a-1111111111, namespace: data, annotations: {backfill.dev/spec-hash: "1111111111"}}
spec:
  templates:
    - {name: x, container: {image: "one", args: [p, q]}}
    - {name: gone, steps: []}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: a-r1, namespace: data, labels: {backfill.dev/template: a-1111111111}}
spec: {parallelism: 3}
`

func TestDiff(t *testing.T) {
	tests := map[string]struct {
		after string
		want  []string
	}{
		"the same": {before, nil},
		"the same in another order and as stored": {`apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: a-r1, namespace: data, uid: u, resourceVersion: "7", labels: {backfill.dev/template: a-1111111111}}
spec: {parallelism: 3}
status: {phase: Running}
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: a-1111111111, namespace: data, generation: 1}
spec:
  templates:
    - {name: gone, steps: []}
    - {name: x, container: {image: "one", args: [p, q]}}
`, nil},
		"another content under another hash": {`apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: a-2222222222, namespace: data, annotations: {backfill.dev/spec-hash: "2222222222"}}
spec:
  templates:
    - {name: x, container: {image: "two", args: [p]}}
    - {name: new}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: a-r1, namespace: data, labels: {backfill.dev/template: a-2222222222}}
spec: {parallelism: 3, suspend: true}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a-r1-d0, namespace: data}
`, []string{
			`+ ConfigMap data/a-r1-d0`,
			`+ Workflow data/a-r1: spec.suspend: true`,
			`~ WorkflowTemplate data/a-…: spec.templates[x].container.args: ["p","q"] -> ["p"]`,
			`~ WorkflowTemplate data/a-…: spec.templates[x].container.image: "one" -> "two"`,
			`- WorkflowTemplate data/a-…: spec.templates[gone]: {"name":"gone","steps":[]}`,
			`+ WorkflowTemplate data/a-…: spec.templates[new]: {"name":"new"}`,
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Diff(objects(t, before), objects(t, test.after)); !slices.Equal(got, test.want) {
				t.Errorf("got\n%q\nwant\n%q", got, test.want)
			}
		})
	}
}

func objects(t *testing.T, yaml string) []manifest.Object {
	t.Helper()
	out, err := manifest.Decode([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Lists of lists are compared element by element, and of long texts the part is
// shown in which they differ.
func TestDiffShowsWhereLongValuesDiffer(t *testing.T) {
	const run = `apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: a-r1, namespace: data}
spec:
  templates:
    - name: run
      steps:
        - - {name: shards, template: launcher, arguments: {parameters: [{name: count, value: "LONG"}]}}
`
	long := strings.Repeat("0123456789", 30)
	object := func(middle string) []manifest.Object {
		return objects(t, strings.Replace(run, "LONG", long+middle+long, 1))
	}
	const same = "…12345678901234567890123456789" // and the bracket makes 30
	want := []string{`~ Workflow data/a-r1: spec.templates[run].steps[0][shards].arguments.parameters[count].value: ` +
		same + `<a>` + long[:82] + `… -> ` + same + `<b>` + long[:82] + `…`}
	if got := Diff(object("<a>"), object("<b>")); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := Diff(object("<a>"), object("<a>")); got != nil {
		t.Errorf("got %q", got)
	}
}
