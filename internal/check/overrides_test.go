// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package check

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/lower"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// overridden is a job with overrides, and the problems that are found.
func overridden(t *testing.T, text string) (*job.Job, []string) {
	t.Helper()
	src := `job "a" {
  partition { range = { start = 0, end = 20, size = 10 } }
  runner {
    image   = "a"
    command = ["a"]
  }
  argo = { ` + text + ` }
}`
	m, diags := lang.Load(context.Background(), []lang.Source{{Name: "a.hcl", Bytes: []byte(src)}}, lang.Inputs{})
	if diags.HasErrors() {
		t.Fatalf("%s\n%s", diags, src)
	}
	j, diags := job.Decode(m.Bodies[0].Value)
	if j != nil {
		diags = append(diags, Overrides(j.Argo)...)
	}
	var problems []string
	for _, d := range diags {
		if diag.CodeOf(d) != diag.CodeArgoOverride || !strings.HasPrefix(diag.FormatPath(diag.PathOf(d)), "argo.") {
			t.Errorf("%s at %s: %s", diag.CodeOf(d), diag.FormatPath(diag.PathOf(d)), d.Detail)
		}
		problems = append(problems, d.Detail)
	}
	return j, problems
}

func TestOverridesAreChecked(t *testing.T) {
	for text, want := range map[string]string{
		`workflow = { templates = [] }`:                "the provider sets it",
		`workflow = { retryStrategy = { limit = 3 } }`: "restart whole fan-outs",
		`workflow = { priorty = 3 }`:                   `Did you mean "priority"`,
		`workflow = { priority = 1.5 }`:                "a number is not whole",
		`partition = { sidecars = [{ name = "a", image = "a", command = ["a"], resources = { limits = { cpu = 1.5 } } }] }`: "a number is not whole",
		`workflow = { priority = "high" }`:                                                                          "does not match Argo's types",
		`workflow = { dnsConfig = { nameserver = ["1.1.1.1"] } }`:                                                   `unknown field "dnsConfig.nameserver"`,
		`workflow = { podMetadata = { labels = { a = "{{workflow.name}}" } } }`:                                     "which Argo Workflows would evaluate",
		`workflow = { automountServiceAccountToken = false }`:                                                       "cannot report its result",
		`partition = { timeout = "1h" }`:                                                                            "Use runner.deadline",
		`partition = { sidecars = [{ name = "wait", image = "a", command = ["a"] }] }`:                              "Rename it",
		`partition = { sidecars = [{ name = "proxy", image = "a" }] }`:                                              "has no command",
		`partition = { initContainers = [{ image = "a" }] }`:                                                        "no name or no image",
		`partition = { metrics = { prometheus = [{ name = "n", help = "h", when = "{{outputs.result}} == 1" }] } }`: "contains {{outputs.result}}",
		`partition = { initContainers = [{ name = "a", image = "{{x" }] }`:                                          "contains {{x",
	} {
		_, problems := overridden(t, text)
		if len(problems) != 1 || !strings.Contains(problems[0], want) {
			t.Errorf("%s: %q, want %q", text, problems, want)
		}
	}
}

// TestOverridesReachTheirPlaces looks at what is emitted: the run, its shards, and
// the templates of partitions.
func TestOverridesReachTheirPlaces(t *testing.T) {
	j, problems := overridden(t, `
    workflow  = { schedulerName = "batch", podGC = { strategy = "OnPodCompletion" }, executor = { serviceAccountName = "argo" }, automountServiceAccountToken = false }
    partition = {
      sidecars = [{ name = "proxy", image = "p", command = ["p"] }]
      metrics  = { prometheus = [{ name = "partitions", help = "ended", when = "{{status}} == Failed", counter = { value = "1" } }] }
    }`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	template, err := lower.Template(j)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := lower.Run(j, specOf(j, template.GetName(), 1))
	if err != nil {
		t.Fatal(err)
	}
	objects = append([]manifest.Object{template}, objects...)
	for _, d := range Objects(objects) {
		t.Error(d.Detail)
	}
	text, err := manifest.Encode(objects, "yaml")
	if err != nil {
		t.Fatal(err)
	}
	// In the run and in the shard's manifest; in both templates of partitions.
	for part, want := range map[string]int{"schedulerName: batch": 2, "strategy: OnPodCompletion": 2, "strategy: " +
		"OnPodSuccess": 0, "- command:\n            - p\n": 2, "{{status}} == Failed": 2} {
		if got := strings.Count(string(text), part); got != want {
			t.Errorf("%q is there %d times, want %d\n%s", part, got, want, text)
		}
	}
}

// Every field of Argo's types is either allowed or refused with a reason, and
// there are no others.
func TestEveryFieldIsDecided(t *testing.T) {
	for name, of := range map[string]any{"workflow": wfv1.WorkflowSpec{}, "partition": wfv1.Template{}} {
		var allowed []string
		ty := reflect.TypeOf(of)
		for i := range ty.NumField() {
			field, _, _ := strings.Cut(ty.Field(i).Tag.Get("json"), ",")
			_, problems := overridden(t, name+" = { "+field+" = null }")
			_, set := overridden(t, name+" = { "+field+" = {} }")
			for _, p := range append(problems, set...) {
				if strings.Contains(p, "has no field") {
					t.Errorf("%s.%s is neither allowed nor refused", name, field)
				}
			}
			if !slices.ContainsFunc(set, func(p string) bool { return strings.Contains(p, "cannot be overridden") }) {
				allowed = append(allowed, field)
			}
		}
		row := documented(name)
		for _, field := range allowed {
			if !strings.Contains(row, "`"+field+"`") {
				t.Errorf("%s.%s is not documented", name, field)
			}
		}
		if got := strings.Count(row[:strings.Index(row, ".")], "`") / 2; got != len(allowed) {
			t.Errorf("%d fields of %s are documented, and %q are allowed", got, name, allowed)
		}
	}
}

func documented(name string) string {
	row, _ := jobschema.Find(jobschema.Job(), "argo")
	row, _ = jobschema.Find(row.Attributes, name)
	return row.Doc
}
