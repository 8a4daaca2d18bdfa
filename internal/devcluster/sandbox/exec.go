// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/sandbox/stage"
)

// ErrEnded is returned by Exec on a container that has ended.
var ErrEnded = errors.New("the container has ended")

// TerminalSize is in characters.
type TerminalSize struct{ Width, Height uint16 }

// ExecOptions describe one more command in a running container. Nil streams are /dev/null. With TTY, Stderr is unused.
type ExecOptions struct {
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	TTY            bool
	Resize         <-chan TerminalSize
}

// Exec runs a command inside the container, with the container's environment, working directory, user and limits, and
// returns its exit code. It is killed when ctx ends. A *StartError means that it could not be executed.
func (p *Process) Exec(ctx context.Context, options ExecOptions) (int, error) {
	namespaces, err := p.namespaces()
	if err != nil {
		return 0, err
	}
	defer closeAll(namespaces)

	description := stage.ExecSpec{Command: p.spec.Command, TTY: options.TTY}
	description.Args = options.Args
	streams, err := openStreams(options)
	if err != nil {
		return 0, err
	}
	defer streams.close()

	cmd := self(stage.ExecArg0)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = streams.child[0], streams.child[1], streams.child[2]
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	launched, err := p.launcher.launch(cmd, description, namespaces, p.cgroup)
	if err != nil {
		return 0, err
	}
	defer func() { _ = launched.control.Close() }()
	streams.started()
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	defer stop()

	reason := launched.outcome()
	_ = cmd.Wait()
	streams.drain()
	if reason != "" {
		return 0, &StartError{Reason: reason}
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return resultOf(cmd.ProcessState).ExitCode, nil
}

// namespaces opens the container's mount and PID namespaces, in the order of the stage's descriptors.
func (p *Process) namespaces() ([]*os.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return nil, ErrEnded
	}
	var files []*os.File
	for _, name := range []string{"mnt", "pid"} {
		f, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", p.cmd.Process.Pid, name))
		if err != nil {
			closeAll(files)
			return nil, ErrEnded
		}
		files = append(files, f)
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
