// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package jobschematest has what tests need of each attribute of the job language.
package jobschematest

// object is a value of the job language.
type object = map[string]any

// Edits has an edit of each attribute of the table: what is declared after it. The
// tests that walk the table fail for an attribute without one.
//
// Each is valid on a job whose keys are a range from 0, whose container has the image
// example.com/orders:1 and memory of its own, and which declares nothing else.
func Edits() map[string]any {
	return map[string]any{
		"name":      "another",
		"namespace": "another",
		"reason":    "another",
		"target":    "index/orders",
		"labels":    map[string]string{"team": "search"},
		"partition": object{
			"range": object{"start": 0, "end": 60, "size": 4},
			"order": "newest_first",
		},
		"runner": object{
			"image": "example.com/orders:2", "command": []string{"run"}, "resources": object{"memory": "1Gi"},
		},
		"setup":          object{"image": "example.com/orders:1", "command": []string{"prepare"}},
		"teardown":       object{"image": "example.com/orders:1", "command": []string{"tidy"}},
		"orchestrator":   object{"service_account": "another"},
		"argoexec":       object{"resources": object{"cpu": "100m"}},
		"instance_id":    "team-a",
		"max_parallel":   7,
		"pool":           "shared",
		"shard_size":     6,
		"retry":          object{"limit": 2},
		"argo":           object{"workflow": object{"priority": 3}},
		"argo_version":   "4.0",
		"canary":         object{"partitions": 2},
		"wave":           object{"shards": 1},
		"failure_budget": object{"max_failed": 3},
		"controller":     object{"max_workflow_size": 900_000},
		"spot":           object{"provider": "gke"},
		"anchor":         object{"mode": "off"},
		"interruptions":  object{"limit": 3},
		"oom":            object{"factor": 2, "max_memory": "4Gi"},
		"spread":         "zone",
		"limits":         object{"max_partitions": 1000},
	}
}
