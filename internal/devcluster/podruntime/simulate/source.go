// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package simulate

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// recheck is how often a file is looked at, at most.
const recheck = 500 * time.Millisecond

// Source is a behaviour in a file, which may be changed while pods come.
type Source struct {
	path string

	mu      sync.Mutex
	checked time.Time
	read    os.FileInfo
	now     Behaviour
}

// Open reads the file; one that does not exist holds the defaults.
func Open(path string) (*Source, error) {
	s := &Source{path: path, now: Default()}
	return s, s.refresh()
}

// Current is the behaviour of pods that come now. A file that cannot be read leaves it as it was.
func (s *Source) Current() Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.checked) > recheck {
		if err := s.refresh(); err != nil {
			slog.Error("the simulation goes on as it was", "error", err)
		}
	}
	return s.now
}

func (s *Source) refresh() error {
	s.checked = time.Now()
	info, err := os.Stat(s.path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the simulation: %w", err)
	}
	if s.read != nil && os.SameFile(info, s.read) && info.ModTime().Equal(s.read.ModTime()) {
		return nil
	}
	text, err := os.ReadFile(s.path)
	if err != nil {
		return fmt.Errorf("read the simulation: %w", err)
	}
	s.read = info
	b, err := Parse(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	s.now = b
	return nil
}
