// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package process

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// loopback is the address of every pod and node: there is one network, the host's, and nothing listens outside it.
const loopback = "127.0.0.1"

// ConditionNotEnforced is the type of the pod condition that names what was accepted without having an effect.
const ConditionNotEnforced corev1.PodConditionType = "LocalClusterNotEnforced"

// Reasons that the kubelet uses.
const (
	reasonPodInitializing   = "PodInitializing"
	reasonContainerCreating = "ContainerCreating"
	reasonConfigError       = "CreateContainerConfigError"
	reasonCompleted         = "Completed"
	reasonError             = "Error"
	reasonOOMKilled         = "OOMKilled"
	reasonStartError        = "StartError"
)

// snapshot is what a pod's status is computed from.
type snapshot struct {
	containers  []*container // init containers first
	startTime   metav1.Time
	ended       bool // nothing runs any more and nothing will
	reason      string
	message     string
	notEnforced []string
}

// status composes the pod's status. previous supplies the conditions of others and the times of transitions.
func (s *snapshot) status(previous *corev1.PodStatus, now time.Time) corev1.PodStatus {
	status := *previous.DeepCopy()
	status.Phase = s.phase()
	if s.ended {
		status.Reason, status.Message = s.reason, s.message
	}
	status.HostIP, status.HostIPs = loopback, []corev1.HostIP{{IP: loopback}}
	status.PodIP, status.PodIPs = loopback, []corev1.PodIP{{IP: loopback}}
	status.StartTime = &s.startTime
	status.InitContainerStatuses, status.ContainerStatuses = nil, nil
	for _, c := range s.containers {
		if c.init {
			status.InitContainerStatuses = append(status.InitContainerStatuses, c.status())
		} else {
			status.ContainerStatuses = append(status.ContainerStatuses, c.status())
		}
	}
	for _, condition := range s.conditions(status.Phase) {
		setCondition(&status, condition, now)
	}
	return status
}

func (s *snapshot) phase() corev1.PodPhase {
	running, failed, waiting := 0, 0, 0
	for _, c := range s.containers {
		switch {
		case c.state.Terminated != nil && c.state.Terminated.ExitCode != 0:
			failed++
		case c.init:
		case c.state.Running != nil:
			running++
		case c.state.Waiting != nil:
			waiting++
		}
	}
	switch {
	case s.ended && (s.reason != "" || failed > 0 || waiting > 0):
		return corev1.PodFailed
	case s.ended:
		return corev1.PodSucceeded
	case waiting > 0:
		return corev1.PodPending
	}
	return corev1.PodRunning
}

func (s *snapshot) conditions(phase corev1.PodPhase) []corev1.PodCondition {
	var uninitialized, unready []string
	for _, c := range s.containers {
		if c.init && (c.state.Terminated == nil || c.state.Terminated.ExitCode != 0) {
			uninitialized = append(uninitialized, c.spec.Name)
		}
		if !c.init && c.state.Running == nil {
			unready = append(unready, c.spec.Name)
		}
	}
	initialized := condition(
		corev1.PodInitialized,
		"ContainersNotInitialized",
		"containers with incomplete status",
		uninitialized,
	)
	ready := condition(corev1.PodReady, "ContainersNotReady", "containers with unready status", unready)
	switch phase {
	case corev1.PodSucceeded:
		initialized.Reason, ready.Reason, ready.Message = "PodCompleted", "PodCompleted", ""
	case corev1.PodFailed:
		ready.Reason, ready.Message = "PodFailed", ""
	}
	containersReady := ready
	containersReady.Type = corev1.ContainersReady
	list := []corev1.PodCondition{initialized, ready, containersReady}
	if len(s.notEnforced) > 0 {
		list = append(list, corev1.PodCondition{
			Type: ConditionNotEnforced, Status: corev1.ConditionTrue, Reason: "ProcessRuntime",
			Message: "accepted without effect on a local process: " + strings.Join(s.notEnforced, ", "),
		})
	}
	return list
}

// condition is true when no container stands against it.
func condition(kind corev1.PodConditionType, reason, text string, against []string) corev1.PodCondition {
	if len(against) == 0 {
		return corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue}
	}
	return corev1.PodCondition{
		Type: kind, Status: corev1.ConditionFalse, Reason: reason,
		Message: fmt.Sprintf("%s: [%s]", text, strings.Join(against, " ")),
	}
}

// setCondition keeps the time of the last transition while the condition's status stays the same.
func setCondition(status *corev1.PodStatus, c corev1.PodCondition, now time.Time) {
	c.LastTransitionTime = metav1.NewTime(now)
	i := slices.IndexFunc(status.Conditions, func(have corev1.PodCondition) bool { return have.Type == c.Type })
	if i < 0 {
		status.Conditions = append(status.Conditions, c)
		return
	}
	if status.Conditions[i].Status == c.Status {
		c.LastTransitionTime = status.Conditions[i].LastTransitionTime
	}
	status.Conditions[i] = c
}

func (c *container) status() corev1.ContainerStatus {
	running := c.state.Running != nil
	ready := running || (c.init && c.state.Terminated != nil && c.state.Terminated.ExitCode == 0)
	status := corev1.ContainerStatus{
		Name: c.spec.Name, Image: c.spec.Image, State: *c.state.DeepCopy(), Ready: ready, Started: &running,
	}
	if c.state.Waiting == nil {
		status.ContainerID = c.id()
	}
	return status
}
