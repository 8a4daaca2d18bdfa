// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/sandbox/stage"
)

// insideMarker is set in the environment of a program that Enter has started again.
const insideMarker = "BACKFILL_SANDBOX_USER_NAMESPACE"

// Enter makes sure that this program may start containers. For root it does nothing. For any other user it runs the
// program again, with the same arguments, as uid 0 of a new user namespace, passes SIGTERM on when ctx ends, waits, and
// returns entered = true with the inner program's error: the caller then has nothing left to do.
func Enter(ctx context.Context) (entered bool, err error) {
	if os.Geteuid() == 0 {
		return false, nil
	}
	if os.Getenv(insideMarker) != "" {
		return false, errors.New(advice("the user namespace has no uid 0"))
	}
	args, err := commandLine()
	if err != nil {
		return true, err
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = args
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), insideMarker+"=1")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	launcher := NewLauncher("enter", false)
	if err := launcher.start(cmd); err != nil {
		return true, errors.New(advice(err.Error()))
	}
	err = cmd.Wait()
	if ctx.Err() != nil {
		err = nil // it ended because it was told to
	}
	return true, err
}

// commandLine is how this process was started. Programs that are several in one rewrite os.Args.
func commandLine() ([]string, error) {
	raw, err := os.ReadFile("/proc/self/cmdline")
	if err != nil {
		return nil, fmt.Errorf("read the command line: %w", err)
	}
	return strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00"), nil
}

// InUserNamespace tells whether Enter has put this program into a user namespace, which has one user only.
func InUserNamespace() bool { return os.Getenv(insideMarker) != "" }

// Probe runs /bin/true in a sandbox below dir, an existing directory, and explains what is missing
// when that fails. Call it after Enter.
func Probe(dir string) error {
	root, err := os.MkdirTemp(dir, "probe-")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(root) }()
	launcher := NewLauncher("probe", false)
	defer launcher.Close()
	p, err := launcher.Start(
		Spec{ID: "probe", Spec: stage.Spec{Root: root, Command: stage.Command{Args: []string{"/bin/true"}}}},
	)
	if err != nil {
		return errors.New(advice(err.Error()))
	}
	<-p.Done()
	if code := p.Result().ExitCode; code != 0 {
		return fmt.Errorf("a test container ended with exit code %d", code)
	}
	return nil
}
