// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/sandbox"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/sandbox/stage"
)

// maxTerminationMessage is how much of its termination file a container may report, in bytes (the kubelet's bound).
const maxTerminationMessage = 4096

// container is one container of a pod. Its state and process are guarded by the pod's mutex.
type container struct {
	spec *corev1.Container
	init bool
	pod  *pod

	state   corev1.ContainerState
	process *sandbox.Process
	logged  chan struct{} // closed when the log is complete
}

func (c *container) dir() string            { return filepath.Join(c.pod.dir, "containers", c.spec.Name) }
func (c *container) root() string           { return filepath.Join(c.dir(), "root") }
func (c *container) tmp() string            { return filepath.Join(c.dir(), "tmp") }
func (c *container) log() string            { return filepath.Join(c.dir(), "log") }
func (c *container) terminationLog() string { return filepath.Join(c.dir(), "termination-log") }
func (c *container) id() string             { return fmt.Sprintf("process://%s-%s", c.pod.UID, c.spec.Name) }

// makeFiles makes what the container needs of its own on the host.
func (c *container) makeFiles() error {
	if err := os.MkdirAll(c.root(), 0o755); err != nil {
		return err
	}
	if err := makeOpenDir(c.tmp()); err != nil {
		return err
	}
	if err := os.Chmod(c.tmp(), 0o777|os.ModeSticky); err != nil {
		return err
	}
	if err := os.WriteFile(c.terminationLog(), nil, 0o666); err != nil {
		return err
	}
	return os.Chmod(c.terminationLog(), 0o666)
}

// start computes the container's configuration and starts it. A *configError can be tried again; after any other error
// the container is terminated.
func (c *container) start(ctx context.Context, volumes map[string]volume) error {
	r := c.pod.runtime
	env, err := r.environment(ctx, c.pod, c.spec)
	if err != nil {
		return &configError{err}
	}
	mounts, err := c.pod.mounts(c, volumes, env)
	if err != nil {
		return &configError{err}
	}
	if err := c.makeFiles(); err != nil {
		return &configError{err}
	}
	spec := sandbox.Spec{
		ID:     string(c.pod.UID) + "-" + c.spec.Name,
		Memory: c.spec.Resources.Limits.Memory().Value(),
		Spec: stage.Spec{
			Command: stage.Command{
				Args: expandedCommand(c.spec, env), Env: r.processEnvironment(c.pod, env), Dir: c.spec.WorkingDir,
			},
			Root: c.root(), Mounts: mounts, Masks: r.config.Masks, Programs: r.config.Programs,
		},
	}
	if r.config.OtherUsers {
		spec.Identity = identity(c.pod.Pod, c.spec.SecurityContext)
	}
	return c.launch(spec)
}

// configError is a mistake or a gap in what the container refers to; it may go away.
type configError struct{ cause error }

func (e *configError) Error() string { return e.cause.Error() }

func (c *container) launch(spec sandbox.Spec) error {
	log, err := newLogWriter(c.log())
	if err != nil {
		return &configError{err}
	}
	var copies sync.WaitGroup
	streams := map[string]**os.File{"stdout": &spec.Stdout, "stderr": &spec.Stderr}
	var ends []io.Closer
	for name, write := range streams {
		r, w, err := os.Pipe()
		if err != nil {
			return &configError{err}
		}
		*write = w
		ends = append(ends, w)
		copies.Go(func() {
			log.copy(name, r)
			_ = r.Close()
		})
	}
	started := time.Now()
	process, err := c.pod.runtime.launcher.Start(spec)
	for _, end := range ends {
		_ = end.Close()
	}
	if err != nil {
		copies.Wait()
		c.closeLog(log)
		c.pod.change(func() { c.state = startFailure(err) })
		return err
	}
	c.pod.change(func() {
		c.process = process
		c.pod.deliverMissed(process)
		c.state = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(started)}}
	})
	c.pod.running.Go(func() {
		<-process.Done()
		copies.Wait()
		c.closeLog(log)
		c.finish(started, process.Result())
	})
	return nil
}

func (c *container) closeLog(log *logWriter) {
	_ = log.close()
	close(c.logged)
}

func startFailure(err error) corev1.ContainerState {
	now := metav1.NewTime(time.Now())
	var start *sandbox.StartError
	message := "failed to start the container: " + err.Error()
	if errors.As(err, &start) {
		message = "failed to start the container: " + start.Reason
	}
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: stage.StartFailedCode, Reason: reasonStartError, Message: message, StartedAt: now, FinishedAt: now,
	}}
}

func (c *container) finish(started time.Time, result sandbox.Result) {
	terminated := &corev1.ContainerStateTerminated{
		ExitCode:    int32(result.ExitCode),
		Reason:      reasonOf(result),
		StartedAt:   metav1.NewTime(started),
		FinishedAt:  metav1.NewTime(result.FinishedAt),
		ContainerID: c.id(),
		Message:     c.terminationMessage(result),
	}
	c.pod.change(func() {
		c.process = nil
		c.state = corev1.ContainerState{Terminated: terminated}
	})
}

func reasonOf(result sandbox.Result) string {
	switch {
	case result.OOMKilled:
		return reasonOOMKilled
	case result.ExitCode == 0:
		return reasonCompleted
	}
	return reasonError
}

// messageWatched says of a container that was killed for its memory that the kernel was not who found out.
const messageWatched = "seen to take more memory than its limit, which no memory cgroup enforces here"

// terminationMessage is what the container wrote to its termination file, or the end of its log
// where the pod asks for that.
func (c *container) terminationMessage(result sandbox.Result) string {
	f, err := os.Open(c.terminationLog())
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	content, _ := io.ReadAll(io.LimitReader(f, maxTerminationMessage))
	fallback := c.spec.TerminationMessagePolicy == corev1.TerminationMessageFallbackToLogsOnError
	if len(content) == 0 && fallback && result.ExitCode != 0 {
		return logTail(c.log())
	}
	if len(content) == 0 && result.Watched {
		return messageWatched
	}
	return string(content)
}

// identity is the user that a container asks for; the container's word goes before the pod's.
func identity(pod *corev1.Pod, container *corev1.SecurityContext) stage.Identity {
	var id stage.Identity
	if s := pod.Spec.SecurityContext; s != nil {
		id = stage.Identity{UID: s.RunAsUser, GID: s.RunAsGroup, Groups: s.SupplementalGroups}
	}
	if container != nil && container.RunAsUser != nil {
		id.UID = container.RunAsUser
	}
	if container != nil && container.RunAsGroup != nil {
		id.GID = container.RunAsGroup
	}
	return id
}
