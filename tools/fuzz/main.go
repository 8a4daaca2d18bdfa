// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Command fuzz runs one fuzz target under three bounds and reports how often
// it was executed and what memory it took:
//
//	fuzz [-time 2m] [-memory 512] [-stall 90s] MODULE PACKAGE TARGET
//
// It fails when the target fails, which includes an input that takes longer
// than Go's fuzzer allows (10 s); when a worker has had more than that many
// megabytes resident at any time, everything included; and when the workers
// report no execution for as long as stall says. It looks for no targets by
// itself: tools/test-long.sh does.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

type options struct {
	time, stall             time.Duration
	memory                  int64 // megabytes
	module, pattern, target string
}

func main() {
	var o options
	flag.DurationVar(&o.time, "time", 2*time.Minute, "how long to fuzz")
	flag.DurationVar(&o.stall, "stall", 90*time.Second, "how long the workers may report nothing")
	flag.Int64Var(&o.memory, "memory", 512, "the most megabytes of a worker")
	flag.Parse()
	if flag.NArg() != 3 {
		fmt.Fprintln(os.Stderr, "usage: fuzz [-time D] [-memory MB] [-stall D] MODULE PACKAGE TARGET")
		os.Exit(2)
	}
	o.module, o.pattern, o.target = flag.Arg(0), flag.Arg(1), flag.Arg(2)
	report, err := run(o)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s in %s: %v\n", o.target, o.pattern, err)
		os.Exit(1)
	}
	fmt.Println(report)
}

// run fuzzes until the time is over or a bound is passed.
func run(o options) (string, error) {
	cmd := exec.Command("go", "test", "-C", o.module, "-run", "^$", "-fuzz", "^"+o.target+"$",
		"-fuzztime", o.time.String(),
		// Unbounded, what is interesting is made smaller for a minute each,
		// and nothing else is tried meanwhile.
		"-fuzzminimizetime", "200x", o.pattern)
	// The collector is told of the bound: what it could free is no fault.
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOMEMLIMIT=%dMiB", o.memory*3/4))
	// A group of their own lets all of them be found, and ended.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, writer := io.Pipe()
	var output bytes.Buffer
	cmd.Stdout = io.MultiWriter(writer, &output)
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return "", err
	}
	w := &watch{begin: time.Now(), changed: time.Now()}
	go w.read(pipe)
	done := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		_ = writer.Close() // a pipe's end cannot fail
		done <- err
	}()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			if err != nil {
				return "", fmt.Errorf("%w\n%s", err, output.String())
			}
			return fmt.Sprintf("%s in %s: %d executions in %s, at most %d "+
				"MB", o.target, o.pattern, w.executed(), o.time, w.peak>>10), nil
		case <-tick.C:
			if err := w.exceeded(o, workers(cmd.Process.Pid)); err != nil {
				_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGQUIT) // their stacks tell where they were
				time.Sleep(time.Second)
				_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
				return "", fmt.Errorf("%w (%w)\n%s", err, <-done, output.String())
			}
		}
	}
}

// watch is what is known of the workers.
type watch struct {
	begin time.Time
	peak  int64 // kilobytes

	mu      sync.Mutex
	execs   int64
	fuzzing bool
	changed time.Time
}

// read follows what `go test` prints.
func (w *watch) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		n, ok := executions(lines.Text())
		if !ok {
			continue
		}
		w.mu.Lock()
		if !w.fuzzing || n != w.execs {
			w.changed = time.Now()
		}
		w.execs, w.fuzzing = n, true
		w.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, r) // whoever writes must never wait
}

func (w *watch) executed() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.execs
}

// exceeded tells which bound the workers have passed.
func (w *watch) exceeded(o options, all []int64) error {
	for _, kilobytes := range all {
		w.peak = max(w.peak, kilobytes)
	}
	if w.peak>>10 > o.memory {
		return fmt.Errorf("a worker took %d MB, and may take %d", w.peak>>10, o.memory)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fuzzing && time.Since(w.changed) > o.stall {
		return fmt.Errorf("no execution was reported for %s: it hangs", o.stall)
	}
	return nil
}

var progress = regexp.MustCompile(`^fuzz: elapsed: .*, execs: (\d+) `)

// executions reads a line of progress.
func executions(line string) (int64, bool) {
	m := progress.FindStringSubmatch(line)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	return n, err == nil
}

// workers returns the most memory that each worker of the group has had, in
// kilobytes.
func workers(group int) []int64 {
	var out []int64
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is good
	for _, dir := range dirs {
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil || groupOf(string(stat)) != group {
			continue
		}
		command, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || !bytes.Contains(command, []byte("-test.fuzzworker")) {
			continue
		}
		status, err := os.ReadFile(filepath.Join(dir, "status"))
		if err != nil {
			continue
		}
		if kilobytes, err := highWater(string(status)); err == nil {
			out = append(out, kilobytes)
		}
	}
	return out
}

// groupOf reads the process group of /proc/PID/stat, or 0. The name in
// parentheses may hold anything.
func groupOf(stat string) int {
	_, rest, _ := strings.Cut(stat[strings.LastIndexByte(stat, ')')+1:], " ")
	fields := strings.Fields(rest) // state, parent, group
	if len(fields) < 3 {
		return 0
	}
	group, _ := strconv.Atoi(fields[2]) // 0 is no group
	return group
}

var errNoHighWater = errors.New("no VmHWM")

// highWater reads the greatest resident size from /proc/PID/status.
func highWater(status string) (int64, error) {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		}
	}
	return 0, errNoHighWater
}
