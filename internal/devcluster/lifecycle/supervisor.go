// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/controlplane"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/supervise"
)

// ErrRunning says that a supervisor runs already in a state directory.
var ErrRunning = errors.New("the cluster is running already")

// supervisor is the parent of a cluster's components.
type supervisor struct {
	layout     controlplane.Layout
	options    Options
	executable string
	// tell receives progress, one line each.
	tell func(line string)

	mu        sync.Mutex
	state     supervise.State
	processes map[string]*supervise.Process
}

// Serve runs a cluster whose options Up has written: it starts the components,
// starts those again that end, and stops all when ctx is done. An error means
// that the cluster did not come up; by then everything is stopped again.
// executable is the path of this binary; tell receives progress.
func Serve(ctx context.Context, l controlplane.Layout, executable string, tell func(line string)) error {
	lock, err := supervise.TryLock(l.Lock())
	if errors.Is(err, supervise.ErrLocked) {
		return ErrRunning
	}
	if err != nil {
		return err
	}
	defer lock.Unlock()
	s, err := newSupervisor(l, executable, tell)
	if err != nil {
		return err
	}
	if err := s.startWithRetry(ctx); err != nil {
		err = errors.Join(err, s.stopAll())
		s.update(func(state *supervise.State) {
			state.Phase, state.Error, state.Children = supervise.PhaseFailed, err.Error(), nil
		})
		return err
	}
	s.update(func(state *supervise.State) { state.Phase = supervise.PhaseReady })
	s.keepRunning(ctx)
	err = s.stopAll()
	s.update(func(state *supervise.State) { state.Phase, state.Children = supervise.PhaseStopped, nil })
	return err
}

func newSupervisor(l controlplane.Layout, executable string, tell func(string)) (*supervisor, error) {
	options, err := ReadOptions(l)
	if err != nil {
		return nil, err
	}
	earlier, err := supervise.ReadState(l.State())
	if err != nil {
		return nil, err
	}
	// Children of a supervisor that was killed.
	if err := stopChildren(earlier.Children); err != nil {
		return nil, fmt.Errorf("stop what an earlier start left behind: %w", err)
	}
	self, err := supervise.Identify(pid())
	if err != nil {
		return nil, fmt.Errorf("identify this process: %w", err)
	}
	s := &supervisor{
		layout: l, options: options, executable: executable, tell: tell,
		processes: map[string]*supervise.Process{},
		state: supervise.State{
			Phase: supervise.PhaseStarting, Supervisor: self, Ports: earlier.Ports,
		},
	}
	return s, supervise.WriteState(l.State(), s.state)
}

// startWithRetry starts everything; when a port was taken between its choice
// and its use, it chooses again.
func (s *supervisor) startWithRetry(ctx context.Context) error {
	const attempts = 3
	for attempt := 1; ; attempt++ {
		err := s.start(ctx)
		if err == nil || attempt == attempts || !strings.Contains(err.Error(), "address already in use") {
			return err
		}
		s.progress("A port was taken by another program; choosing others ...")
		if err := s.stopAll(); err != nil {
			return err
		}
	}
}

// keepRunning starts components again when they end, until ctx is done.
func (s *supervisor) keepRunning(ctx context.Context) {
	var wait sync.WaitGroup
	for name := range s.processes {
		wait.Go(func() { s.keepComponent(ctx, name) })
	}
	wait.Wait()
}

const (
	firstRestartPause = time.Second
	lastRestartPause  = 30 * time.Second
)

func (s *supervisor) keepComponent(ctx context.Context, name string) {
	pause := firstRestartPause
	for {
		process := s.process(name)
		select {
		case <-ctx.Done():
			return
		case <-process.Done():
		}
		if ctx.Err() != nil {
			return
		}
		s.tell(
			fmt.Sprintf("%s ended (%s); starting it again in %s. Its log: %s", name, process.Outcome(), pause, process.Log),
		)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, lastRestartPause)
		if err := s.launch(name); err != nil {
			s.tell(fmt.Sprintf("%v", err))
		}
	}
}

func (s *supervisor) process(name string) *supervise.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.processes[name]
}

// launch starts a component and writes its identity down.
func (s *supervisor) launch(name string) error {
	process, err := supervise.Start(s.spec(name))
	if err != nil {
		return err
	}
	s.update(func(state *supervise.State) {
		s.processes[name] = process
		at := slices.IndexFunc(state.Children, func(c supervise.Child) bool { return c.Name == name })
		if at < 0 {
			state.Children = append(state.Children, process.Child)
			return
		}
		restarts := state.Children[at].Restarts
		state.Children[at] = process.Child
		state.Children[at].Restarts = restarts + 1
	})
	return nil
}

func (s *supervisor) progress(line string) {
	s.tell(line)
	s.update(func(state *supervise.State) { state.Progress = append(state.Progress, line) })
}

func (s *supervisor) update(change func(*supervise.State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.state)
	if err := supervise.WriteState(s.layout.State(), s.state); err != nil {
		s.tell(err.Error())
	}
}

func (s *supervisor) stopAll() error {
	s.mu.Lock()
	children := slices.Clone(s.state.Children)
	s.mu.Unlock()
	err := stopChildren(children)
	s.update(func(state *supervise.State) { state.Children = nil })
	return err
}

// stopChildren stops processes in the order that suits them, those of one rank
// at the same time.
func stopChildren(children []supervise.Child) error {
	var failures []error
	for _, rank := range stopOrder {
		var wait sync.WaitGroup
		var mu sync.Mutex
		for _, child := range children {
			if !slices.Contains(rank.names, child.Name) {
				continue
			}
			wait.Go(func() {
				if err := child.Identity.Stop(rank.grace); err != nil {
					mu.Lock()
					defer mu.Unlock()
					failures = append(failures, fmt.Errorf("stop %s: %w", child.Name, err))
				}
			})
		}
		wait.Wait()
	}
	return errors.Join(failures...)
}
