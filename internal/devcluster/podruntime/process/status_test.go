// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package process

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func waiting() corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reasonContainerCreating}}
}

func runs() corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
}

func exited(code int32) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}
}

func TestPhase(t *testing.T) {
	type states = []corev1.ContainerState
	for name, test := range map[string]struct {
		inits, mains states
		ended        bool
		reason       string
		want         corev1.PodPhase
	}{
		"nothing started":       {mains: states{waiting()}, want: corev1.PodPending},
		"init runs":             {inits: states{runs()}, mains: states{waiting()}, want: corev1.PodPending},
		"init failed, not over": {inits: states{exited(1)}, mains: states{waiting()}, want: corev1.PodPending},
		"init failed":           {inits: states{exited(1)}, mains: states{waiting()}, ended: true, want: corev1.PodFailed},
		"one of two started":    {mains: states{runs(), waiting()}, want: corev1.PodPending},
		"all run":               {inits: states{exited(0)}, mains: states{runs(), runs()}, want: corev1.PodRunning},
		"one failed, one runs":  {mains: states{exited(1), runs()}, want: corev1.PodRunning},
		"both exited, not over": {mains: states{exited(0), exited(0)}, want: corev1.PodRunning},
		"both succeeded":        {inits: states{exited(0)}, mains: states{exited(0), exited(0)}, ended: true, want: corev1.PodSucceeded},
		"one of two failed":     {mains: states{exited(0), exited(2)}, ended: true, want: corev1.PodFailed},
		"succeeded after a " +
			"deadline": {mains: states{exited(0)}, ended: true, reason: "DeadlineExceeded", want: corev1.PodFailed},
		"stopped before it started": {mains: states{waiting()}, ended: true, want: corev1.PodFailed},
		"refused":                   {ended: true, reason: "UnsupportedByLocalCluster", want: corev1.PodFailed},
	} {
		t.Run(name, func(t *testing.T) {
			s := snapshot{ended: test.ended, reason: test.reason}
			p := testPod(corev1.Container{})
			for _, state := range test.inits {
				s.containers = append(s.containers, &container{pod: p, init: true, spec: &corev1.Container{}, state: state})
			}
			for _, state := range test.mains {
				s.containers = append(s.containers, &container{pod: p, spec: &corev1.Container{}, state: state})
			}
			got := s.status(&corev1.PodStatus{}, time.Now())
			if got.Phase != test.want {
				t.Errorf("got %s, want %s", got.Phase, test.want)
			}
			if shown := got.Reason; test.ended != (shown == test.reason) && test.reason != "" {
				t.Errorf("reason %q is shown", shown)
			}
		})
	}
}

func TestConditionsKeepWhatOthersSetAndTheirTimes(t *testing.T) {
	p := testPod(corev1.Container{})
	c := &container{pod: p, spec: &corev1.Container{Name: "main"}, state: waiting()}
	s := snapshot{containers: []*container{c}}
	first, second, third := time.Unix(100, 0), time.Unix(200, 0), time.Unix(300, 0)
	before := corev1.PodStatus{
		Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}},
	}

	status := s.status(&before, first)
	c.state = runs()
	status = s.status(&status, second)
	status = s.status(&status, third)
	want := map[corev1.PodConditionType]time.Time{
		corev1.PodScheduled: {}, corev1.PodInitialized: first, corev1.PodReady: second, corev1.ContainersReady: second,
	}
	if len(status.Conditions) != len(want) {
		t.Errorf("got %+v", status.Conditions)
	}
	for _, condition := range status.Conditions {
		if condition.Status != corev1.ConditionTrue || !condition.LastTransitionTime.Time.Equal(want[condition.Type]) {
			t.Errorf("got %+v, want it true since %s", condition, want[condition.Type])
		}
	}
	if len(before.Conditions) != 1 {
		t.Error("the earlier status was changed")
	}
}
