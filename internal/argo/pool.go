// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// keyPoolSize is the key of a pool's ConfigMap that holds its size in shards.
const keyPoolSize = "shards"

// PoolName is the name of the ConfigMap that is the pool of a name.
func PoolName(pool string) string { return "backfill-pool-" + pool }

// Pool is the ConfigMap of a pool. Argo reads it each time that a shard asks for
// a place, so that a changed size holds at once.
func Pool(namespace, name string, size int) manifest.Object {
	o := newObject("v1", "ConfigMap", namespace, PoolName(name), map[string]string{LabelPool: name}, nil)
	o.Object["data"] = node{keyPoolSize: strconv.Itoa(size)}
	return o
}

// PoolSize reads the size of a pool; false when the ConfigMap holds none.
func PoolSize(o manifest.Object) (int, bool) {
	text, _, _ := unstructured.NestedString(o.Object, "data", keyPoolSize)
	n, err := strconv.Atoi(text)
	return n, err == nil && n > 0
}

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
	semaphore := node{"configMapKeyRef": node{"name": PoolName(j.Pool), "key": keyPoolSize}}
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
	return map[string]string{LabelPool: j.Pool}
}

// Waits tells whether a Workflow waits for a place in its pool. It has no pods
// then, and does not notice that it is to stop.
func Waits(workflow manifest.Object) bool {
	if workflow.GetLabels()[LabelPool] == "" {
		return false
	}
	nodes, _, _ := unstructured.NestedMap(workflow.Object, "status", "nodes")
	for _, n := range nodes {
		fields, _ := n.(map[string]any)
		phase, _, _ := unstructured.NestedString(fields, "phase")
		lock, _, _ := unstructured.NestedString(fields, "synchronizationStatus", "waiting")
		if lock != "" && Phase(phase) == PhasePending {
			return true
		}
	}
	return false
}

// Begun tells whether Argo has started to process a Workflow.
func Begun(workflow manifest.Object) bool {
	nodes, _, _ := unstructured.NestedMap(workflow.Object, "status", "nodes")
	packed, _, _ := unstructured.NestedString(workflow.Object, "status", "compressedNodes")
	return len(nodes) > 0 || packed != ""
}
