// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"maps"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
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
		t["activeDeadlineSeconds"], t["timeout"] = argo.Never, decimal(argo.Never)+"s"
	}
	t["daemon"] = false
	return t
}

// silent has a child run no exit handler. One of the defaults would run for
// every shard, and the child's progress, by which budgets are reckoned, would
// count it.
func silent(spec node) {
	nothing := node{"name": argo.TemplateExit, "template": argo.TemplateExit, "arguments": node{}, "when": "false"}
	templates, _ := spec["templates"].(list)
	spec["templates"], spec["onExit"] = append(templates, row(argo.TemplateExit, list{list{nothing}})), argo.TemplateExit
}

// wait is a backoff whose every field is written.
func wait(backoff node) node {
	out := node{"duration": "0", "factor": int64(1), "maxDuration": aCentury}
	maps.Copy(out, backoff)
	return out
}
