// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package disruption

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/placement"
)

// State is what the rules look at, at one moment.
type State struct {
	Now     time.Time
	Nodes   []*corev1.Node
	Pods    map[string][]*corev1.Pod // by the names of their nodes
	Budgets []*budget
}

// Candidate is a node that may be emptied, and the pods that would have to move.
type Candidate struct {
	Node  *corev1.Node
	Evict []*corev1.Pod
}

// Kept is a node that may not be emptied, and the reason.
type Kept struct {
	Node   *corev1.Node
	Reason string
}

type budget = policyv1.PodDisruptionBudget

// covers tells whether a budget is about a pod.
func covers(b *budget, pod *corev1.Pod) bool {
	selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
	return err == nil && b.Namespace == pod.Namespace && selector.Matches(labels.Set(pod.Labels))
}

// protected tells whether a budget refuses the eviction of a pod now. The API server refuses pods
// with two budgets as well.
func (s State) protected(pod *corev1.Pod) (budget string, is bool) {
	found := ""
	for _, b := range s.Budgets {
		if !covers(b, pod) {
			continue
		}
		if b.Status.DisruptionsAllowed < 1 || found != "" {
			return b.Name, true
		}
		found = b.Name
	}
	return "", false
}

// fitsElsewhere tells whether all pods would find room on other nodes that stay.
func (s State) fitsElsewhere(from *corev1.Node, pods []*corev1.Pod) (without *corev1.Pod) {
	var rooms []*placement.Room
	for _, node := range s.Nodes {
		if node != from && ready(node) {
			rooms = append(rooms, placement.NewRoom(node, s.Pods[node.Name]...))
		}
	}
	return placement.PlaceAll(rooms, pods)
}

func ready(node *corev1.Node) bool {
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// mirror tells whether a pod is a node's own, which the API server only shows.
func mirror(pod *corev1.Pod) bool {
	_, is := pod.Annotations[corev1.MirrorPodAnnotationKey]
	return is
}

func ownedBy(pod *corev1.Pod, kinds ...string) bool {
	owner := metav1.GetControllerOf(pod)
	if owner == nil {
		return false
	}
	for _, kind := range kinds {
		if owner.Kind == kind {
			return true
		}
	}
	return false
}
