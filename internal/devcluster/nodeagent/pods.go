// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package nodeagent

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/podruntime"
)

// pods brings the pods bound to our nodes to life and to their end.
type pods struct {
	ctx      context.Context
	client   kubernetes.Interface
	runtime  podruntime.Runtime
	machines *machines
	lister   corelisters.PodLister

	mu      sync.Mutex
	managed map[types.UID]*managedPod
	workers sync.WaitGroup
}

// managedPod is a pod that this agent has started.
type managedPod struct {
	pod       *corev1.Pod // as it was when it came
	running   podruntime.Pod
	publisher *publisher
	deadline  *time.Timer
	seconds   *int64 // the deadline in force
	started   time.Time
	deleting  bool // the API server waits for us to confirm the deletion
	finished  bool // nothing runs and the last status is written
	lost      bool // its machine is off: nobody reports or confirms anything
}

// observe acts on a pod as the API server shows it.
func (a *pods) observe(pod *corev1.Pod) {
	// Under the lock, so that nothing is started on a machine whose pods have been counted for the last time.
	a.mu.Lock()
	defer a.mu.Unlock()
	node, refuses, ours := a.machines.find(pod.Spec.NodeName)
	if !ours {
		return
	}
	m, known := a.managed[pod.UID]
	switch {
	case known:
		a.update(m, pod)
	case pod.DeletionTimestamp != nil:
		a.workers.Go(func() { a.confirmDeletion(pod) })
	case ended(pod):
	case pod.Status.StartTime != nil:
		// An earlier agent ran it, and its processes died with that agent.
		a.workers.Go(func() { a.report(pod, lostStatus(pod, time.Now())) })
	case refuses:
		a.workers.Go(func() { a.report(pod, rejectedStatus(pod)) })
	default:
		a.start(pod.DeepCopy(), node)
	}
}

// observeAll acts on the pods that were bound to a node before its machine was
// on, such as those that an earlier agent ran.
func (a *pods) observeAll(node string) {
	if a.lister == nil {
		return // nothing is followed yet
	}
	all, _ := a.lister.List(labels.Everything()) // from memory: it does not fail
	for _, pod := range all {
		if pod.Spec.NodeName == node {
			a.observe(pod)
		}
	}
}

func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

func (a *pods) start(pod *corev1.Pod, node *corev1.Node) {
	publisher := newPublisher(a.client, pod)
	m := &managedPod{pod: pod, publisher: publisher, started: time.Now()}
	m.running = a.runtime.Start(pod, node, publisher.publish)
	a.managed[pod.UID] = m
	m.setDeadline(pod.Spec.ActiveDeadlineSeconds)
	a.workers.Go(func() {
		<-m.running.Done()
		publisher.close()
	})
	a.workers.Go(func() {
		publisher.run(a.ctx)
		<-m.running.Done()
		a.finish(m)
	})
}

// update acts on what may change in a running pod: its deletion and its deadline.
func (a *pods) update(m *managedPod, pod *corev1.Pod) {
	if pod.DeletionTimestamp == nil {
		m.setDeadline(pod.Spec.ActiveDeadlineSeconds)
		return
	}
	m.deleting = true
	if m.finished {
		a.workers.Go(func() { a.confirmDeletion(pod) })
		return
	}
	var grace time.Duration
	if seconds := pod.DeletionGracePeriodSeconds; seconds != nil {
		grace = time.Duration(*seconds) * time.Second
	}
	m.running.Stop(podruntime.Stop{Grace: grace})
}

// Reason and message of a pod that ran for too long, as the kubelet has them.
const (
	reasonDeadlineExceeded  = "DeadlineExceeded"
	messageDeadlineExceeded = "Pod was active on the node longer than the specified deadline"
)

func (m *managedPod) setDeadline(seconds *int64) {
	if seconds == nil || (m.seconds != nil && *m.seconds == *seconds) {
		return
	}
	if m.deadline != nil {
		m.deadline.Stop()
	}
	m.seconds = seconds
	left := time.Until(m.started.Add(time.Duration(*seconds) * time.Second))
	m.deadline = time.AfterFunc(left, func() {
		m.running.Stop(podruntime.Stop{
			Grace: gracePeriod(m.pod), Reason: reasonDeadlineExceeded, Message: messageDeadlineExceeded,
		})
	})
}

func gracePeriod(pod *corev1.Pod) time.Duration {
	seconds := int64(corev1.DefaultTerminationGracePeriodSeconds)
	if pod.Spec.TerminationGracePeriodSeconds != nil {
		seconds = *pod.Spec.TerminationGracePeriodSeconds
	}
	return time.Duration(seconds) * time.Second
}

func (a *pods) finish(m *managedPod) {
	a.mu.Lock()
	m.finished = true
	deleting := m.deleting && !m.lost
	if m.deadline != nil {
		m.deadline.Stop()
	}
	a.mu.Unlock()
	if deleting {
		a.confirmDeletion(m.pod)
	}
}

// gone cleans up after a pod that the API server no longer has; one that was deleted by force may still be running.
func (a *pods) gone(pod *corev1.Pod) {
	a.mu.Lock()
	m := a.managed[pod.UID]
	delete(a.managed, pod.UID)
	a.mu.Unlock()
	if _, _, ours := a.machines.find(pod.Spec.NodeName); m == nil && !ours {
		return
	}
	a.workers.Go(func() {
		if m != nil {
			m.running.Stop(podruntime.Stop{})
			<-m.running.Done()
		}
		a.runtime.Forget(pod.UID)
	})
}

// find returns the pod of a name that this agent has started.
func (a *pods) find(namespace, name string) *managedPod {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range a.managed {
		if m.pod.Namespace == namespace && m.pod.Name == name {
			return m
		}
	}
	return nil
}

// confirmDeletion removes the pod object: its containers have ended.
func (a *pods) confirmDeletion(pod *corev1.Pod) {
	a.persist(func() error {
		now := int64(0)
		return a.client.CoreV1().Pods(pod.Namespace).Delete(a.ctx, pod.Name, metav1.DeleteOptions{
			GracePeriodSeconds: &now, Preconditions: metav1.NewUIDPreconditions(string(pod.UID)),
		})
	})
}

// report writes one status.
func (a *pods) report(pod *corev1.Pod, status *corev1.PodStatus) {
	publisher := newPublisher(a.client, pod)
	publisher.publish(*status)
	publisher.close()
	publisher.run(a.ctx)
}

// persist repeats a request until it succeeds, is pointless or the agent ends.
func (a *pods) persist(request func() error) {
	for wait := publishRetryFirst; ; wait = min(2*wait, publishRetryMost) {
		err := request()
		if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
			return
		}
		select {
		case <-a.ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}
