// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"golang.org/x/tools/txtar"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// unseen are attributes that show in no manifest, and what becomes of them
// instead. Those below limits decide whether there are manifests at all.
var unseen = map[string]string{
	"target":                     "the record alone keeps it",
	"controller.pods_per_second": "a warning comes of it",
	"spot.max_pending":           "it is read when a run is looked at",
	"limits":                     "job.TestBreaches holds jobs against them",
}

// manyShards are jobs in which attributes tell that do nothing in small ones, or
// have their defaults there.
const manyShards = `
job "waves" {
  partition { range = { start = 0, end = 20000, size = 1 } }
  runner {
    image   = "a"
    command = ["a"]
  }
  shard_size     = 100
  retry          = { limit = 3, backoff = "5s", factor = 3, max_backoff = "1m" }
  wave           = { shards = 2, growth = 3, max_shards = 7, ramp_up = true }
  failure_budget = { max_failed = 8, max_ratio = "1%" }
  spot           = { provider = "gke", mode = "require" }
  anchor         = { mode = "all" }
  controller     = { max_workflows = 3 }
}
job "gates" {
  partition { range = { start = 0, end = 20000, size = 1 } }
  runner {
    image   = "a"
    command = ["a"]
  }
  wave         = { shards = 2, approve = "manual" }
  pool         = "p"
  argo_version = "3.5"
  retry        = { factor = 1 }
}
job "small-controller" {
  partition { range = { start = 0, end = 20000, size = 1 } }
  runner {
    image   = "a"
    command = ["a"]
  }
  retry      = { limit = 20 }
  controller = { max_workflow_size = 300000 }
}
`

// goldenJobs are the jobs of the golden cases of values, and some larger ones.
func goldenJobs(t *testing.T) []cty.Value {
	t.Helper()
	paths, err := filepath.Glob("../lang/testdata/values/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var jobs []cty.Value
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var sources []lang.Source
		in := lang.Inputs{Texts: map[string]string{}}
		for _, f := range archive.Files {
			switch {
			case f.Name == "vars":
				for _, line := range strings.Fields(string(f.Data)) {
					name, value, _ := strings.Cut(line, "=")
					in.Texts[name] = value
				}
			case f.Name != "canonical.json":
				sources = append(sources, lang.Source{Name: f.Name, Bytes: f.Data})
			}
		}
		m, diags := lang.Load(context.Background(), sources, in)
		if diags.HasErrors() {
			t.Fatalf("%s: %v", path, diags)
		}
		for _, b := range m.Bodies {
			jobs = append(jobs, b.Value)
		}
	}
	m, diags := lang.Load(context.Background(), []lang.Source{{Name: "a.hcl", Bytes: []byte(manyShards)}}, lang.Inputs{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, b := range m.Bodies {
		jobs = append(jobs, b.Value)
	}
	return jobs
}

// bytesOf are the manifests of a job without its declaration, or what is wrong with it.
func bytesOf(t *testing.T, v cty.Value) string {
	t.Helper()
	c, diags := compile.Value(v, ledger.Set{}, 1)
	if c == nil {
		return "refused: " + diags.Error()
	}
	for _, o := range c.Objects() {
		annotations := o.GetAnnotations()
		delete(annotations, "backfill.dev/declaration")
		o.SetAnnotations(annotations)
	}
	text, err := manifest.Encode(c.Objects(), "yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(text))
}

// TestEveryAttributeReachesTheManifests leaves out each attribute that a golden
// case sets: the manifests change, or the job is no job without it.
func TestEveryAttributeReachesTheManifests(t *testing.T) {
	runner := strings.NewReplacer("setup.", "runner.", "teardown.", "runner.")
	changes := map[string]bool{}
	for _, v := range goldenJobs(t) {
		before := bytesOf(t, v)
		var visit func(prefix string, attrs []jobschema.Attribute, v cty.Value, rebuild func(cty.Value) cty.Value)
		visit = func(prefix string, attrs []jobschema.Attribute, v cty.Value, rebuild func(cty.Value) cty.Value) {
			for _, a := range attrs {
				of := v.GetAttr(a.Name)
				if of.IsNull() {
					continue
				}
				replace := func(with cty.Value) cty.Value {
					m := v.AsValueMap()
					m[a.Name] = with
					return rebuild(cty.ObjectVal(m))
				}
				name := runner.Replace(prefix + a.Name)
				if !changes[name] {
					changes[name] = bytesOf(t, replace(cty.NullVal(of.Type()))) != before
				}
				switch a.Kind {
				case jobschema.Object:
					visit(prefix+a.Name+".", a.Attributes, of, replace)
				case jobschema.ObjectList, jobschema.ObjectMap:
					for it := of.ElementIterator(); it.Next(); {
						k, e := it.Element()
						visit(
							prefix+a.Name+".",
							a.Attributes,
							e,
							func(with cty.Value) cty.Value { return replace(replaced(of, k, with)) },
						)
					}
				}
			}
		}
		visit("", jobschema.Job(), v, func(v cty.Value) cty.Value { return v })
	}
	var walk func(prefix string, attrs []jobschema.Attribute)
	walk = func(prefix string, attrs []jobschema.Attribute) {
		for _, a := range attrs {
			name := runner.Replace(prefix + a.Name)
			why, exempt := unseen[name]
			if strings.HasPrefix(name, "limits.") || a.Moved != "" {
				continue
			}
			switch {
			case !changes[name] && !exempt:
				t.Errorf("%s changes nothing", name)
			case changes[name] && exempt:
				t.Errorf("%s changes something, although %s", name, why)
			}
			walk(prefix+a.Name+".", a.Attributes)
		}
	}
	walk("", jobschema.Job())
}

// replaced is a list or map with another element.
func replaced(of, key, with cty.Value) cty.Value {
	if of.Type().IsMapType() {
		m := of.AsValueMap()
		m[key.AsString()] = with
		return cty.MapVal(m)
	}
	all := of.AsValueSlice()
	i, _ := key.AsBigFloat().Int64()
	all[i] = with
	return cty.ListVal(all)
}
