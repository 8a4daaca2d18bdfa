// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package nodeagent

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What a lost container reports; code and reason are the kubelet's.
const (
	lostExitCode         = 137
	reasonLostContainer  = "ContainerStatusUnknown"
	messageLostContainer = "The container could not be located when the pod was terminated"
	reasonLostPod        = "NodeAgentRestarted"
	messageLostPod       = "The node agent ended while the pod was running, and the pod's processes ended with it."
)

// lostStatus is the last status of a pod that an earlier agent was running.
func lostStatus(pod *corev1.Pod, now time.Time) *corev1.PodStatus {
	status := pod.Status.DeepCopy()
	status.Phase = corev1.PodFailed
	status.Reason, status.Message = reasonLostPod, messageLostPod
	at := metav1.NewTime(now)
	for _, list := range [][]corev1.ContainerStatus{status.InitContainerStatuses, status.ContainerStatuses} {
		for i := range list {
			if list[i].State.Terminated != nil {
				continue
			}
			terminated := &corev1.ContainerStateTerminated{
				ExitCode: lostExitCode, Reason: reasonLostContainer, Message: messageLostContainer,
				FinishedAt: at, ContainerID: list[i].ContainerID,
			}
			if running := list[i].State.Running; running != nil {
				terminated.StartedAt = running.StartedAt
			}
			list[i].State = corev1.ContainerState{Terminated: terminated}
			list[i].Ready, list[i].Started = false, new(bool)
		}
	}
	for i := range status.Conditions {
		c := &status.Conditions[i]
		if (c.Type == corev1.PodReady || c.Type == corev1.ContainersReady) && c.Status == corev1.ConditionTrue {
			c.Status, c.Reason, c.LastTransitionTime = corev1.ConditionFalse, "PodFailed", at
		}
	}
	return status
}
