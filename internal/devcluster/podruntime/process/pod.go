// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package process

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/podruntime"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/sandbox"
)

// retryFirst and retryMost bound the wait between attempts to prepare a pod whose ConfigMap, Secret or path is missing.
const (
	retryFirst = 200 * time.Millisecond
	retryMost  = 5 * time.Second
)

// pod is a pod that this runtime has taken over.
type pod struct {
	*corev1.Pod
	node    *corev1.Node
	dir     string
	runtime *Runtime
	publish func(corev1.PodStatus)
	running sync.WaitGroup // one count for each running container
	ctx     context.Context
	stopped context.CancelFunc
	done    chan struct{}

	mu       sync.Mutex
	snapshot snapshot
	last     corev1.PodStatus
	kill     *time.Timer // set by the first Stop
	killAt   time.Time
}

func newPod(r *Runtime, spec *corev1.Pod, node *corev1.Node, publish func(corev1.PodStatus)) *pod {
	p := &pod{
		Pod:     spec,
		node:    node,
		dir:     r.podDir(spec.UID),
		runtime: r,
		publish: publish,
		done:    make(chan struct{}),
		last:    spec.Status,
	}
	p.ctx, p.stopped = context.WithCancel(context.Background())
	waiting := reasonContainerCreating
	if len(spec.Spec.InitContainers) > 0 {
		waiting = reasonPodInitializing
	}
	add := func(c *corev1.Container, init bool) {
		state := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: waiting}}
		p.snapshot.containers = append(
			p.snapshot.containers,
			&container{spec: c, init: init, pod: p, state: state, logged: make(chan struct{})},
		)
	}
	for i := range spec.Spec.InitContainers {
		add(&spec.Spec.InitContainers[i], true)
	}
	for i := range spec.Spec.Containers {
		add(&spec.Spec.Containers[i], false)
	}
	p.snapshot.startTime = metav1.NewTime(time.Now())
	p.snapshot.notEnforced = notEnforced(
		spec,
		machine{memory: r.launcher.MemoryLimits() != sandbox.MemoryUnlimited, otherUsers: r.config.OtherUsers},
	)
	return p
}

// change applies an update and publishes the status that follows from it.
func (p *pod) change(update func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	update()
	p.last = p.snapshot.status(&p.last, time.Now())
	p.publish(p.last)
}

// run takes the pod from its first status to its last.
func (p *pod) run() {
	defer close(p.done)
	defer p.stopped()
	if refused := refusals(p.Pod); len(refused) > 0 {
		p.refuse("The local cluster does not support " + strings.Join(refused, "; ") + ".")
		return
	}
	p.change(func() {})
	p.runContainers()
	p.running.Wait()
	p.removeVolumes()
	p.end("", "")
}

// refuse ends a pod that is not run at all: its containers have no status, as those of a pod that a kubelet rejects.
func (p *pod) refuse(message string) {
	p.mu.Lock()
	p.snapshot.containers = nil
	p.mu.Unlock()
	p.end(podruntime.ReasonUnsupported, message)
}

func (p *pod) end(reason, message string) {
	p.change(func() {
		p.snapshot.ended = true
		if p.snapshot.reason == "" {
			p.snapshot.reason, p.snapshot.message = reason, message
		}
	})
}

// runContainers runs the init containers in order and starts the others, as far as it gets: the
// containers' states tell.
func (p *pod) runContainers() {
	var volumes map[string]volume
	ready := p.retry("FailedMount", reasonContainerCreating, nil, func() (err error) {
		volumes, err = p.runtime.prepareVolumes(p.ctx, p)
		return err
	})
	if !ready {
		return
	}
	for _, c := range p.snapshot.containers {
		started := p.retry("Failed", reasonConfigError, c, func() error {
			err := c.start(p.ctx, volumes)
			var config *configError
			if err != nil && !errors.As(err, &config) {
				return nil // the container's state tells
			}
			return err
		})
		if !started {
			return
		}
		if !c.init {
			continue
		}
		p.running.Wait()
		if p.exitCode(c) != 0 {
			return
		}
	}
}

func (p *pod) exitCode(c *container) int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.state.Terminated == nil {
		return 0
	}
	return c.state.Terminated.ExitCode
}

// retry repeats an attempt until it succeeds or the pod is stopped, showing why in an event and in the state of the
// containers that wait for it: one, or all when c is nil. It returns false when the pod was stopped.
func (p *pod) retry(event, reason string, c *container, attempt func() error) bool {
	wait := retryFirst
	for shown := ""; ; wait = min(2*wait, retryMost) {
		if p.ctx.Err() != nil {
			return false
		}
		err := attempt()
		if err == nil {
			return true
		}
		if p.ctx.Err() != nil {
			return false
		}
		if shown != err.Error() {
			shown = err.Error()
			p.runtime.config.Event(p.Pod, event, shown)
			p.change(func() { p.explain(c, reason, shown) })
		}
		select {
		case <-p.ctx.Done():
		case <-time.After(wait):
		}
	}
}

func (p *pod) explain(only *container, reason, message string) {
	for _, c := range p.snapshot.containers {
		if c.state.Waiting == nil || (only != nil && c != only) {
			continue
		}
		waiting := &corev1.ContainerStateWaiting{Reason: c.state.Waiting.Reason, Message: message}
		if only != nil {
			waiting.Reason = reason
		}
		c.state.Waiting = waiting
	}
}

// Stop implements podruntime.Pod.
func (p *pod) Stop(stop podruntime.Stop) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.snapshot.ended {
		return
	}
	if p.snapshot.reason == "" {
		p.snapshot.reason, p.snapshot.message = stop.Reason, stop.Message
	}
	killAt := time.Now().Add(stop.Grace)
	if p.kill == nil {
		p.stopped()
		p.kill, p.killAt = time.AfterFunc(stop.Grace, func() { p.signal(syscall.SIGKILL) }), killAt
		if stop.Grace > 0 {
			go p.signal(syscall.SIGTERM)
		}
		return
	}
	if killAt.Before(p.killAt) && p.kill.Stop() {
		p.kill, p.killAt = time.AfterFunc(stop.Grace, func() { p.signal(syscall.SIGKILL) }), killAt
	}
}

// deliverMissed passes on to a container that has just started what the pod was sent while it had no process.
func (p *pod) deliverMissed(process *sandbox.Process) {
	switch {
	case p.kill == nil:
	case time.Now().Before(p.killAt):
		_ = process.Signal(syscall.SIGTERM)
	default:
		_ = process.Signal(syscall.SIGKILL)
	}
}

func (p *pod) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.snapshot.containers {
		if c.process != nil {
			_ = c.process.Signal(sig)
		}
	}
}

// mute stops the publishing of statuses.
func (p *pod) mute() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.publish = func(corev1.PodStatus) {}
}

// Done implements podruntime.Pod.
func (p *pod) Done() <-chan struct{} { return p.done }

// Exec implements podruntime.Pod.
func (p *pod) Exec(ctx context.Context, name string, options sandbox.ExecOptions) (int, error) {
	c := p.container(name)
	if c == nil {
		return 0, podruntime.ErrNotFound
	}
	p.mu.Lock()
	process := c.process
	p.mu.Unlock()
	if process == nil {
		return 0, sandbox.ErrEnded
	}
	return process.Exec(ctx, options)
}

// container finds a container by name; nil when the pod has none of that name, or is not run.
func (p *pod) container(name string) *container {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.snapshot.containers {
		if c.spec.Name == name {
			return c
		}
	}
	return nil
}

// removeVolumes deletes the pod's own data; logs stay until the pod is forgotten.
func (p *pod) removeVolumes() {
	_ = os.RemoveAll(filepath.Join(p.dir, "volumes"))
	for _, c := range p.snapshot.containers {
		_ = os.RemoveAll(c.tmp())
		_ = os.Remove(c.root())
	}
}
