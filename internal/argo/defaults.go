// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"maps"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// A controller merges its workflowDefaults into what a Workflow leaves out: into
// the spec, and by spec.templateDefaults into every template that the Workflow
// runs. What would change which pods run, how often, or what their end means is
// therefore written out. A field that is there can be given another value, but none can be
// taken away, and Argo drops what is empty: so some fields have a value that
// changes nothing.

// aCentury is longer than anything runs, as Argo writes durations.
const aCentury = "876000h"

// settled has a template of steps run once, whatever the defaults say. With
// a retryStrategy of theirs it would become a retried node all the same, and Argo
// would start a whole fan-out again, what is done in it too. So it always is one,
// of a single attempt, and node ids are reckoned with that. This policy, unlike others, keeps the message of the
// step that failed. With failFast one failed attempt would keep partitions from starting.
func settled(t node) node {
	t["retryStrategy"] = node{"limit": int64(0), "retryPolicy": "OnTransientError"}
	t["failFast"] = false
	return t
}

// unhurried has the pod of a template end by itself. Argo lets a timeout take the
// place of a pod's deadline, however long it is, so that both can be kept out only
// where there is none.
func unhurried(t node) node {
	if _, limited := t["activeDeadlineSeconds"]; !limited {
		t["activeDeadlineSeconds"], t["timeout"] = never, decimal(never)+"s"
	}
	t["daemon"] = false
	return t
}

// silent has a child run no exit handler. One of the defaults would run for
// every shard, and the child's progress, by which budgets are reckoned, would
// count it.
func silent(spec node) {
	nothing := node{"name": exitName, "template": exitName, "arguments": node{}, "when": "false"}
	templates, _ := spec["templates"].(list)
	spec["templates"], spec["onExit"] = append(templates, row(exitName, list{list{nothing}})), exitName
}

// wait is a backoff whose every field is written.
func wait(backoff node) node {
	out := node{"duration": "0", "factor": int64(1), "maxDuration": aCentury}
	maps.Copy(out, backoff)
	return out
}

// imposing are the fields that no value of ours could keep out, and what they
// do. Those of the second list are of templateDefaults.
var imposing, imposingTemplates = map[string]string{
	"hooks":               "its pods count as partitions of a shard, so that failure budgets may be exceeded",
	"synchronization":     "the run and its shards take a lock of their own, and shards may wait for one that their run holds",
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
	}{{"spec.", spec, imposing}, {"spec.templateDefaults.", templates, imposingTemplates}} {
		for _, field := range sortedKeys(level.known) {
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
