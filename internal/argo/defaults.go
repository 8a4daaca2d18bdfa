// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"maps"
	"slices"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// Imposing are the fields that no value of ours could keep out, and what they
// do. Those of the second list are of templateDefaults.
var Imposing, ImposingTemplates = map[string]string{
	"hooks": "its pods count as partitions of a shard, so that failure budgets may be exceeded",
	"synchronization": "the run and its shards take a lock of their own, " +
		"and shards may wait for one that their run holds",
	"workflowTemplateRef": "Argo runs what that refers to instead",
}, map[string]string{
	"inputs":          "every step gets inputs that it was not given",
	"memoize":         "partitions may be taken for done that have not run, and the run may not end",
	"outputs":         "steps may fail for outputs that they do not have",
	"parallelism":     "fewer pods run at once than max_parallel allows",
	"resource":        "launchers may fail, or watch for another end of their shards",
	"timeout":         "pods that have a deadline of their own are ended after this time instead",
	"synchronization": "every step takes a lock, and shards may wait for one that their run holds",
}

// Imposition is a field of an observed Workflow that the controller's defaults
// must have given it, and that changes what it does.
type Imposition struct{ Field, Effect string }

// Impositions are those of a Workflow of this program, in a fixed order.
func Impositions(workflow manifest.Object) []Imposition {
	spec, _ := workflow.Object["spec"].(node)
	templates, _ := spec["templateDefaults"].(node)
	var out []Imposition
	for _, level := range []struct {
		prefix string
		has    node
		known  map[string]string
	}{{"spec.", spec, Imposing}, {"spec.templateDefaults.", templates, ImposingTemplates}} {
		for _, field := range slices.Sorted(maps.Keys(level.known)) {
			if !vacant(level.has[field]) {
				out = append(out, Imposition{level.prefix + field, level.known[field]})
			}
		}
	}
	return out
}

// vacant tells whether a field is as good as absent: Argo stores some as empty
// objects.
func vacant(v any) bool {
	m, isObject := v.(node)
	return v == nil || isObject && len(m) == 0
}
