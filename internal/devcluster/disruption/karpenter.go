// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package disruption

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/placement"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/profile"
)

// DoNotDisrupt is the annotation that Karpenter reads on pods and nodes.
const DoNotDisrupt = "karpenter.sh/do-not-disrupt"

// Karpenter has the settings of a NodePool that decide which nodes it removes.
type Karpenter struct {
	// OnlyEmpty is the consolidationPolicy WhenEmpty; otherwise it is WhenEmptyOrUnderutilized.
	OnlyEmpty bool
}

// Judge sorts the nodes into those that consolidation would delete and the others, those that disturb least first.
func (o Karpenter) Judge(s State) (unneeded []Candidate, kept []Kept) {
	for _, node := range s.Nodes {
		if evict, reason := o.unneeded(s, node); reason != "" {
			kept = append(kept, Kept{node, reason})
		} else {
			unneeded = append(unneeded, Candidate{node, evict})
		}
	}
	slices.SortStableFunc(unneeded, func(a, b Candidate) int { return cmp.Compare(len(a.Evict), len(b.Evict)) })
	return unneeded, kept
}

func (o Karpenter) unneeded(s State, node *corev1.Node) (evict []*corev1.Pod, reason string) {
	if node.Annotations[DoNotDisrupt] == "true" {
		return nil, DoNotDisrupt + ": true"
	}
	for _, pod := range s.Pods[node.Name] {
		if placement.Ended(pod) || mirror(pod) || ownedBy(pod, "DaemonSet") || tolerates(pod, profile.KarpenterDisrupted) {
			continue
		}
		if doNotDisrupt(s.Now, pod) {
			return nil, fmt.Sprintf("pod %s/%s: %s: %s", pod.Namespace, pod.Name, DoNotDisrupt, pod.Annotations[DoNotDisrupt])
		}
		if budget, is := s.protected(pod); is {
			return nil, fmt.Sprintf("pod %s/%s: disruption budget %s", pod.Namespace, pod.Name, budget)
		}
		evict = append(evict, pod)
	}
	if o.OnlyEmpty && len(evict) > 0 {
		return nil, fmt.Sprintf("%d pods run there", len(evict))
	}
	if without := s.fitsElsewhere(node, evict); without != nil {
		return nil, fmt.Sprintf("pod %s/%s would find no other node", without.Namespace, without.Name)
	}
	return evict, ""
}

// doNotDisrupt tells whether a pod's annotation protects it now: for ever, or for a time from its start.
func doNotDisrupt(now time.Time, pod *corev1.Pod) bool {
	value := pod.Annotations[DoNotDisrupt]
	if value == "true" {
		return true
	}
	protected, err := time.ParseDuration(value)
	if err != nil || protected <= 0 {
		return false
	}
	return pod.Status.StartTime == nil || now.Before(pod.Status.StartTime.Add(protected))
}

func tolerates(pod *corev1.Pod, taint corev1.Taint) bool {
	return slices.ContainsFunc(pod.Spec.Tolerations, func(t corev1.Toleration) bool { return t.ToleratesTaint(&taint) })
}
