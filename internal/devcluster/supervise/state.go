// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Phase is where the supervised set stands.
type Phase string

// The phases of a State, in the order in which they are passed.
const (
	PhaseStarting Phase = "starting"
	PhaseReady    Phase = "ready"
	PhaseFailed   Phase = "failed"
	PhaseStopped  Phase = "stopped"
)

// State is what one supervisor writes down about itself and its children. It
// is enough for another process to report on them and to stop them.
type State struct {
	Phase      Phase             `json:"phase"`
	Supervisor Identity          `json:"supervisor"`
	Children   []Child           `json:"children,omitempty"`
	Ports      map[string]int    `json:"ports,omitempty"`
	Facts      map[string]string `json:"facts,omitempty"`
	Progress   []string          `json:"progress,omitempty"`
	Error      string            `json:"error,omitempty"`
}

// Child is one started process.
type Child struct {
	Name     string   `json:"name"`
	Identity Identity `json:"identity"`
	Log      string   `json:"log"`
	Restarts int      `json:"restarts,omitempty"`
}

// ReadState reads a state file. A file that does not exist gives the zero
// State.
func ReadState(path string) (State, error) {
	var s State
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("read the cluster state: %w", err)
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("the cluster state %s is damaged (%w); delete its directory to start afresh", path, err)
	}
	return s, nil
}

// WriteState replaces a state file in one step, so that a reader never sees
// half of it.
func WriteState(path string, s State) error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the cluster state: %w", err)
	}
	return WriteFile(path, append(raw, '\n'))
}

// WriteFile writes a private file (mode 0600) in one step.
func WriteFile(path string, content []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // gone after the rename
	_, err = tmp.Write(content)
	if err := errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// Lock is an exclusive lock on a file, held until Unlock or the end of the
// process.
type Lock struct{ file *os.File }

// ErrLocked says that another process holds a lock.
var ErrLocked = errors.New("locked by another process")

// TryLock takes the lock at path or returns ErrLocked at once.
func TryLock(path string) (*Lock, error) {
	return lock(path, syscall.LOCK_EX|syscall.LOCK_NB)
}

// WaitLock takes the lock at path, waiting for as long as another holds it.
func WaitLock(path string) (*Lock, error) {
	return lock(path, syscall.LOCK_EX)
}

func lock(path string, how int) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock %s: %w", path, err)
	}
	for {
		err = syscall.Flock(int(file.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err == nil {
		return &Lock{file: file}, nil
	}
	file.Close() //nolint:errcheck // nothing was written
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, ErrLocked
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}

// Unlock gives the lock up.
func (l *Lock) Unlock() { l.file.Close() } //nolint:errcheck // closing releases the lock
