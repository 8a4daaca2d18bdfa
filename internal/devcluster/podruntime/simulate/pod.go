// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package simulate

import (
	"context"
	"errors"
	"slices"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/podruntime"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/sandbox"
)

// pod is a simulated pod.
type pod struct {
	*corev1.Pod
	behaviour Behaviour
	done      chan struct{}

	mu      sync.Mutex
	publish func(corev1.PodStatus)
	timer   *time.Timer
	times   times
	ended   bool
}

// times are those of a pod's life; running is zero before its containers run.
type times struct{ start, running, end time.Time }

func newPod(spec *corev1.Pod, behaviour Behaviour, publish func(corev1.PodStatus), now time.Time) *pod {
	return &pod{Pod: spec, behaviour: behaviour, publish: publish, done: make(chan struct{}), times: times{start: now}}
}

// after sets what happens next.
func (p *pod) after(wait time.Duration, next func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.timer = time.AfterFunc(wait, next)
	}
}

// run starts the pod's containers, which work on that key.
func (p *pod) run(key string, err error) {
	if err != nil {
		p.end(ending{phase: corev1.PodFailed, message: "Error: " + err.Error()})
		return
	}
	attempt := attemptName(p.Pod)
	last := success()
	if cause, fails := p.behaviour.failure(key, attempt); fails {
		last = failure(cause, p.behaviour.ExitCode)
	}
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return
	}
	if !last.noImage {
		p.times.running = time.Now()
	}
	switch {
	case p.behaviour.Quiet:
	case last.noImage:
		p.publish(pullingStatus(p.Pod, p.times))
	default:
		p.publish(runningStatus(p.Pod, p.times))
	}
	p.mu.Unlock()
	p.after(p.behaviour.duration(attempt), func() { p.end(last) })
}

// end ends the pod, once.
func (p *pod) end(how ending) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	p.ended = true
	if p.timer != nil {
		p.timer.Stop()
	}
	p.times.end = time.Now()
	p.publish(how.status(p.Pod, p.times))
	close(p.done)
}

// Stop implements podruntime.Pod. A simulated container ends as soon as it is told to.
func (p *pod) Stop(stop podruntime.Stop) {
	code := 128 + int(syscall.SIGTERM)
	if stop.Grace == 0 {
		code = 128 + int(syscall.SIGKILL)
	}
	p.end(
		ending{
			phase:   corev1.PodFailed,
			reason:  stop.Reason,
			message: stop.Message,
			main:    terminated{code, reasonError},
			wait:    terminated{code, reasonError},
		},
	)
}

// errNothingRuns answers commands that are to run in a simulated container.
var errNothingRuns = errors.New("the container is simulated: it can only be killed")

// Exec implements podruntime.Pod: it understands the command by which Argo ends a container.
func (p *pod) Exec(_ context.Context, container string, options sandbox.ExecOptions) (int, error) {
	known := slices.ContainsFunc(p.Spec.Containers, func(c corev1.Container) bool { return c.Name == container })
	if !known {
		return 0, podruntime.ErrNotFound
	}
	args := options.Args
	if len(args) != 4 || args[1] != "kill" {
		return 0, errNothingRuns
	}
	if container == mainContainer {
		p.Stop(podruntime.Stop{Grace: time.Second})
	}
	return 0, nil
}

// Done implements podruntime.Pod.
func (p *pod) Done() <-chan struct{} { return p.done }

// mute stops the publishing of statuses.
func (p *pod) mute() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.publish = func(corev1.PodStatus) {}
}
