// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lower

import (
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
)

// pooled has a template that processes a shard take a place in the pool first,
// and keep it until the shard has ended.
//
// Places are counted in shards, not in pods: Argo would ask the API server for
// the size once for each partition that waits, at every turn and while all other
// locks stand still, and would keep a node for each. The lock is on a template
// written into the Workflow, because there Argo finds whom to wake when the
// size changes, and because a Workflow that is suspended before it began takes
// no place, which with a lock on the Workflow as a whole it would.
func pooled(j *job.Job, template node) node {
	if j.Pool == "" {
		return template
	}
	semaphore := node{"configMapKeyRef": node{"name": argo.PoolName(j.Pool), "key": argo.KeyPoolSize}}
	template["synchronization"] = node{"semaphores": list{semaphore}}
	if j.ArgoVersion == "3.5" { // knows one lock only
		template["synchronization"] = node{"semaphore": semaphore}
	}
	return template
}

func poolLabel(j *job.Job) map[string]string {
	if j.Pool == "" {
		return nil
	}
	return map[string]string{argo.LabelPool: j.Pool}
}
