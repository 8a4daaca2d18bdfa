// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package nodeagent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes"
)

// publisher writes a pod's statuses to the API server, the newest first: statuses that were
// overtaken before they could be written are never written.
type publisher struct {
	client  kubernetes.Interface
	pod     *corev1.Pod
	written corev1.PodStatus

	mu      sync.Mutex
	newest  *corev1.PodStatus
	closed  bool
	silent  bool
	target  *corev1.PodCondition // of a disruption, part of every status from then on
	changed chan struct{}        // holds at most one wake-up
}

func newPublisher(client kubernetes.Interface, pod *corev1.Pod) *publisher {
	return &publisher{client: client, pod: pod, written: pod.Status, changed: make(chan struct{}, 1)}
}

// publish hands a status over and returns at once.
func (p *publisher) publish(status corev1.PodStatus) {
	p.mu.Lock()
	if p.target != nil {
		status = withCondition(status, *p.target)
	}
	p.newest = &status
	p.mu.Unlock()
	p.wake()
}

// disrupt adds a condition to the statuses to come.
func (p *publisher) disrupt(target corev1.PodCondition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = &target
}

func withCondition(status corev1.PodStatus, c corev1.PodCondition) corev1.PodStatus {
	other := func(have corev1.PodCondition) bool { return have.Type == c.Type }
	status.Conditions = append(slices.DeleteFunc(slices.Clone(status.Conditions), other), c)
	return status
}

// silence drops what was not written yet, and everything that comes.
func (p *publisher) silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = true
}

// close lets run return once everything is written.
func (p *publisher) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.wake()
}

func (p *publisher) wake() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// Bounds of the wait after a failed write.
const (
	publishRetryFirst = 200 * time.Millisecond
	publishRetryMost  = 5 * time.Second
)

// run writes until close or the end of ctx, or until the pod is gone.
func (p *publisher) run(ctx context.Context) {
	wait := publishRetryFirst
	for {
		p.mu.Lock()
		status, closed := p.newest, p.closed
		p.newest = nil
		if p.silent {
			status = nil
		}
		p.mu.Unlock()
		if status == nil {
			if closed {
				return
			}
			select {
			case <-p.changed:
			case <-ctx.Done():
				return
			}
			continue
		}
		err := p.write(ctx, status)
		switch {
		case err == nil:
			wait = publishRetryFirst
		case apierrors.IsNotFound(err), apierrors.IsConflict(err), errors.Is(err, context.Canceled):
			return // gone, or replaced by a pod of the same name
		default:
			p.again(status)
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return
			}
			wait = min(2*wait, publishRetryMost)
		}
	}
}

// again puts a status back, unless a newer one has come.
func (p *publisher) again(status *corev1.PodStatus) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.newest == nil {
		p.newest = status
	}
}

// write patches what differs from the last status written; the pod's uid makes it fail on a successor of the same name.
func (p *publisher) write(ctx context.Context, status *corev1.PodStatus) error {
	patch, err := statusPatch(p.pod.UID, &p.written, status)
	if err != nil {
		return err
	}
	_, err = p.client.CoreV1().Pods(p.pod.Namespace).
		Patch(ctx, p.pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err == nil {
		p.written = *status
	}
	return err
}

func statusPatch(uid types.UID, from, to *corev1.PodStatus) ([]byte, error) {
	before, err := json.Marshal(corev1.Pod{Status: *from})
	if err != nil {
		return nil, err
	}
	after, err := json.Marshal(corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: uid}, Status: *to})
	if err != nil {
		return nil, err
	}
	patch, err := strategicpatch.CreateTwoWayMergePatch(before, after, corev1.Pod{})
	if err != nil {
		return nil, fmt.Errorf("difference of two statuses: %w", err)
	}
	return patch, nil
}
