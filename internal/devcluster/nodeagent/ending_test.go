// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package nodeagent

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestAKubeletThatShutsDownStopsItsPodsAndTakesNoMore(t *testing.T) {
	pod, late := bound("p"), bound("late")
	grace := int64(4)
	pod.Spec.TerminationGracePeriodSeconds = &grace
	s := newStage(t, pod, late)
	s.observe(pod)
	if !s.machines.announce("n", true) || s.machines.announce("n", true) {
		t.Error("the end of a machine is announced once")
	}
	s.shutDown("n", time.Minute)
	if stop := <-s.puppet.pod(
		"p",
	).stops; stop.Grace != 4*time.Second || stop.Reason != "Terminated" ||
		stop.Message != messageShutdown {
		t.Errorf("got %+v", stop)
	}
	s.observe(late)
	s.eventually("the late pod is refused", s.hasPhase("late", corev1.PodFailed))
	if got := s.get("late").Status; got.Reason != "NodeShutdown" || s.puppet.pod("late") != nil {
		t.Errorf("got %+v", got)
	}
	if s.busy("n") != 1 {
		t.Error("a pod that was not reported is not counted")
	}
	s.puppet.pod("p").end(corev1.PodFailed)
	s.eventually("its end is written", s.hasPhase("p", corev1.PodFailed))
	conditions := s.get("p").Status.Conditions
	if len(conditions) != 1 || conditions[0].Type != corev1.DisruptionTarget ||
		conditions[0].Reason != "TerminationByKubelet" {
		t.Errorf("got %+v", conditions)
	}
	s.eventually("the node is idle", func() bool { return s.busy("n") == 0 })
}

func TestAMachineWithoutPowerReportsNothing(t *testing.T) {
	pod := bound("p")
	s := newStage(t, pod)
	s.observe(pod)
	s.eventually("it runs", s.hasPhase("p", corev1.PodRunning))
	s.machines.remove("n")
	s.powerOff("n")
	running := s.puppet.pod("p")
	if stop := <-running.stops; stop.Grace != 0 {
		t.Errorf("got %+v", stop)
	}
	s.observe(deleted(pod, 0)) // by Kubernetes, to which the node is lost
	running.end(corev1.PodFailed)
	s.eventually("it is over", func() bool { return s.busy("n") == 0 })
	if got := s.get("p"); got == nil || got.Status.Phase != corev1.PodRunning {
		t.Errorf("got %+v", got)
	}
	s.gone(pod)
	s.eventually("it is forgotten", func() bool {
		s.puppet.mu.Lock()
		defer s.puppet.mu.Unlock()
		return s.puppet.forgotten["p"]
	})
}
