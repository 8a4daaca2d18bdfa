// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package stage

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

func init() {
	if len(os.Args) == 0 {
		return
	}
	switch os.Args[0] {
	case InitArg0:
		runtime.LockOSThread()
		fail(becomeContainer())
	case ExecArg0:
		runtime.LockOSThread()
		code, err := runInContainer()
		if err != nil {
			fail(err)
		}
		os.Exit(code)
	}
}

// becomeContainer returns only when the command could not be started.
func becomeContainer() error {
	unix.Umask(0)
	if err := bindLifetimeToParent(); err != nil {
		return err
	}
	var spec Spec
	if err := readControl(&spec); err != nil {
		return err
	}
	root := rootBuilder{spec: &spec}
	if err := root.build(); err != nil {
		return fmt.Errorf("prepare the container's root: %w", err)
	}
	// A machine that runs out of memory should lose a container, not the control plane.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("800"), 0)
	if err := dropPrivileges(spec.Identity); err != nil {
		return err
	}
	if err := bindLifetimeToParent(); err != nil {
		return err
	}
	return execute(spec.Command)
}

// control is kept so that its finalizer does not close the descriptor that shows whether the parent lives.
var control *os.File

// readControl also makes sure that neither descriptor reaches the command.
func readControl(into any) error {
	unix.CloseOnExec(ControlFD)
	unix.CloseOnExec(StatusFD)
	control = os.NewFile(ControlFD, "control")
	if err := json.NewDecoder(control).Decode(into); err != nil {
		return fmt.Errorf("read the container's description: %w", err)
	}
	return nil
}

// bindLifetimeToParent has the kernel kill this process when its parent dies; the look at the
// control pipe finds a parent that is dead already. A change of user clears the setting, so it is
// made again afterwards.
func bindLifetimeToParent() error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("set the parent death signal: %w", err)
	}
	fds := []unix.PollFd{{Fd: ControlFD, Events: unix.POLLIN}}
	if _, err := unix.Poll(fds, 0); err == nil && fds[0].Revents&unix.POLLHUP != 0 {
		return errors.New("the node agent has gone")
	}
	return nil
}

func execute(command Command) error {
	path, err := lookPath(command)
	if err != nil {
		return err
	}
	unix.Umask(0o022)
	if err := unix.Exec(path, command.Args, command.Env); err != nil {
		return fmt.Errorf("exec %q: %w", command.Args[0], err)
	}
	return nil
}

func fail(err error) {
	status := os.NewFile(StatusFD, "status")
	_, _ = status.WriteString(err.Error())
	os.Exit(StartFailedCode)
}
