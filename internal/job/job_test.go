// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package job_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/diag"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
)

// body evaluates one job file.
func body(t *testing.T, src string) cty.Value {
	t.Helper()
	m, diags := lang.Load(context.Background(), []lang.Source{{Name: "a.hcl", Bytes: []byte(src)}}, lang.Inputs{})
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
		Domain: dom, Order: "oldest_first", Controller: job.Controller{
			PodsPerSecond: 10, MaxWorkflowSize: 1 << 20, NodeSelector: map[string]string{},
		},
		Orchestrator: job.Orchestrator{
			NodeSelector: map[string]string{}, Requests: map[string]string{}, Limits: map[string]string{},
			Annotations: map[string]string{},
		},
		Argoexec:    job.Argoexec{Requests: map[string]string{}, Limits: map[string]string{}},
		MaxParallel: 10, ShardSize: 500,
		Retry: job.Retry{
			Limit:         4,
			Backoff:       30 * time.Second,
			Factor:        2,
			MaxBackoff:    10 * time.Minute,
			Interruptions: 10,
		},
		ArgoVersion: "3.7",
		Anchor:      job.Anchor{Mode: "protect"},
		MaxPending:  10 * time.Minute,
		Runner: job.Runner{
			Image:    "busybox",
			Command:  []job.Text{{{Literal: "sh"}}, {{Literal: "--from="}, {Ref: "partition.start"}}},
			Env:      []job.EnvVar{{Name: "A", Text: job.Text{{Literal: "1"}}}, {Name: "B", Text: job.Text{{Literal: "2"}}}},
			Requests: map[string]string{"cpu": "500m", "memory": "1Gi"},
			Limits:   map[string]string{"memory": "2Gi"},
			Grace:    30 * time.Second,

			NodeSelector: map[string]string{}, Labels: map[string]string{}, Annotations: map[string]string{},
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

// What depends on an unknown part is left for later, and nothing else: bounds
// often are not known while Terraform plans.
func TestWhatIsKnownOfAPartitionIsChecked(t *testing.T) {
	const references = "BF1403 runner.command[1]" // to partition.begin
	for partition, want := range map[string][]string{
		`range = { start = 1, end = var.n, size = 0 }`: {"BF2103 partition.range.size",
			references},
		`range = { start = 1, end = var.n, size = 10 }`:                                    {references},
		`range = { start = var.n, end = 9223372036854775807, size = 9223372036854775807 }`: {references},
		`range = { boundaries = [3, var.n, 2, 9] }`: {
			"BF2103 partition.range.boundaries[2]", references},
		`range = { boundaries = [3, var.n] }`: {references},
		`values = ["a", var.s, "a"]`: {"BF2104 partition.values[2]",
			references},
		`time = { start = var.s, end = "2026-02-01", every = "0h" }`: {
			"BF2107 partition.time.every", references},
		`time = { start = var.s, end = var.s, every = "6h", format = "date" }`: {
			"BF2107 partition.time.format", references},
		`time = { start = "2026-01-31", end = var.s, every = "1mo" }`: {
			"BF2103 partition.time.start", references},
		`time = { start = "2026-01-01T01:00", end = var.s, every = "1d", format = "date" }`: {
			"BF2107 partition.time.format", references},
		`time = { start = var.s, end = "2026-01-31", every = "1mo", format = "date" }`: {references},
		`time = { start = "2026-01-01", end = "soon", every = "1d", timezone = var.s }`: {"BF2107 partition.time.end",
			references},
		// whose next day began at 01:00 in 2026
		`time = { start = "2026-04-24", end = var.s, every = "1d", timezone = "Africa/Cairo", format = "date" }`: {
			references},
		`time = { start = "2026-01-01", end = var.s, every = "1d", exclude = [{ start = "x", end = var.s }] }`: {
			"BF2107 partition.time.exclude[0].start", references},
		`time = { start = var.s, end = var.s, every = "1d", exclude = [{ start = "2000-01-01", end = "2100-01-01" }, { start = "2026-02-01", end = "2026-01-01" }] }`: {
			"BF2107 partition.time.exclude[1]", references},
		`query = { image = "i", command = ["c"], every = var.s, timezone = "Berlin" }`: {"BF2107 partition.query.timezone",
			references},
		`query = { image = "i", command = ["c"], size = var.n }`: {references},
		`dimensions = [{ name = "a", range = { start = 1, end = var.n, size = 1 } }, { name = "a", values = ["x", "x"] }, { name = var.s, range = { start = 2, end = 1, size = 1 } }]`: {
			"BF2108 partition.dimensions[1].name", "BF2104 partition.dimensions[1].values[1]",
			"BF2103 partition.dimensions[2].range.end"},
		`dimensions = [{ name = "a", range = { start = 1, end = var.n, size = 1 } }, { name = "b", values = [var.s] }]`: {
			references},
		`dimensions = [{ name = "a", values = ["x"] }, { name = "b", values = var.list }]`: {references},
		`dimensions = var.list`: nil,
	} {
		source := strings.Replace(small, "range = { start = 1, end = 25, size = 10 }", "\n"+partition+"\n", 1)
		source = strings.Replace(source, "partition.start", "partition.begin", 1)
		module, diags := lang.Load(context.Background(), []lang.Source{{
			Name:  "a.backfill.hcl",
			Bytes: []byte("variable \"n\" {}\nvariable \"s\" {}\nvariable \"list\" {}\n" + source),
		}},
			lang.Inputs{Values: map[string]cty.Value{
				"n":    cty.UnknownVal(cty.Number),
				"s":    cty.UnknownVal(cty.String),
				"list": cty.DynamicVal,
			}})
		if diags.HasErrors() {
			t.Fatalf("%s: %v", partition, diags)
		}
		j, diags := job.Decode(module.Bodies[0].Value)
		if got := paths(diags); j != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: got %q, want %q; %v", partition, got, want, diags)
		}
	}
}

func paths(diags hcl.Diagnostics) []string {
	var out []string
	for _, d := range diags {
		out = append(out, diag.CodeOf(d)+" "+diag.FormatPath(diag.PathOf(d)))
	}
	return out
}

// The table documents defaults that package job applies; here is both.
func TestDefaultsAreAsDocumented(t *testing.T) {
	j, diags := job.Decode(body(t, small))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	timed, diags := job.Decode(body(t,
		strings.Replace(small, "range = { start = 1, end = 25, size = 10 }",
			`time = { start = "2026-01-01", end = "2027-01-01", every = "1d" }`, 1)))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	windows := timed.Domain.Dimensions[0].Axis.(domain.Windows)
	waved, diags := job.Decode(body(t, strings.Replace(small, "runner", "wave {}\nrunner", 1)))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	applied := map[string]string{
		"wave.approve": approval(waved.Gates.Waves), "canary.approve": approval(waved.Gates.Canary),
		"controller.pods_per_second":   strconv.Itoa(j.Controller.PodsPerSecond),
		"controller.max_workflow_size": strconv.Itoa(j.Controller.MaxWorkflowSize),
		"wave.shards":                  strconv.Itoa(waved.Waves.Shards), "wave.growth": strconv.Itoa(waved.Waves.Growth),
		"partition.time.format": windows.Format, "partition.dimensions.time.format": windows.Format,
		"partition.time.timezone": windows.Zone.String(), "partition.dimensions.time.timezone": windows.Zone.String(),
		"namespace": j.Namespace, "partition.order": string(j.Order),
		"max_parallel": strconv.Itoa(j.MaxParallel), "shard_size": strconv.Itoa(j.ShardSize),
		"argo_version": j.ArgoVersion,
		"retry.limit":  strconv.Itoa(j.Retry.Limit), "retry.backoff": j.Retry.Backoff.String(),
		"retry.factor":        strconv.Itoa(j.Retry.Factor),
		"retry.max_backoff":   strings.TrimSuffix(j.Retry.MaxBackoff.String(), "0s"),
		"interruptions.limit": strconv.Itoa(j.Retry.Interruptions), "anchor.mode": j.Anchor.Mode,
		"spread":                          map[string]string{"": "none"}[j.Spread],
		"runner.security_context.seccomp": seccomp(j.Runner.Security),
	}
	oom, diags := job.Decode(body(t, strings.Replace(small, "runner {", "oom { max_memory = \"8Gi\" }\n  runner {", 1)))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	bounded, diags := job.Decode(body(t, strings.Replace(small, "runner {", "limits { forbidden_windows = [{ from = "+
		"\"00:00\", to = \"01:00\" }] }\n  runner {", 1)))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	applied["limits.forbidden_windows.timezone"] = bounded.Limits.Forbidden[0].Zone.String()
	once, diags := job.Decode(body(t, strings.Replace(small, "runner {", "setup {\nimage = \"a\"\ncommand = "+
		"[\"a\"]\n}\nteardown {\nimage = \"a\"\ncommand = [\"a\"]\n}\nrunner {", 1)))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	applied["setup.security_context.seccomp"] = seccomp(once.Setup.Security)
	applied["teardown.security_context.seccomp"] = seccomp(once.Teardown.Security)
	applied["spot.max_pending"] = strings.TrimSuffix(j.MaxPending.String(), "0s")
	asked, diags := job.Decode(body(t,
		strings.Replace(small, "range = { start = 1, end = 25, size = 10 }", "query = {\nimage = \"a\"\ncommand = "+
			"[\"a\"]\nsize = 5\n}", 1)))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	secured, diags := job.Decode(body(t, strings.Replace(small, "runner {", "argoexec { security_context = {} }\n  "+
		"runner {", 1)))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	applied["argoexec.security_context.seccomp"] = seccomp(*secured.Argoexec.Security)
	applied["partition.query.security_context.seccomp"] = seccomp(asked.Query.Generator.Security)
	applied["partition.query.max_partitions"] = strconv.FormatInt(asked.Query.MaxPartitions, 10)
	applied["oom.factor"] = strconv.FormatInt(oom.OOM.Factor, 10)
	documented := map[string]string{}
	var walk func(prefix string, attrs []jobschema.Attribute)
	walk = func(prefix string, attrs []jobschema.Attribute) {
		for _, a := range attrs {
			if a.Kind == jobschema.Bool && a.Default != "false" {
				t.Errorf("%s%s is a bool whose default is not false", prefix, a.Name)
			}
			if a.Default != "" && a.Kind != jobschema.Bool {
				documented[prefix+a.Name] = a.Default
			}
			walk(prefix+a.Name+".", a.Attributes)
		}
	}
	walk("", jobschema.Job())
	if d := cmp.Diff(documented, applied); d != "" {
		t.Error(d)
	}
}

func TestEveryRowOfTheTableIsComplete(t *testing.T) {
	classes := []jobschema.EditClass{jobschema.Live, jobschema.Next, jobschema.Grid, jobschema.Reprocess,
		jobschema.Note, jobschema.Replace}
	var walk func(prefix string, attrs []jobschema.Attribute)
	walk = func(prefix string, attrs []jobschema.Attribute) {
		for _, a := range attrs {
			name := prefix + a.Name
			if !strings.HasSuffix(a.Doc, ".") {
				t.Errorf("%s has no documentation that is a sentence: %q", name, a.Doc)
			}
			if !slices.Contains(classes, a.Class) {
				t.Errorf("%s has no edit class", name)
			}
			if nested := a.Kind == jobschema.Object || a.Kind == jobschema.ObjectList ||
				a.Kind == jobschema.ObjectMap; nested != (len(a.Attributes) > 0) {
				t.Errorf("%s has attributes where it may have none, or the reverse", name)
			}
			if a.Late && a.Kind != jobschema.StringList && a.Kind != jobschema.StringMap {
				t.Errorf("%s takes references but is no list or map of strings", name)
			}
			if a.Required && a.Default != "" {
				t.Errorf("%s is required and has a default", name)
			}
			walk(name+".", a.Attributes)
		}
	}
	walk("", jobschema.Job())
}

func TestParseCanonicalRefuses(t *testing.T) {
	for in, want := range map[string]string{
		``:                              "is not JSON",
		`{} x`:                          "trailing data",
		`[]`:                            "no object",
		`{"newer": 1}`:                  `"newer", which this version does not know`,
		`{"runner": {"newer": 1}}`:      `"runner.newer"`,
		`{"max_parallel": "1"}`:         `a string at "max_parallel"`,
		`{"runner": {"args": [1]}}`:     `at "runner.args[0]"`,
		`{"labels": {"a": {}}}`:         `at "labels[\"a\"]"`,
		`{"max_parallel": 1e999999999}`: "not a 64-bit whole number",
	} {
		v, err := job.ParseCanonical([]byte(in))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseCanonical(%s) = %#v, %v; want an error with %q", in, v, err, want)
		}
	}
}

func FuzzParseCanonical(f *testing.F) {
	f.Add(
		[]byte(`{"name":"a","max_parallel":9223372036854775807,"runner":{"args":["${partition.start}"],"env":{"A":null}}}`),
	)
	f.Add([]byte(`{"partition":{"range":{"start":1.5,"end":-0,"size":1e5}},"labels":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := job.ParseCanonical(data)
		if err != nil {
			return
		}
		_, _ = job.Decode(v)
		c, err := job.Canonical(v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := job.ParseCanonical(c)
		if err != nil || !again.RawEquals(v) {
			t.Fatalf("%s became %s, read as %#v, %v", data, c, again, err)
		}
	})
}

// approval is the value of approve.
func approval(manual bool) string {
	if manual {
		return "manual"
	}
	return "auto"
}

// seccomp is the value of seccomp.
func seccomp(s job.Security) string {
	if s.Unconfined {
		return "unconfined"
	}
	return "runtime_default"
}
