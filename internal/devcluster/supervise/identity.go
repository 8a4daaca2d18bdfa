// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Identity names one process for as long as the machine runs: process ids are
// reused, the triple is not.
type Identity struct {
	PID int `json:"pid"`
	// StartTicks is the start time in clock ticks since boot, field 22 of
	// /proc/PID/stat (proc_pid_stat(5)).
	StartTicks uint64 `json:"start_ticks"`
	// BootID is /proc/sys/kernel/random/boot_id at the time of the start.
	BootID string `json:"boot_id"`
}

// ErrGone says that the process of an Identity has ended.
var ErrGone = errors.New("process has ended")

// Identify reads the identity of a running process. It returns ErrGone when
// no such process runs; a zombie counts as ended.
func Identify(pid int) (Identity, error) {
	if pid <= 0 {
		return Identity{}, ErrGone
	}
	ticks, state, err := readStat(pid)
	if err != nil {
		return Identity{}, err
	}
	if state == 'Z' || state == 'X' {
		return Identity{}, ErrGone
	}
	boot, err := bootID()
	if err != nil {
		return Identity{}, err
	}
	return Identity{PID: pid, StartTicks: ticks, BootID: boot}, nil
}

// Alive tells whether this very process still runs.
func (id Identity) Alive() bool {
	now, err := Identify(id.PID)
	return err == nil && now == id
}

// Signal sends sig to this very process. It returns ErrGone when the process
// has ended. The process is pinned by a pidfd (where the kernel offers them)
// before its identity is compared, so the signal cannot reach a successor.
func (id Identity) Signal(sig syscall.Signal) error {
	process, err := os.FindProcess(id.PID)
	if err != nil {
		return ErrGone
	}
	defer process.Release() //nolint:errcheck // releasing a handle cannot fail usefully
	if !id.Alive() {
		return ErrGone
	}
	if err := process.Signal(sig); err != nil {
		if errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH) {
			return ErrGone
		}
		return fmt.Errorf("signal process %d: %w", id.PID, err)
	}
	return nil
}

// Stop asks the process to end with SIGTERM, waits for at most grace, and then
// kills it. It returns nil once the process is gone, also when it was gone
// before.
func (id Identity) Stop(grace time.Duration) error {
	if err := id.Signal(syscall.SIGTERM); err != nil {
		return ignoreGone(err)
	}
	if id.waitGone(grace) {
		return nil
	}
	if err := id.Signal(syscall.SIGKILL); err != nil {
		return ignoreGone(err)
	}
	if id.waitGone(killWait) {
		return nil
	}
	return fmt.Errorf("process %d did not end %s after SIGKILL", id.PID, killWait)
}

// killWait bounds the wait for the kernel to take down a killed process.
const killWait = 10 * time.Second

func (id Identity) waitGone(limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	for id.Alive() {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(20 * time.Millisecond)
	}
	return true
}

func ignoreGone(err error) error {
	if errors.Is(err, ErrGone) {
		return nil
	}
	return err
}

func readStat(pid int) (ticks uint64, state byte, err error) {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			return 0, 0, ErrGone
		}
		return 0, 0, fmt.Errorf("read the state of process %d: %w", pid, err)
	}
	return parseStat(raw)
}

// parseStat reads state (field 3) and start time (field 22). The command name
// in field 2 may hold blanks and parentheses, so fields are counted from its
// last closing parenthesis.
func parseStat(raw []byte) (ticks uint64, state byte, err error) {
	end := bytes.LastIndexByte(raw, ')')
	if end < 0 {
		return 0, 0, fmt.Errorf("unexpected content of /proc/PID/stat: %q", raw)
	}
	fields := strings.Fields(string(raw[end+1:]))
	if len(fields) < 20 {
		return 0, 0, fmt.Errorf("unexpected content of /proc/PID/stat: %q", raw)
	}
	ticks, err = strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("unexpected start time in /proc/PID/stat: %w", err)
	}
	return ticks, fields[0][0], nil
}

func bootID() (string, error) {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read the boot id: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}
