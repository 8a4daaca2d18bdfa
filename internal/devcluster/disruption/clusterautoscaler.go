// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package disruption

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/placement"
)

// Annotations that the cluster autoscaler reads.
const (
	SafeToEvict        = "cluster-autoscaler.kubernetes.io/safe-to-evict"
	safeToEvictVolumes = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
	scaleDownDisabled  = "cluster-autoscaler.kubernetes.io/scale-down-disabled"
)

// ClusterAutoscaler has the flags of the cluster autoscaler that decide which nodes it removes.
type ClusterAutoscaler struct {
	// Threshold is --scale-down-utilization-threshold.
	Threshold float64
	// The three are --skip-nodes-with-system-pods, -local-storage and -custom-controller-pods.
	SkipSystem, SkipLocalStorage, SkipCustomController bool
}

// DefaultClusterAutoscaler has the defaults of the program. Managed clusters differ: GKE's autoscaling profile
// optimize-utilization, for one, ignores local storage.
func DefaultClusterAutoscaler() ClusterAutoscaler {
	return ClusterAutoscaler{Threshold: 0.5, SkipSystem: true, SkipLocalStorage: true, SkipCustomController: true}
}

// verdict is what a rule says about one pod.
type verdict int

const (
	open    verdict = iota // the next rule decides
	ignored                // the pod needs no place elsewhere
	movable
	blocks
)

// longTerminating is how long after its grace period a pod that is being deleted counts no more.
const longTerminating = 30 * time.Second

// rules are asked in this order; the first that decides is right.
func (o ClusterAutoscaler) rules() []func(State, *corev1.Pod) (verdict, string) {
	return []func(State, *corev1.Pod) (verdict, string){
		when(ignored, func(_ State, pod *corev1.Pod) bool { return mirror(pod) }, ""),
		when(ignored, overdue, ""),
		when(ignored, func(_ State, pod *corev1.Pod) bool { return ownedBy(pod, "DaemonSet") }, ""),
		when(movable, func(_ State, pod *corev1.Pod) bool { return pod.Annotations[SafeToEvict] == "true" }, ""),
		when(ignored, func(_ State, pod *corev1.Pod) bool { return placement.Ended(pod) }, ""),
		when(
			blocks,
			func(_ State, pod *corev1.Pod) bool { return !o.replicated(pod) },
			"no controller that is known would replace it",
		),
		when(blocks, o.system, "it is in kube-system and has no disruption budget"),
		when(
			blocks,
			func(_ State, pod *corev1.Pod) bool { return pod.Annotations[SafeToEvict] == "false" },
			SafeToEvict+": false",
		),
		when(
			blocks,
			func(_ State, pod *corev1.Pod) bool { return o.SkipLocalStorage && localStorage(pod) },
			"it has local storage",
		),
		func(s State, pod *corev1.Pod) (verdict, string) {
			if budget, is := s.protected(pod); is {
				return blocks, "disruption budget " + budget
			}
			return open, ""
		},
	}
}

func when(is verdict, holds func(State, *corev1.Pod) bool, reason string) func(State, *corev1.Pod) (verdict, string) {
	return func(s State, pod *corev1.Pod) (verdict, string) {
		if holds(s, pod) {
			return is, reason
		}
		return open, ""
	}
}

// judge is the verdict over one pod; one that no rule minds can be moved.
func (o ClusterAutoscaler) judge(s State, pod *corev1.Pod) (verdict, string) {
	for _, rule := range o.rules() {
		if v, reason := rule(s, pod); v != open {
			return v, reason
		}
	}
	return movable, ""
}

func overdue(s State, pod *corev1.Pod) bool {
	// The timestamp is the end of the grace period.
	return pod.DeletionTimestamp != nil && s.Now.After(pod.DeletionTimestamp.Add(longTerminating))
}

// replicated tells whether something would replace an evicted pod. Owners of other kinds, such as
// Argo's Workflow, count unless the flag says otherwise.
func (o ClusterAutoscaler) replicated(pod *corev1.Pod) bool {
	if o.SkipCustomController {
		return ownedBy(pod, "ReplicationController", "Job", "ReplicaSet", "StatefulSet")
	}
	return metav1.GetControllerOf(pod) != nil
}

func (o ClusterAutoscaler) system(s State, pod *corev1.Pod) bool {
	if !o.SkipSystem || pod.Namespace != metav1.NamespaceSystem {
		return false
	}
	return !slices.ContainsFunc(s.Budgets, func(b *budget) bool { return covers(b, pod) })
}

// localStorage is what would be lost with the node, but for volumes that an annotation names.
func localStorage(pod *corev1.Pod) bool {
	safe := strings.Split(pod.Annotations[safeToEvictVolumes], ",")
	return slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
		local := v.HostPath != nil || v.EmptyDir != nil && v.EmptyDir.Medium != corev1.StorageMediumMemory
		return local && !slices.Contains(safe, v.Name)
	})
}

// Judge sorts the nodes into those that are not needed and the others.
func (o ClusterAutoscaler) Judge(s State) (unneeded []Candidate, kept []Kept) {
	for _, node := range s.Nodes {
		if evict, reason := o.unneeded(s, node); reason != "" {
			kept = append(kept, Kept{node, reason})
		} else {
			unneeded = append(unneeded, Candidate{node, evict})
		}
	}
	return unneeded, kept
}

func (o ClusterAutoscaler) unneeded(s State, node *corev1.Node) (evict []*corev1.Pod, reason string) {
	if node.Annotations[scaleDownDisabled] == "true" {
		return nil, scaleDownDisabled + ": true"
	}
	pods := s.Pods[node.Name]
	if used := placement.Utilisation(node, pods); used >= o.Threshold {
		return nil, fmt.Sprintf("%.0f %% of it are requested", 100*used)
	}
	for _, pod := range pods {
		switch v, why := o.judge(s, pod); v {
		case blocks:
			return nil, fmt.Sprintf("pod %s/%s: %s", pod.Namespace, pod.Name, why)
		case movable:
			evict = append(evict, pod)
		}
	}
	if without := s.fitsElsewhere(node, evict); without != nil {
		return nil, fmt.Sprintf("pod %s/%s would find no other node", without.Namespace, without.Name)
	}
	return evict, ""
}
