// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package stage

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// runInContainer joins the namespaces on its descriptors and runs one command there, giving back its exit code
// (128 + n when signal n ended it). Only a child of this process lives in the PID namespace, hence the fork.
func runInContainer() (int, error) {
	var spec ExecSpec
	if err := readControl(&spec); err != nil {
		return 0, err
	}
	unix.CloseOnExec(MountNamespaceFD)
	unix.CloseOnExec(PIDNamespaceFD)
	// The kernel refuses to change the mount namespace of a thread that shares its root and working directory with others.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return 0, fmt.Errorf("unshare the working directory: %w", err)
	}
	if err := unix.Setns(PIDNamespaceFD, unix.CLONE_NEWPID); err != nil {
		return 0, fmt.Errorf("join the container's processes: %w", err)
	}
	if err := unix.Setns(MountNamespaceFD, unix.CLONE_NEWNS); err != nil {
		return 0, fmt.Errorf("join the container's mounts: %w", err)
	}
	dir := spec.Dir
	if dir == "" {
		dir = "/"
	}
	if err := dropPrivileges(spec.Identity); err != nil {
		return 0, err
	}
	if err := unix.Chdir(filepath.Clean(dir)); err != nil {
		return 0, fmt.Errorf("change to the working directory %s: %w", dir, err)
	}
	if err := bindLifetimeToParent(); err != nil {
		return 0, err
	}
	path, err := lookPath(spec.Command)
	if err != nil {
		return 0, err
	}
	unix.Umask(0o022)
	pid, err := syscall.ForkExec(path, spec.Args, &syscall.ProcAttr{
		Env:   spec.Env,
		Files: []uintptr{0, 1, 2},
		// No Pdeathsig: the standard library compares parent ids to find a parent that died early, and across PID
		// namespaces they never match.
		Sys: &syscall.SysProcAttr{Setsid: true, Setctty: spec.TTY},
	})
	if err != nil {
		return 0, fmt.Errorf("exec %q: %w", spec.Args[0], err)
	}
	killOnTerm(pid)
	closeStandardStreams(spec.TTY)
	if err := unix.Close(StatusFD); err != nil {
		return 0, err
	}
	return wait(pid)
}

// killOnTerm ends the command when this helper is told to end.
func killOnTerm(pid int) {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	go func() {
		<-terminated
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}()
}

// closeStandardStreams lets readers of the streams see their end as soon as the command has ended.
func closeStandardStreams(tty bool) {
	_ = os.Stdin.Close()
	_ = os.Stdout.Close()
	if !tty {
		_ = os.Stderr.Close()
	}
}

func wait(pid int) (int, error) {
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(pid, &status, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("wait for the command: %w", err)
		}
		if status.Signaled() {
			return 128 + int(status.Signal()), nil
		}
		return status.ExitStatus(), nil
	}
}
