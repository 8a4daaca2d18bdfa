// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package nodeagent

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/podruntime"
)

// Reasons and messages of a kubelet that shuts down with its node, for the pods that it stops and for those that come
// when it takes none any more.
const (
	reasonShutdown  = "Terminated"
	messageShutdown = "Pod was terminated in response to imminent node shutdown."
	reasonRejected  = "NodeShutdown"
	messageRejected = "Pod was rejected as the node is shutting down."
)

// shutDown stops the pods of a node as a kubelet does that shuts down: each has its own grace
// period, but at most notice.
func (a *pods) shutDown(node string, notice time.Duration) {
	for _, m := range a.on(node) {
		m.publisher.disrupt(corev1.PodCondition{
			Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue,
			Reason: corev1.PodReasonTerminationByKubelet, Message: messageShutdown,
			LastTransitionTime: metav1.NewTime(time.Now()),
		})
		m.running.Stop(
			podruntime.Stop{Grace: min(gracePeriod(m.pod), notice), Reason: reasonShutdown, Message: messageShutdown},
		)
	}
}

// powerOff ends all processes of a node's pods, and nobody hears of it: the machine must be off already.
func (a *pods) powerOff(node string) {
	for _, m := range a.on(node) {
		a.mu.Lock()
		m.lost = true
		a.mu.Unlock()
		m.publisher.silence()
		m.running.Stop(podruntime.Stop{})
	}
}

// busy is the number of a node's pods whose end is not reported yet.
func (a *pods) busy(node string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, m := range a.managed {
		if m.pod.Spec.NodeName == node && !m.finished {
			n++
		}
	}
	return n
}

func (a *pods) on(node string) []*managedPod {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []*managedPod
	for _, m := range a.managed {
		if m.pod.Spec.NodeName == node {
			list = append(list, m)
		}
	}
	return list
}

// rejectedStatus is that of a pod which came to a node that was shutting down.
func rejectedStatus(pod *corev1.Pod) *corev1.PodStatus {
	status := pod.Status.DeepCopy()
	status.Phase, status.Reason, status.Message = corev1.PodFailed, reasonRejected, messageRejected
	return status
}
