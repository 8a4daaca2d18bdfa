// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"sigs.k8s.io/yaml"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// What a controller's defaults may say of a Workflow, and of a template by
// templateDefaults. Each field of Argo's types is in one class: written here, so
// that the defaults do not get at it; a rule for pods, which they may have;
// without effect on which pods run and how they end; or imposing.
var (
	specClasses = map[string][]string{
		"written": {
			"activeDeadlineSeconds",
			"arguments",
			"entrypoint",
			"onExit",
			"parallelism",
			"podGC",
			"suspend",
			"templates",
			"ttlStrategy",
		},
		"pods": {
			"affinity",
			"automountServiceAccountToken",
			"dnsConfig",
			"dnsPolicy",
			"executor",
			"hostAliases",
			"hostNetwork",
			"imagePullSecrets",
			"nodeSelector",
			"podDisruptionBudget",
			"podMetadata",
			"podPriorityClassName",
			"podSpecPatch",
			"schedulerName",
			"securityContext",
			"serviceAccountName",
			"tolerations",
			"volumes",
		},
		// retryStrategy is for templates without one, and there are none; shutdown
		// from birth would be seen as a run that was stopped.
		"harmless": {
			"archiveLogs",
			"artifactGC",
			"artifactRepositoryRef",
			"metrics",
			"priority",
			"retryStrategy",
			"shutdown",
			"templateDefaults",
			"volumeClaimGC",
			"volumeClaimTemplates",
			"workflowMetadata",
		},
	}
	templateClasses = map[string][]string{
		"steps": {"failFast", "name", "retryStrategy", "steps"},
		"pod": {
			"activeDeadlineSeconds",
			"container",
			"daemon",
			"metadata",
			"name",
			"retryStrategy",
		}, // and timeout without a deadline
		"pods": {
			"affinity",
			"automountServiceAccountToken",
			"executor",
			"hostAliases",
			"initContainers",
			"nodeSelector",
			"podSpecPatch",
			"priorityClassName",
			"schedulerName",
			"securityContext",
			"serviceAccountName",
			"sidecars",
			"tolerations",
			"volumes",
		},
		// Argo merges no field of another kind of template.
		"harmless": {
			"annotations",
			"archiveLocation",
			"containerSet",
			"dag",
			"data",
			"http",
			"metrics",
			"plugin",
			"script",
			"suspend",
		},
	}
)

func TestEveryDefaultIsDecided(t *testing.T) {
	for _, test := range []struct {
		of       any
		classes  map[string][]string
		imposing map[string]string
	}{{wfv1.WorkflowSpec{}, specClasses, argo.Imposing}, {wfv1.Template{}, templateClasses, argo.ImposingTemplates}} {
		ty := reflect.TypeOf(test.of)
		decided := map[string]int{}
		for _, fields := range test.classes {
			for _, f := range fields {
				decided[f]++
			}
		}
		for f := range test.imposing {
			decided[f]++
		}
		shared := []string{"name", "retryStrategy"} // steps and pods have both
		for i := range ty.NumField() {
			field, _, _ := strings.Cut(ty.Field(i).Tag.Get("json"), ",")
			want := 1
			if ty.Name() == "Template" && slices.Contains(shared, field) {
				want = 2
			}
			if decided[field] != want {
				t.Errorf("%s.%s is in %d classes", ty.Name(), field, decided[field])
			}
			delete(decided, field)
		}
		for field := range decided {
			t.Errorf("%s has no field %s", ty.Name(), field)
		}
	}
}

// What keeps the defaults out is in every Workflow and every template.
func TestDefaultsAreKeptOut(t *testing.T) {
	d := argotest.Axis(t, domain.Range{Start: 0, End: 12, Size: 1})
	j := argotest.Sample(d)
	j.ShardSize, j.Retry.Backoff, j.Runner.Deadline = 4, 0, 0
	j.Canary.Partitions = 1
	j.Setup, j.Teardown = &j.Runner, &j.Runner
	var template wfv1.WorkflowTemplate
	var run, child wfv1.Workflow
	c, w := argotest.NewController(t, compile(t, j, argotest.PlanOf(j, ledger.Full(d)))...)
	run = *w.DeepCopy()
	for _, one := range c.Templates {
		template = *one
	}
	c.Run(w)
	child = *c.Workflows[argo.ChildName("orders-r3", 0)]
	for _, spec := range []wfv1.WorkflowSpec{run.Spec, child.Spec} {
		for _, field := range specClasses["written"] {
			if !has(t, spec, field) {
				t.Errorf("a Workflow has no %s", field)
			}
		}
	}
	templates := slices.Concat(template.Spec.Templates, run.Spec.Templates, child.Spec.Templates)
	for _, one := range templates {
		kind := "pod"
		if one.Steps != nil {
			kind = "steps"
		}
		for _, field := range templateClasses[kind] {
			if !has(t, one, field) && (field != "container" || one.Resource == nil) {
				t.Errorf("template %s has no %s", one.Name, field)
			}
		}
		if limited := kind == "pod" &&
			one.ActiveDeadlineSeconds.IntValue() != int(argo.Never); kind == "pod" &&
			limited == has(t, one, "timeout") {
			t.Errorf("template %s has the deadline %s and the timeout %q", one.Name, one.ActiveDeadlineSeconds, one.Timeout)
		}
		r := one.RetryStrategy
		if once := r.Limit.IntValue() == 0; once != (kind == "steps") {
			t.Errorf("template %s is tried again %d times", one.Name, r.Limit.IntValue())
		}
		if kind == "pod" &&
			(r.Backoff == nil || r.Backoff.Duration == "" || r.Backoff.MaxDuration != aCentury ||
				r.Backoff.Factor == nil || r.Expression == "" || r.RetryPolicy == "") {
			t.Errorf("the retries of template %s are left to the defaults: %+v", one.Name, r)
		}
	}
	if len(templates) < 10 {
		t.Errorf("only %d templates", len(templates))
	}
}

// has tells whether a field is there in the JSON that Argo merges.
func has(t *testing.T, of any, field string) bool {
	t.Helper()
	text, err := yaml.Marshal(of)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := yaml.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	_, ok := fields[field]
	return ok
}

func TestImpositions(t *testing.T) {
	j := argotest.Sample(argotest.Axis(t, domain.Range{Start: 0, End: 12, Size: 1}))
	objects := compile(t, j, argotest.PlanOf(j, ledger.Full(j.Domain)))
	run := objects[len(objects)-1]
	if got := argo.Impositions(run); got != nil {
		t.Errorf("what is written has %v", got)
	}
	spec, _ := run.Object["spec"].(node)
	spec["hooks"] = node{}
	spec["synchronization"] = node{"mutex": node{"name": "m"}}
	spec["templateDefaults"] = node{
		"inputs":        node{},
		"outputs":       node{},
		"retryStrategy": node{"limit": int64(3)},
		"parallelism":   int64(1),
		"memoize":       node{"key": "k"},
	}
	var got []string
	for _, i := range argo.Impositions(run) {
		if i.Effect == "" {
			t.Errorf("%s has no effect", i.Field)
		}
		got = append(got, i.Field)
	}
	if want := []string{
		"spec.synchronization",
		"spec.templateDefaults.memoize",
		"spec.templateDefaults.parallelism",
	}; !slices.Equal(
		got,
		want,
	) {
		t.Errorf("got %q, want %q", got, want)
	}
}
