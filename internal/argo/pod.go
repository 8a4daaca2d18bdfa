// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package argo

import (
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// What Argo writes on the pods of a Workflow.
const (
	annotationNodeID = "workflows.argoproj.io/node-id"
	mainContainer    = "main"
)

// CutShort tells whether somebody has ended a Workflow before its time. Argo calls
// it ended as soon as it has told its pods to end, which they may do much later.
// See internal/decisions/0050-a-run-ends-with-its-pods.md.
func CutShort(workflow manifest.Object) bool { return ShutDown(workflow) || Leaving(workflow) }

// PodEnded tells whether the containers of a pod have all ended, for good.
func PodEnded(pod manifest.Object) bool {
	phase := field[string](pod, "status", "phase")
	return phase == "Succeeded" || phase == "Failed"
}

// FinishedNode is the id of the node whose work a pod has finished; "" for a pod
// that has not. The exit code of the runner decides: when Argo ends a pod, it ends
// its own container in it too, and that may fail although the runner did not.
func FinishedNode(pod manifest.Object) string {
	if !PodEnded(pod) || !succeeded(pod) {
		return ""
	}
	return pod.GetAnnotations()[annotationNodeID]
}

func succeeded(pod manifest.Object) bool {
	if field[string](pod, "status", "phase") == "Succeeded" {
		return true
	}
	for _, c := range field[list](pod, "status", "containerStatuses") {
		container, _ := c.(node)
		if container["name"] != mainContainer {
			continue
		}
		state, _ := container["state"].(node)
		ended, _ := state["terminated"].(node)
		code, known := ended["exitCode"].(int64)
		return known && code == 0
	}
	return false
}
