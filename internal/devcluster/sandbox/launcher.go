// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/sandbox/stage"
)

// Launcher starts containers. Make one per program with NewLauncher.
type Launcher struct {
	starts  chan func()
	close   sync.Once
	cgroups cgroups
	memory  MemoryLimits
}

// NewLauncher readies a launcher. scope names its cgroups: two launchers of one machine need different scopes, and a
// launcher removes what an earlier one of the same scope left behind. Memory limits are kept in the best way that the
// machine allows, or by watching in any case.
func NewLauncher(scope string, watch bool) *Launcher {
	l := &Launcher{starts: make(chan func()), memory: MemoryUnlimited}
	if !watch {
		l.cgroups = findCgroups(scope)
	}
	switch {
	case l.cgroups.base != "":
		l.memory = MemoryByKernel
	case canWatch():
		l.memory = MemoryByWatching
	}
	go l.serve()
	return l
}

// serve starts every process from one operating-system thread that never ends: the kernel sends the parent death signal
// when the thread dies that made the child, and the Go runtime may end any other.
func (l *Launcher) serve() {
	runtime.LockOSThread()
	for start := range l.starts {
		start()
	}
}

// Close releases the launcher's cgroups. No container may be running.
func (l *Launcher) Close() {
	l.close.Do(func() {
		close(l.starts)
		l.cgroups.removeAll()
	})
}

// MemoryLimits tells how memory limits are kept here.
func (l *Launcher) MemoryLimits() MemoryLimits { return l.memory }

func (l *Launcher) start(cmd *exec.Cmd) error {
	result := make(chan error)
	l.starts <- func() { result <- cmd.Start() }
	return <-result
}

// Spec describes a container to start.
type Spec struct {
	stage.Spec
	// Stdin may be nil, which is /dev/null. Stdout and Stderr are handed to the container; the caller closes its copies.
	Stdin, Stdout, Stderr *os.File
	// ID is unique among the launcher's running containers and fit for a file name.
	ID string
	// Memory is a limit in bytes; 0 is none.
	Memory int64
}

// StartError says why a process did not become its command.
type StartError struct{ Reason string }

func (e *StartError) Error() string { return e.Reason }

// Start runs a container. When it returns without error the command has been executed; a
// *StartError means that it could not be.
func (l *Launcher) Start(spec Spec) (*Process, error) {
	p := &Process{launcher: l, spec: spec, done: make(chan struct{})}
	cmd := self(stage.InitArg0)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = fileOrNull(spec.Stdin), spec.Stdout, spec.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Setsid:     true,
	}
	if spec.Memory > 0 && l.memory == MemoryByKernel {
		var err error
		if p.cgroup, err = l.cgroups.create(spec.ID, spec.Memory); err != nil {
			return nil, fmt.Errorf("limit the memory of %s: %w", spec.ID, err)
		}
	}
	launched, err := l.launch(cmd, spec.Spec, nil, p.cgroup)
	if err != nil {
		p.cgroup.remove()
		return nil, err
	}
	p.cmd, p.control = cmd, launched.control
	if reason := launched.outcome(); reason != "" {
		p.reap()
		return nil, &StartError{Reason: reason}
	}
	go p.reap()
	if spec.Memory > 0 && l.memory == MemoryByWatching {
		go p.watchMemory(spec.Memory)
	}
	return p, nil
}

// staged is a process under the control of package stage.
type staged struct {
	control *os.File // its other end shows the child that we live
	status  *os.File
}

// outcome waits until the child has executed its command, which gives "", or has failed.
func (s staged) outcome() string {
	text, err := io.ReadAll(s.status)
	_ = s.status.Close()
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// launch starts cmd as a staged process and hands it its description. The child is in its cgroup before it reads on.
func (l *Launcher) launch(cmd *exec.Cmd, description any, extra []*os.File, cg *cgroup) (staged, error) {
	controlRead, controlWrite, err := os.Pipe()
	if err != nil {
		return staged{}, err
	}
	statusRead, statusWrite, err := os.Pipe()
	if err != nil {
		return staged{}, errors.Join(err, controlRead.Close(), controlWrite.Close())
	}
	cmd.ExtraFiles = append([]*os.File{controlRead, statusWrite}, extra...)
	err = l.start(cmd)
	_ = controlRead.Close()
	_ = statusWrite.Close()
	if err != nil {
		return staged{}, errors.Join(
			fmt.Errorf("start a process in new namespaces: %w", err),
			controlWrite.Close(),
			statusRead.Close(),
		)
	}
	s := staged{control: controlWrite, status: statusRead}
	if err := cg.add(cmd.Process.Pid); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return staged{}, errors.Join(fmt.Errorf("enter the memory cgroup: %w", err), controlWrite.Close(), statusRead.Close())
	}
	// A child that died early breaks this pipe; its outcome says more than the error would.
	_ = writeJSON(controlWrite, description)
	return s, nil
}

// self is a command that runs this program again, for package stage to take over.
func self(arg0 string) *exec.Cmd {
	// Only what the Go runtime itself may need: the container's environment is part of its description.
	return &exec.Cmd{Path: "/proc/self/exe", Args: []string{arg0}, Env: []string{"GOMAXPROCS=1", "GOGC=off"}}
}

func fileOrNull(f *os.File) io.Reader {
	if f == nil {
		return nil // os/exec opens /dev/null
	}
	return f
}
