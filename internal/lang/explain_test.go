// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lang_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
)

func TestExplainTellsWhatWins(t *testing.T) {
	src := `defaults {
  namespace = "data"
  labels    = { team = "platform", cost = "42" }
  runner {
    image     = "busybox"
    resources = { cpu = "1" }
  }
}
job "a" {
  labels = { team = "orders" }
  partition { range = { start = 1, end = 10, size = 5 } }
  runner {
    command   = ["x", partition.key]
    resources = { memory = "1Gi" }
    volumes   = [{ name = "v", mount_path = "/v", host_path = "/v" }]
  }
}
`
	m, diags := lang.Load(context.Background(), []lang.Source{{Name: "a.hcl", Bytes: []byte(src)}}, lang.Inputs{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var got strings.Builder
	for _, s := range m.Explain(m.Bodies[0]) {
		if s.From != "language" || strings.HasPrefix(s.Path, "retry") || s.Path == "max_parallel" {
			fmt.Fprintf(&got, "%s = %s (%s)\n", s.Path, s.Value, s.From)
		}
	}
	want := `name = "a" (a.hcl:9)
namespace = "data" (defaults a.hcl:2)
labels["cost"] = "42" (defaults a.hcl:3)
labels["team"] = "orders" (a.hcl:10)
partition.range.start = 1 (a.hcl:11)
partition.range.end = 10 (a.hcl:11)
partition.range.size = 5 (a.hcl:11)
runner.image = "busybox" (defaults a.hcl:5)
runner.command = ["x", "${partition.key}"] (a.hcl:13)
runner.resources.cpu = "1" (defaults a.hcl:6)
runner.resources.memory = "1Gi" (a.hcl:14)
runner.volumes = [{ host_path = "/v" mount_path = "/v" name = "v" }] (a.hcl:15)
max_parallel = 10 (language)
retry.limit = 4 (language)
retry.backoff = "30s" (language)
retry.factor = 2 (language)
retry.max_backoff = "10m" (language)
`
	if d := cmp.Diff(want, got.String()); d != "" {
		t.Error(d)
	}
}

// Of what a job may have or not, such as a canary, the defaults hold only where
// the job has it.
func TestExplainLeavesOutWhatTheJobHasNot(t *testing.T) {
	for src, want := range map[string][]string{
		"":                 nil,
		"canary {}":        {"canary.approve"},
		"wave {}":          {"wave.shards", "wave.growth", "wave.ramp_up", "wave.approve"},
		"retry {}":         nil, // which every job has
		"anchor {}":        nil,
		"limits {}":        {"limits.require_reason"},
		"interruptions {}": nil,
	} {
		settings := func(more string) map[string]bool {
			m, diags := lang.Load(t.Context(), []lang.Source{
				{Name: "a.hcl", Bytes: []byte("job \"a\" {\n" + more + "\n}\n")},
			}, lang.Inputs{})
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			paths := map[string]bool{}
			for _, s := range m.Explain(m.Bodies[0]) {
				paths[s.Path] = true
			}
			return paths
		}
		without, with := settings(""), settings(src)
		for _, path := range want {
			if without[path] || !with[path] {
				t.Errorf("%s: %s is told of a job without it: %t, of one with it: %t", src, path, without[path], with[path])
			}
			delete(with, path)
		}
		if d := cmp.Diff(without, with); d != "" {
			t.Errorf("%s:\n%s", src, d)
		}
	}
}

func BenchmarkModuleOf1000Jobs(b *testing.B) {
	src := []byte(`variable "n" { default = 1000 }
locals { ids = { for i in range(1000) : format("%04d", i) => i } }
job "x" {
  for_each = local.ids
  partition { range = { start = 0, end = var.n + each.value, size = 10 } }
  runner {
    image     = "registry.example.com/app:1"
    command   = ["x", "--from=${partition.start}", each.key]
    env       = { A = "1", B = partition.key }
    resources = { cpu = "1", memory = "1Gi" }
  }
}`)
	for b.Loop() {
		m, diags := lang.Load(context.Background(), []lang.Source{{Name: "a.hcl", Bytes: src}}, lang.Inputs{})
		for _, body := range m.Bodies {
			if j, more := job.Decode(body.Value); j == nil {
				b.Fatal(more)
			}
		}
		if diags.HasErrors() || len(m.Bodies) != 1000 {
			b.Fatal(diags)
		}
	}
}
