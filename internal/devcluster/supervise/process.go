// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package supervise

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// Spec says how to start one process.
type Spec struct {
	Name string
	// Path is the program, Args its arguments without the program name.
	Path string
	Args []string
	// Env is the whole environment; nothing is inherited.
	Env []string
	// Dir is the working directory.
	Dir string
	// Log receives standard output and standard error, appended.
	Log string
}

// Process is a child of this process.
type Process struct {
	Child
	// LogOffset is where this start begins in the log file.
	LogOffset int64
	done      chan struct{}
	state     *os.ProcessState
}

// Start starts a process in a session of its own, so that a terminal's
// interrupt reaches the supervisor alone and the supervisor decides the order
// in which things end.
func Start(spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", spec.Name, err)
	}
	defer log.Close() //nolint:errcheck // the child has its own descriptor
	offset, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", spec.Name, err)
	}
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env = spec.Env
	cmd.Dir = spec.Dir
	cmd.Stdout = log
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	p := &Process{
		Child:     Child{Name: spec.Name, Log: spec.Log},
		LogOffset: offset,
		done:      make(chan struct{}),
	}
	// The child cannot be reaped before Wait below, so its pid is still its own;
	// one that has died already is a zombie and gets an identity never alive.
	p.Identity, err = Identify(cmd.Process.Pid)
	if err != nil {
		p.Identity = Identity{PID: cmd.Process.Pid}
	}
	go func() {
		_ = cmd.Wait() // the outcome is read from ProcessState
		p.state = cmd.ProcessState
		close(p.done)
	}()
	return p, nil
}

// Done is closed when the process has ended and has been reaped.
func (p *Process) Done() <-chan struct{} { return p.done }

// Outcome says in words how the process ended; call it after Done.
func (p *Process) Outcome() string {
	<-p.done
	return p.state.String()
}

// Tail returns at most n last lines of a log file, none from before offset.
// At most the last 64 KiB are looked at.
func Tail(path string, offset int64, n int) ([]string, error) {
	const window = 64 << 10
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	defer file.Close() //nolint:errcheck // read only
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	from := max(offset, info.Size()-window)
	raw, err := io.ReadAll(io.NewSectionReader(file, from, info.Size()-from))
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	raw = bytes.TrimRight(raw, "\n")
	if len(raw) == 0 {
		return nil, nil
	}
	lines := bytes.Split(raw, []byte("\n"))
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = string(line)
	}
	return out, nil
}
