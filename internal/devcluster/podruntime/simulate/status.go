// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package simulate

import (
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// loopback is the address of every pod and node of a local cluster.
const loopback = "127.0.0.1"

// Reasons that the kubelet uses.
const (
	reasonCompleted = "Completed"
	reasonError     = "Error"
	reasonOOMKilled = "OOMKilled"
	reasonCreating  = "ContainerCreating"
	reasonNoImage   = "ImagePullBackOff"
)

// terminated is how a container ended.
type terminated struct {
	code   int
	reason string
}

// ending is how a pod ended.
type ending struct {
	phase           corev1.PodPhase
	reason, message string
	main, wait      terminated
	// noImage tells that no container has run, for want of its image.
	noImage bool
}

var completed = terminated{0, reasonCompleted}

func success() ending {
	return ending{phase: corev1.PodSucceeded, main: completed, wait: completed}
}

// failure is what the kubelet reports of a cause.
func failure(cause Cause, exitCode int) ending {
	killed := terminated{128 + int(syscall.SIGKILL), reasonError}
	ended := terminated{128 + int(syscall.SIGTERM), reasonError}
	e := ending{phase: corev1.PodFailed, wait: completed}
	switch cause {
	case OOM:
		e.main = terminated{killed.code, reasonOOMKilled}
	case Deadline:
		e.reason, e.message = "DeadlineExceeded", "Pod was active on the node longer than the specified deadline"
		e.main, e.wait = ended, ended
	case Eviction:
		e.reason, e.message = "Evicted", "The node was low on resource: memory. "
		e.main, e.wait = killed, killed
	case Image:
		e.noImage = true // and no word of the pod's own
	case Shutdown:
		e.reason, e.message = "Terminated", "Pod was terminated in response to imminent node shutdown."
		e.main, e.wait = ended, ended
	default:
		e.main = terminated{exitCode, reasonError}
	}
	return e
}

// status is the pod's last status.
func (e ending) status(pod *corev1.Pod, t times) corev1.PodStatus {
	s := status(pod, t, e.phase)
	s.Reason, s.Message = e.reason, e.message
	// The kubelet leaves containers waiting that have not started.
	switch {
	case e.noImage:
		wait(&s, pod, reasonNoImage)
		return s
	case t.running.IsZero():
		wait(&s, pod, reasonCreating)
		return s
	}
	s.InitContainerStatuses = containers(pod.Spec.InitContainers, completed.state(t.running, t.running))
	s.ContainerStatuses = containers(pod.Spec.Containers, completed.state(t.running, t.end))
	for i := range s.ContainerStatuses {
		switch c := &s.ContainerStatuses[i]; c.Name {
		case mainContainer:
			c.State = e.main.state(t.running, t.end)
		case waitContainer:
			c.State = e.wait.state(t.running, t.end)
		}
	}
	return s
}

// wait has all containers of a pod wait.
func wait(s *corev1.PodStatus, pod *corev1.Pod, reason string) {
	waiting := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
	if reason == reasonNoImage {
		waiting.Waiting.Message = "Back-off pulling an image: it is simulated that there is none"
	}
	s.InitContainerStatuses = containers(pod.Spec.InitContainers, waiting)
	s.ContainerStatuses = containers(pod.Spec.Containers, waiting)
}

// pullingStatus is that of a pod whose image cannot be had.
func pullingStatus(pod *corev1.Pod, t times) corev1.PodStatus {
	s := status(pod, t, corev1.PodPending)
	wait(&s, pod, reasonNoImage)
	return s
}

func runningStatus(pod *corev1.Pod, t times) corev1.PodStatus {
	s := status(pod, t, corev1.PodRunning)
	s.InitContainerStatuses = containers(pod.Spec.InitContainers, completed.state(t.running, t.running))
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(t.running)}}
	s.ContainerStatuses = containers(pod.Spec.Containers, running)
	return s
}

func (t terminated) state(start, end time.Time) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: int32(t.code), Reason: t.reason, StartedAt: metav1.NewTime(start), FinishedAt: metav1.NewTime(end),
	}}
}

func containers(specs []corev1.Container, state corev1.ContainerState) []corev1.ContainerStatus {
	running := state.Running != nil
	list := make([]corev1.ContainerStatus, len(specs))
	for i := range specs {
		list[i] = corev1.ContainerStatus{
			Name:    specs[i].Name,
			Image:   specs[i].Image,
			State:   *state.DeepCopy(),
			Ready:   running,
			Started: &running,
		}
	}
	return list
}

// status is what all statuses have in common. Conditions of others stay, such as the scheduler's.
func status(pod *corev1.Pod, t times, phase corev1.PodPhase) corev1.PodStatus {
	s := *pod.Status.DeepCopy()
	start := metav1.NewTime(t.start)
	s.Phase, s.StartTime = phase, &start
	s.HostIP, s.HostIPs = loopback, []corev1.HostIP{{IP: loopback}}
	s.PodIP, s.PodIPs = loopback, []corev1.PodIP{{IP: loopback}}
	ready := corev1.ConditionFalse
	if phase == corev1.PodRunning {
		ready = corev1.ConditionTrue
	}
	since := start
	if !t.end.IsZero() {
		since = metav1.NewTime(t.end)
	}
	for _, kind := range []corev1.PodConditionType{corev1.PodReady, corev1.ContainersReady} {
		setCondition(&s, corev1.PodCondition{Type: kind, Status: ready, LastTransitionTime: since})
	}
	return s
}

func setCondition(s *corev1.PodStatus, c corev1.PodCondition) {
	for i := range s.Conditions {
		if s.Conditions[i].Type == c.Type {
			s.Conditions[i] = c
			return
		}
	}
	s.Conditions = append(s.Conditions, c)
}
