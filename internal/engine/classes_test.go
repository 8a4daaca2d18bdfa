// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"maps"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/engine"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/jobschema"
)

// editsOf has an edit of each attribute of the table, as what is declared after
// it; name and namespace make another job, which package provider sees to.
func editsOf() map[string]any {
	return map[string]any{
		"reason":                       "another",
		"target":                       "index/orders",
		"labels":                       map[string]string{"team": "search"},
		"partition":                    map[string]any{"range": map[string]any{"start": 0, "end": 60, "size": 4}, "order": "newest_first"},
		"runner":                       map[string]any{"image": "example.com/orders:2", "command": []string{"run"}},
		"setup":                        map[string]any{"image": "example.com/orders:1", "command": []string{"prepare"}},
		"teardown":                     map[string]any{"image": "example.com/orders:1", "command": []string{"tidy"}},
		"orchestrator_service_account": "another",
		"max_parallel":                 7,
		"pool":                         "shared",
		"shard_size":                   6,
		"retry":                        map[string]any{"limit": 2},
		"argo":                         map[string]any{"workflow": map[string]any{"priority": 3}},
		"canary":                       map[string]any{"partitions": 2},
		"wave":                         map[string]any{"shards": 1},
		"failure_budget":               map[string]any{"max_failed": 3},
		"controller":                   map[string]any{"max_workflow_size": 900_000},
		"spot":                         map[string]any{"provider": "gke"},
		"anchor":                       map[string]any{"mode": "off"},
		"interruptions":                map[string]any{"limit": 3},
		"oom":                          map[string]any{"factor": 2, "max_memory": "4Gi"},
		"spread":                       "zone",
		"limits":                       map[string]any{"max_partitions": 1000},
	}
}

// sameTemplate are the attributes of class "next" whose edit alone need not
// change what runs: they matter together with what they permit.
var sameTemplate = map[string]bool{"argo_version": true, "pool": true}

// TestEditsOfEachClass edits every attribute of the table, on a job that is
// done and on one with a run under way, and demands what its class says.
func TestEditsOfEachClass(t *testing.T) {
	base := orders().with("runner", map[string]any{"image": "example.com/orders:1", "command": []string{"run"}, "resources": map[string]any{"memory": "1Gi"}})
	edits := editsOf()
	edits["runner"].(map[string]any)["resources"] = map[string]any{"memory": "1Gi"}
	edits["argo_version"] = "4.0"
	canonical, err := job.Canonical(base.value(t))
	if err != nil {
		t.Fatal(err)
	}
	first, diags := engine.Declare(base.value(t)).Plan(nil)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	done := engine.Known{Job: canonical, Done: "[0,60)", Phase: engine.Complete, Run: "orders-r1"}
	running := engine.Known{Job: canonical, Done: "[0,20)", Phase: engine.Running, Run: "orders-r1"}
	for _, a := range jobschema.Job() {
		if a.Class == jobschema.Replace {
			continue
		}
		after, ok := edits[a.Name]
		if !ok {
			t.Errorf("%s has no edit here", a.Name)
			continue
		}
		delete(edits, a.Name)
		t.Run(a.Name, func(t *testing.T) {
			d := base.with(a.Name, after)
			whenDone, diags := engine.Declare(d.value(t)).Plan(&done)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			whenRunning, diags := engine.Declare(d.value(t)).Plan(&running)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			if whenDone.Next != nil {
				t.Errorf("class %s: a finished job runs again: %+v", a.Class, whenDone.Next)
			}
			next := a.Class == jobschema.Next
			if changes := whenDone.Template != first.Template; changes != next && !sameTemplate[a.Name] {
				t.Errorf("class %s: another template: %t", a.Class, changes)
			}
			switch {
			case whenDone.Template == first.Template && whenRunning.Next != nil:
				t.Errorf("class %s: the run under way is replaced: %+v", a.Class, whenRunning.Next)
			case whenDone.Template != first.Template && (whenRunning.Next == nil || whenRunning.Next.Intervals != "[20,60)"):
				t.Errorf("class %s: a run under way leads to %+v, want what is not done", a.Class, whenRunning.Next)
			}
		})
	}
	for name := range maps.Keys(edits) {
		t.Errorf("%s is not in the table", name)
	}
}
