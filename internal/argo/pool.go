// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// KeyPoolSize is the key of a pool's ConfigMap that holds its size in shards.
const KeyPoolSize = "shards"

// PoolName is the name of the ConfigMap that is the pool of a name.
func PoolName(pool string) string { return "backfill-pool-" + pool }

// Pool is the ConfigMap of a pool. Argo reads it each time that a shard asks for
// a place, so that a changed size holds at once.
func Pool(namespace, name string, size int) manifest.Object {
	o := &unstructured.Unstructured{Object: node{"apiVersion": "v1", "kind": "ConfigMap", "data": poolData(size)}}
	o.SetNamespace(namespace)
	o.SetName(PoolName(name))
	o.SetLabels(map[string]string{LabelPool: name})
	return o
}

func poolData(size int) node { return node{KeyPoolSize: strconv.Itoa(size)} }

// PoolSizePatch gives a pool another size.
func PoolSizePatch(size int) []byte { return patchOf(node{"data": poolData(size)}) }

// PoolSize reads the size of a pool; false when the ConfigMap holds none.
func PoolSize(o manifest.Object) (int, bool) {
	text, _, _ := unstructured.NestedString(o.Object, "data", KeyPoolSize)
	n, err := strconv.Atoi(text)
	return n, err == nil && n > 0
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
