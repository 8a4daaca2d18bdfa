// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/controlplane"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/supervise"
)

// supervisorLog is the name of the supervisor's own log.
const supervisorLog = "supervisor"

const followPause = 50 * time.Millisecond

func pid() int { return os.Getpid() }

// Running tells whether a supervisor runs in a state directory, and its state.
func Running(l controlplane.Layout) (supervise.State, bool, error) {
	state, err := supervise.ReadState(l.State())
	return state, err == nil && state.Supervisor.Alive(), err
}

// Join waits until a supervisor that runs already reports success or failure.
func Join(ctx context.Context, l controlplane.Layout, progress io.Writer) error {
	state, running, err := Running(l)
	if err != nil {
		return err
	}
	if !running {
		return errors.New("the cluster is not running")
	}
	return follow(ctx, l, state.Supervisor, progress)
}

// Foreground runs a cluster until ctx is done. onReady is called once, when it
// is up.
func Foreground(ctx context.Context, l controlplane.Layout, o Options, progress io.Writer, onReady func()) error {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	if err := writeOptions(l, o); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			state, running, err := Running(l)
			if err == nil && running && state.Supervisor.PID == pid() && state.Phase == supervise.PhaseReady {
				onReady()
				return
			}
			time.Sleep(followPause)
		}
	}()
	return Serve(ctx, l, executable, func(line string) { fmt.Fprintln(progress, line) })
}

// Detach starts a supervisor in a session of its own and waits until the
// cluster is up. When it does not come up, or ctx is done before, everything is
// stopped again.
func Detach(ctx context.Context, l controlplane.Layout, o Options, progress io.Writer) error {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	if err := writeOptions(l, o); err != nil {
		return err
	}
	log, err := os.OpenFile(l.Log(supervisorLog), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the supervisor's log: %w", err)
	}
	defer log.Close() //nolint:errcheck // the supervisor has its own descriptor
	cmd := exec.Command(executable, "--state", l.Root, "supervise")
	cmd.Dir = l.Root
	cmd.Env = baseEnv(os.Environ())
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the supervisor: %w", err)
	}
	self, err := supervise.Identify(cmd.Process.Pid)
	if err != nil {
		self = supervise.Identity{PID: cmd.Process.Pid}
	}
	go cmd.Wait() //nolint:errcheck // only reaps; the outcome is in the state file
	return follow(ctx, l, self, progress)
}

// follow prints the progress of a supervisor until its cluster is up or it has
// ended.
func follow(ctx context.Context, l controlplane.Layout, supervisor supervise.Identity, progress io.Writer) error {
	shown := 0
	for {
		alive := supervisor.Alive()
		state, err := supervise.ReadState(l.State())
		if err != nil {
			return err
		}
		// Two calls at once start two supervisors; the one without the lock ends,
		// and its caller follows the other.
		if state.Supervisor != supervisor && !alive && state.Supervisor.Alive() {
			supervisor = state.Supervisor
			continue
		}
		if state.Supervisor == supervisor {
			for ; shown < len(state.Progress); shown++ {
				fmt.Fprintln(progress, state.Progress[shown])
			}
			switch state.Phase {
			case supervise.PhaseReady:
				return nil
			case supervise.PhaseFailed:
				return errors.New(state.Error)
			case supervise.PhaseStopped:
				return errors.New("the cluster was stopped while it was starting")
			}
		}
		if !alive {
			return fmt.Errorf("the supervisor ended while the cluster was starting\n%s", logTail(l.Log(supervisorLog), 0))
		}
		if ctx.Err() != nil {
			_, err := Down(l, progress)
			return errors.Join(errors.New("interrupted; the cluster is stopped again"), err)
		}
		time.Sleep(followPause)
	}
}
