// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/lang"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

// shapes are jobs of every shape that is emitted, without the version and with
// waits that every version can keep.
var shapes = map[string]string{
	"small": `partition { range = { start = 0, end = 95, size = 10 } }`,
	"shards": `partition { range = { start = 0, end = 95, size = 10 } }
  shard_size     = 3
  canary         = { partitions = 1 }
  wave           = { shards = 1 }
  failure_budget = { max_failed = 2 }
  setup          = { image = "a", command = ["setup"] }
  teardown       = { image = "a", command = ["teardown"] }`,
	"time": `partition { time = { start = "2026-03-27", end = "2026-04-02", every = "1d", timezone = "Europe/Berlin", format = "date" } }`,
	"values": `partition { 
    values = ["de", "at"] 
  }`,
	"product": `partition { 
    dimensions = [{ name = "country", values = ["de", "at"] }, { name = "day", time = { start = "2026-03-27", end = "2026-04-02", every = "1d" } }]
  }`,
	"spot": `partition { range = { start = 0, end = 95, size = 10 } }
  spot   = { provider = "gke", fallback = "on_demand" }
  spread = "zone"`,
}

// versioned is a shape for a version of Argo.
func versioned(t *testing.T, shape, version string) (*job.Job, error) {
	t.Helper()
	if !strings.Contains(shape, "runner") {
		shape += "\n  runner = { image = \"a\", command = [\"a\"], args = [partition.key], deadline = \"1h\" }"
	}
	text := fmt.Sprintf("job \"orders\" {\n  %s\n  retry = { factor = 1 }\n  argo_version = %q\n}\n", shape, version)
	m, diags := lang.Load(context.Background(), []lang.Source{{Name: "a.hcl", Bytes: []byte(text)}}, lang.Inputs{})
	if diags.HasErrors() {
		t.Fatalf("%s\n%s", diags, text)
	}
	j, diags := job.Decode(m.Bodies[0].Value)
	if diags.HasErrors() {
		return nil, diags
	}
	return j, nil
}

// TestGoldenVersions shows what is emitted for the versions of Argo on which
// nothing is tested by running. Argo's own validator of 3.7 reads the same files.
func TestGoldenVersions(t *testing.T) {
	for _, version := range []string{"3.5", "3.6", "4.0"} {
		for _, shape := range slices.Sorted(maps.Keys(shapes)) {
			j, err := versioned(t, shapes[shape], version)
			if err != nil {
				t.Fatal(err)
			}
			p := plan.Make(plan.Input{
				Domain: j.Domain, Remaining: ledger.Full(j.Domain), Order: j.Order, ShardSize: j.ShardSize,
				Canary: j.Canary, Waves: j.Waves, Budget: j.Budget,
			})
			name := "argo-" + version + "-" + shape
			same(
				t,
				filepath.Join("..", "testdata", "golden", name+".txtar"),
				archive(t, "Shape "+shape+" for Argo "+version, compile(t, j, p)),
			)
		}
	}
}

// What a version cannot do is refused, and what it can do is emitted.
func TestVersionsRefuse(t *testing.T) {
	const oom = `partition { range = { start = 0, end = 95, size = 10 } }
  oom    = { max_memory = "8Gi" }
  runner = { image = "a", command = ["a"], deadline = "1h", resources = { memory = "1Gi" } }`
	for version, want := range map[string]string{
		"3.5": "how the previous attempt ended, and Argo 3.5 does not provide that", "3.6": "Argo 3.6 does not provide " +
			"that", "3.7": "", "4.0": "",
	} {
		j, err := versioned(t, oom, version)
		if want != "" {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("argo_version %s: %v, want %q", version, err, want)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := manifest.Encode(compile(t, j, argotest.PlanOf(j, ledger.Full(j.Domain))), "yaml")
		if err != nil || !strings.Contains(string(text), "lastRetry.message contains ''OOMKilled'' ? [") {
			t.Errorf("argo_version %s: the memory does not depend on the attempt before (%v)", version, err)
		}
	}
}

// The portable subset: nothing that any version lacks, or has removed.
func TestPortableSubset(t *testing.T) {
	for _, version := range []string{"3.5", "3.6", "3.7", "4.0"} {
		for _, shape := range slices.Sorted(maps.Keys(shapes)) {
			j, err := versioned(t, shapes[shape], version)
			if err != nil {
				t.Fatal(err)
			}
			text, err := manifest.Encode(compile(t, j, argotest.PlanOf(j, ledger.Full(j.Domain))), "yaml")
			if err != nil {
				t.Fatal(err)
			}
			for _, never := range []string{
				"synchronization:", "podPriority:", "sprig.", "generateName:", "workflow.name", "workflow.uid",
				"failFast: true", "memoize:",
			} {
				if strings.Contains(string(text), never) {
					t.Errorf("%s for Argo %s holds %q", shape, version, never)
				}
			}
			// Only 3.7 and later tell a pod of the attempt before it, and bound the wait.
			old := version == "3.5" || version == "3.6"
			if got := strings.Contains(string(text), "cap: "); got == old {
				t.Errorf("%s for Argo %s bounds the wait: %t", shape, version, got)
			}
		}
	}
}
