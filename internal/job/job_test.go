// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
)

// body evaluates one job file.
func body(t *testing.T, src string) cty.Value {
	t.Helper()
	m, diags := lang.Load([]lang.Source{{Name: "a.hcl", Bytes: []byte(src)}}, lang.Inputs{})
	if diags.HasErrors() || len(m.Bodies) != 1 {
		t.Fatalf("%v", diags)
	}
	return m.Bodies[0].Value
}

const small = `
job "small" {
  partition { range = { start = 1, end = 25, size = 10 } }
  runner {
    image   = "busybox"
    command = ["sh", "--from=${partition.start}"]
    env     = { B = "2", A = "1" }
    resources = { cpu = "0.5", memory = "1Gi", limits = { memory = "2048Mi" } }
  }
}`

func TestDecodeFillsDefaults(t *testing.T) {
	got, diags := job.Decode(body(t, small))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	dom, err := domain.New(domain.Dimension{Axis: domain.Range{Start: 1, End: 25, Size: 10}})
	if err != nil {
		t.Fatal(err)
	}
	want := &job.Job{
		Name: "small", Namespace: "default", Labels: map[string]string{},
		Domain: dom, Order: "oldest_first", MaxParallel: 10, ShardSize: 500,
		Retry: job.Retry{Limit: 4, Backoff: 30 * time.Second, Factor: 2, MaxBackoff: 10 * time.Minute},
		Runner: job.Runner{
			Image:    "busybox",
			Command:  []job.Text{{{Literal: "sh"}}, {{Literal: "--from="}, {Ref: "partition.start"}}},
			Env:      []job.EnvVar{{Name: "A", Text: job.Text{{Literal: "1"}}}, {Name: "B", Text: job.Text{{Literal: "2"}}}},
			Requests: map[string]string{"cpu": "500m", "memory": "1Gi"},
			Limits:   map[string]string{"memory": "2Gi"},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// with returns v with the value at a path of attributes replaced.
func with(v cty.Value, value cty.Value, path ...string) cty.Value {
	if len(path) == 0 {
		return value
	}
	m := v.AsValueMap()
	m[path[0]] = with(m[path[0]], value, path[1:]...)
	return cty.ObjectVal(m)
}

func TestUnknownPartsAreSkippedAndTheRestIsChecked(t *testing.T) {
	v := body(t, small)
	v = with(v, cty.UnknownVal(cty.String), "runner", "image")
	if j, diags := job.Decode(v); j != nil || len(diags) > 0 {
		t.Errorf("with an unknown image: %v, %v; want no job and no problems", j, diags)
	}
	if dom, order, ok := job.Domain(v); !ok || dom.Count() != 3 || order != "oldest_first" {
		t.Errorf("Domain gave %v, %q, %v", dom, order, ok)
	}
	v = with(v, cty.UnknownVal(cty.Number), "partition", "range", "size")
	v = with(v, cty.NumberIntVal(1), "partition", "range", "end")
	v = with(v, cty.ListVal([]cty.Value{cty.UnknownVal(cty.String), cty.StringVal("${partition.}")}), "runner", "args")
	_, diags := job.Decode(v)
	if got, want := paths(diags), []string{"BF2103 partition.range.end", "BF1404 runner.args[1]"}; !cmp.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
	if _, _, ok := job.Domain(v); ok {
		t.Error("Domain gave a domain with an unknown size")
	}
	if j, diags := job.Decode(cty.UnknownVal(v.Type())); j != nil || len(diags) > 0 {
		t.Errorf("an unknown job gave %v, %v", j, diags)
	}
	if _, err := job.Canonical(v); err == nil {
		t.Error("Canonical wrote an unknown declaration")
	}
}

func paths(diags hcl.Diagnostics) []string {
	var out []string
	for _, d := range diags {
		out = append(out, diag.CodeOf(d)+" "+diag.FormatPath(diag.PathOf(d)))
	}
	return out
}
