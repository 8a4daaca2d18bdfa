// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package placement says whether pods would find a place on nodes, as far as selectors, required
// node affinity, taints and requests decide. It is pure. It is for questions that come before or
// after scheduling, what more machines would be good for and which could go; pods are placed by
// the real scheduler, which also sees spread, ports and volumes.
package placement

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	requests "k8s.io/component-helpers/resource"
	scheduling "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
)

// Room is a node with what is left of it.
type Room struct {
	Node *corev1.Node
	free corev1.ResourceList
}

// NewRoom is a node without what its pods request. Pods that have ended request nothing.
func NewRoom(node *corev1.Node, pods ...*corev1.Pod) *Room {
	r := &Room{Node: node, free: node.Status.Allocatable.DeepCopy()}
	for _, pod := range pods {
		r.take(pod)
	}
	return r
}

// Ended tells whether nothing of a pod runs any more.
func Ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// Place takes room for a pod; it returns false when the pod does not fit.
func (r *Room) Place(pod *corev1.Pod) bool {
	if !Admits(r.Node, pod) {
		return false
	}
	for name, wanted := range needs(pod) {
		free := r.free[name]
		if wanted.Sign() > 0 && free.Cmp(wanted) < 0 {
			return false
		}
	}
	r.take(pod)
	return true
}

func (r *Room) take(pod *corev1.Pod) {
	if Ended(pod) {
		return
	}
	for name, wanted := range needs(pod) {
		free := r.free[name]
		free.Sub(wanted)
		r.free[name] = free
	}
}

// needs are the requests of a pod, which also takes one of the places for pods.
func needs(pod *corev1.Pod) corev1.ResourceList {
	list := requests.PodRequests(pod, requests.PodResourcesOptions{})
	list[corev1.ResourcePods] = *resource.NewQuantity(1, resource.DecimalSI)
	return list
}

// Admits tells whether a node's labels and taints let a pod in.
func Admits(node *corev1.Node, pod *corev1.Pod) bool {
	if node.Spec.Unschedulable {
		return false
	}
	if matches, err := nodeaffinity.GetRequiredNodeAffinity(pod).Match(node); err != nil || !matches {
		return false
	}
	_, keepsOut := scheduling.FindMatchingUntoleratedTaint(
		node.Spec.Taints,
		pod.Spec.Tolerations,
		func(t *corev1.Taint) bool {
			return t.Effect == corev1.TaintEffectNoSchedule || t.Effect == corev1.TaintEffectNoExecute
		},
	)
	return !keepsOut
}

// Machines is the number of empty nodes that pods without a place would fill, and which of them would then have one.
func Machines(empty *corev1.Node, pods []*corev1.Pod) (count int, placed map[*corev1.Pod]bool) {
	placed = map[*corev1.Pod]bool{}
	var rooms []*Room
	for _, pod := range pods {
		if place(rooms, pod) {
			placed[pod] = true
			continue
		}
		if room := NewRoom(empty); room.Place(pod) {
			rooms, placed[pod] = append(rooms, room), true
		}
	}
	return len(rooms), placed
}

// PlaceAll takes room for all pods; it returns the first that finds none.
func PlaceAll(rooms []*Room, pods []*corev1.Pod) (without *corev1.Pod) {
	for _, pod := range pods {
		if !place(rooms, pod) {
			return pod
		}
	}
	return nil
}

func place(rooms []*Room, pod *corev1.Pod) bool {
	for _, room := range rooms {
		if room.Place(pod) {
			return true
		}
	}
	return false
}

// Utilisation is the greater share, of CPU or of memory, that the pods of a node request of it.
func Utilisation(node *corev1.Node, pods []*corev1.Pod) float64 {
	most := 0.0
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		var sum resource.Quantity
		for _, pod := range pods {
			if !Ended(pod) {
				sum.Add(needs(pod)[name])
			}
		}
		if all := node.Status.Allocatable[name]; all.Sign() > 0 {
			most = max(most, sum.AsApproximateFloat64()/all.AsApproximateFloat64())
		}
	}
	return most
}
