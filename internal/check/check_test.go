// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/lower"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

func sample(t *testing.T, end int64) *job.Job {
	t.Helper()
	d, err := domain.New(domain.Dimension{Axis: domain.Range{Start: 0, End: end, Size: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return &job.Job{
		Name: "orders", Namespace: "data", Domain: d, MaxParallel: 10, ShardSize: 500,
		Retry:  job.Retry{Limit: 4, Backoff: time.Second, Interruptions: job.Interruptions},
		Runner: job.Runner{Image: "i", Command: []job.Text{{{Literal: "c"}}}},
	}
}

func planOf(j *job.Job, size int) plan.Plan {
	return plan.Make(
		plan.Input{Domain: j.Domain, Remaining: ledger.Full(j.Domain), Order: plan.OldestFirst, ShardSize: size},
	)
}

func specOf(j *job.Job, template string, size int) plan.RunSpec {
	return plan.RunSpec{
		Number:      1,
		Template:    template,
		Domain:      j.Domain,
		Covers:      ledger.Full(j.Domain),
		Order:       plan.OldestFirst,
		ShardSize:   size,
		First:       1,
		MaxParallel: j.MaxParallel,
	}
}

func compile(t *testing.T, j *job.Job) []manifest.Object {
	t.Helper()
	template, err := lower.Template(j)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := lower.Run(j, specOf(j, template.GetName(), j.ShardSize))
	if err != nil {
		t.Fatal(err)
	}
	return append([]manifest.Object{template}, objects...)
}

// TestGoldenManifestsAreValid reads what package argo shows that it emits.
func TestGoldenManifestsAreValid(t *testing.T) {
	files, err := filepath.Glob("../argo/testdata/golden/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden manifests", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var objects []manifest.Object
		for _, f := range archive.Files {
			some, err := manifest.Decode(f.Data)
			if err != nil {
				t.Fatal(err)
			}
			objects = append(objects, some...)
		}
		for _, d := range Objects(objects) {
			t.Errorf("%s: %s", file, d.Detail)
		}
	}
}

func set(t *testing.T, o manifest.Object, value any, path ...string) {
	t.Helper()
	if err := unstructured.SetNestedField(o.Object, value, path...); err != nil {
		t.Fatal(err)
	}
}

func TestObjects(t *testing.T) {
	long := strings.Repeat("x", 110_000)
	for _, test := range []struct {
		name, want string
		edit       func(t *testing.T, template, run manifest.Object)
	}{
		{"unknown field", `unknown field "spec.entrypont"`, func(t *testing.T, _, run manifest.Object) {
			set(t, run, "run", "spec", "entrypont")
		}},
		{"wrong type", "cannot unmarshal", func(t *testing.T, _, run manifest.Object) {
			set(t, run, "ten", "spec", "parallelism")
		}},
		{"long name", "its name has 64 characters; the maximum is 63", func(t *testing.T, _, run manifest.Object) {
			run.SetName(strings.Repeat("a", 64))
		}},
		{"bad name", "its name: a lowercase RFC 1123 subdomain", func(t *testing.T, _, run manifest.Object) {
			run.SetName("Orders_1")
		}},
		{"bad label", "its label team=a b: a valid label must be", func(t *testing.T, _, run manifest.Object) {
			run.SetLabels(map[string]string{"team": "a b"})
		}},
		{"large spec", "The size of the spec of the generated WorkflowTemplate orders-x " +
			"is", func(t *testing.T, template, _ manifest.Object) {
			template.SetName("orders-x")
			set(t, template, long, "spec", "arguments", "x")
		}},
		{"annotations", "The size of the annotations of the generated Workflow " +
			"orders-r1", func(t *testing.T, _, run manifest.Object) {
			run.SetAnnotations(map[string]string{"reason": long + long + long})
		}},
		{"launcher", `the manifest of its template launcher: unknown field "spec.paralelism"`, func(t *testing.T, template, _ manifest.Object) {
			templates, _, _ := unstructured.NestedSlice(template.Object, "spec", "templates")
			resource := templates[len(templates)-1].(map[string]any)["resource"].(map[string]any)
			resource["manifest"] = strings.Replace(resource["manifest"].(string), " parallelism: ", " paralelism: ", 1)
			set(t, template, templates, "spec", "templates")
		}},
		{"unknown kind", "the kind Pod is unknown", func(t *testing.T, _, run manifest.Object) {
			run.SetKind("Pod")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			objects := compile(t, sample(t, 12))
			if diags := Objects(objects); len(diags) > 0 {
				t.Fatalf("before the edit: %v", diags)
			}
			test.edit(t, objects[0], objects[1])
			for _, d := range Objects(objects) {
				if strings.Contains(d.Detail, test.want) {
					return
				}
			}
			t.Errorf("%v, want %q", Objects(objects), test.want)
		})
	}
}

func TestObjectsTwice(t *testing.T) {
	objects := compile(t, sample(t, 12))
	diags := Objects(append(objects, objects[0]))
	if len(diags) != 1 || !strings.Contains(diags[0].Detail, "generated twice") {
		t.Error(diags)
	}
}

func TestDataSize(t *testing.T) {
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "orders-r1-d0"},
		"data": map[string]any{"0.value": strings.Repeat("x", 1<<20)},
	}}
	diags := Objects([]manifest.Object{o})
	if len(diags) != 1 || !strings.Contains(diags[0].Detail, "is 1048583 bytes; the maximum is 1048576") {
		t.Error(diags)
	}
}

func TestPlan(t *testing.T) {
	j := sample(t, 1_000_000)
	if diags := Plan(j, planOf(j, 500), 1); len(diags) > 0 {
		t.Errorf("a million partitions in shards of 500: %v", diags)
	}
	diags := Plan(j, planOf(j, 100), 1)
	if len(diags) != 1 || !strings.Contains(diags[0].Detail, "It starts 10000 shards. Raise shard_size (now 100)") {
		t.Errorf("in shards of 100: %v", diags)
	}
	diags = Plan(j, planOf(j, 1000), 1)
	if len(diags) != 1 || !strings.Contains(diags[0].Detail, "Workflow orders-r1-s0 could grow") {
		t.Errorf("in shards of 1000: %v", diags)
	}
}

func BenchmarkObjects(b *testing.B) {
	text, err := os.ReadFile("../argo/testdata/golden/six-shards.txtar")
	if err != nil {
		b.Fatal(err)
	}
	var objects []manifest.Object
	for _, f := range txtar.Parse(text).Files {
		some, err := manifest.Decode(f.Data)
		if err != nil {
			b.Fatal(err)
		}
		objects = append(objects, some...)
	}
	for b.Loop() {
		Objects(objects)
	}
}
