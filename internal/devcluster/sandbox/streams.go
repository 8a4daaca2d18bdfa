// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// streams connect an exec's readers and writers with the descriptors of its process. os/exec is
// not left to do it: its Wait would wait for a standard input that may never end.
type streams struct {
	child  [3]*os.File
	ours   []*os.File // closed at the end
	copies sync.WaitGroup
	begin  []func()
}

func openStreams(o ExecOptions) (*streams, error) {
	s := &streams{}
	var err error
	if o.TTY {
		err = s.openTerminal(o)
	} else {
		err = s.openPipes(o)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *streams) openPipes(o ExecOptions) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	s.ours = append(s.ours, null)
	s.child = [3]*os.File{null, null, null}
	if o.Stdin != nil {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		s.child[0] = r
		s.ours = append(s.ours, r, w)
		s.begin = append(s.begin, func() {
			_ = r.Close()
			go func() {
				_, _ = io.Copy(w, o.Stdin)
				_ = w.Close()
			}()
		})
	}
	for i, out := range []io.Writer{o.Stdout, o.Stderr} {
		if out == nil {
			continue
		}
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		s.child[1+i] = w
		s.ours = append(s.ours, r, w)
		s.begin = append(s.begin, func() {
			_ = w.Close()
			s.copies.Go(func() { _, _ = io.Copy(out, r) })
		})
	}
	return nil
}

// openTerminal makes a pseudo-terminal whose slave is all three streams of the process.
func (s *streams) openTerminal(o ExecOptions) error {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open a terminal: %w", err)
	}
	s.ours = append(s.ours, master)
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		return fmt.Errorf("number of the terminal: %w", err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return fmt.Errorf("unlock the terminal: %w", err)
	}
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("open the terminal: %w", err)
	}
	s.ours = append(s.ours, slave)
	s.child = [3]*os.File{slave, slave, slave}
	s.begin = append(s.begin, func() {
		_ = slave.Close()
		if o.Stdin != nil {
			go func() { _, _ = io.Copy(master, o.Stdin) }()
		}
		if o.Stdout != nil {
			s.copies.Go(func() { _, _ = io.Copy(o.Stdout, master) })
		}
		if o.Resize != nil {
			go resize(master, o.Resize)
		}
	})
	return nil
}

func resize(terminal *os.File, sizes <-chan TerminalSize) {
	for size := range sizes {
		_ = unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Height, Col: size.Width})
	}
}

// started begins to copy and closes the child's ends.
func (s *streams) started() {
	for _, begin := range s.begin {
		begin()
	}
}

// drainWait bounds the wait for output of a command that has ended: what it left running in the container may hold the
// streams open for ever.
const drainWait = 2 * time.Second

// drain waits for the end of the output.
func (s *streams) drain() {
	drained := make(chan struct{})
	go func() { s.copies.Wait(); close(drained) }()
	select {
	case <-drained:
	case <-time.After(drainWait):
	}
}

func (s *streams) close() { closeAll(s.ours) }
