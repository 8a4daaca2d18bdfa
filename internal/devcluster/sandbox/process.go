// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Result is how a container ended.
type Result struct {
	// ExitCode is the command's, or 128 + Signal.
	ExitCode int
	// Signal ended the command; 0 when it exited by itself.
	Signal syscall.Signal
	// OOMKilled tells that a process of the container was killed for exceeding the memory limit: by the kernel, or by
	// this program when Watched is set.
	OOMKilled, Watched bool
	FinishedAt         time.Time
}

// Process is a started container.
type Process struct {
	launcher *Launcher
	spec     Spec
	cmd      *exec.Cmd
	control  *os.File
	cgroup   *cgroup
	exceeded atomic.Bool // memory, as watchMemory saw it

	// mu guards the process id: while it is held and ended is false, the id belongs to this container.
	mu     sync.Mutex
	ended  bool
	done   chan struct{}
	result Result
}

// Done is closed when the container and every process in it have ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Result is valid once Done is closed.
func (p *Process) Result() Result { return p.result }

// Pid is the host's id of the container's PID 1.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Signal sends sig to the container's PID 1. As in every PID namespace, one that PID 1 has no
// handler for is lost, SIGKILL apart. Signalling an ended container is no error.
func (p *Process) Signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return nil
	}
	err := unix.Kill(p.cmd.Process.Pid, sig)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

func (p *Process) reap() {
	// First only look, so that the process id stays taken until nobody uses it any more.
	for {
		err := unix.Waitid(unix.P_PID, p.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			break
		}
	}
	p.mu.Lock()
	p.ended = true
	_ = p.cmd.Wait()
	p.mu.Unlock()

	p.result = resultOf(p.cmd.ProcessState)
	// One that had ended by the time it was seen to take too much did not end for that.
	p.result.Watched = p.exceeded.Load() && p.result.Signal == syscall.SIGKILL
	p.result.OOMKilled = p.result.Watched || p.cgroup.oomKilled()
	_ = p.control.Close()
	p.cgroup.remove()
	close(p.done)
}

func resultOf(state *os.ProcessState) Result {
	r := Result{FinishedAt: time.Now()}
	status, ok := state.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		r.Signal = status.Signal()
		r.ExitCode = 128 + int(r.Signal)
		return r
	}
	r.ExitCode = state.ExitCode()
	return r
}

func writeJSON(w io.Writer, v any) error {
	return json.NewEncoder(w).Encode(v)
}
