// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestProgressIsRead(t *testing.T) {
	for line, want := range map[string]int64{
		"fuzz: elapsed: 3s, execs: 36234 (12076/sec), new interesting: 2 (total: 20)":    36234,
		"fuzz: elapsed: 1m3s, execs: 125591 (265/sec), new interesting: 5 (total: 23)":   125591,
		"fuzz: elapsed: 1s, gathering baseline coverage: 18/18 completed, now fuzzing …": -1,
		"ok  	example.com/a	76.057s": -1,
	} {
		got, ok := executions(line)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: got %d, %t", line, got, ok)
		}
	}
}

func TestProcFilesAreRead(t *testing.T) {
	if got := groupOf("12 (a b) c) S 7 31 31 0 -1 4194560"); got != 31 {
		t.Errorf("group %d, want 31", got)
	}
	if got := groupOf("garbage"); got != 0 {
		t.Errorf("group %d of garbage", got)
	}
	if got, err := highWater("Name:\ta\nVmHWM:\t   5120 kB\nVmRSS:\t 1 kB\n"); err != nil || got != 5120 {
		t.Errorf("got %d, %v", got, err)
	}
	if _, err := highWater("Name:\ta\n"); err == nil {
		t.Error("no error without VmHWM")
	}
}

// Each bound is kept: a target that takes too much, one that hangs and one
// that is good.
func TestBounds(t *testing.T) {
	if os.Getenv("BACKFILL_TEST_LONG") == "" {
		t.Skip("long: fuzzes for several seconds (make test-long runs it)")
	}
	if runtime.GOOS != "linux" {
		t.Skip("kernel: no /proc")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/fuzzed\n\ngo 1.26.0\n",
		"fuzzed_test.go": `package fuzzed

import "testing"

var kept [][]byte

func FuzzGood(f *testing.F) { f.Fuzz(func(t *testing.T, b []byte) {}) }

func FuzzGreedy(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		more := make([]byte, 1<<20)
		for i := range more {
			more[i] = 1
		}
		kept = append(kept, more)
	})
}

func FuzzHangs(f *testing.F) {
	n := 0
	f.Fuzz(func(t *testing.T, b []byte) {
		for n++; n > 50; {
		}
	})
}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for target, want := range map[string]string{"FuzzGood": "", "FuzzGreedy": "MB, and may take " +
		"512", "FuzzHangs": "hung"} { // Go itself ends what takes 10 s
		t.Run(target, func(t *testing.T) {
			report, err := run(
				options{time: 20 * time.Second, stall: 8 * time.Second, memory: 512, module: dir, pattern: ".", target: target},
			)
			switch {
			case want == "" && (err != nil || !strings.Contains(report, "executions")):
				t.Errorf("got %q, %v", report, err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
				t.Errorf("got %q, %v; want %q", report, err, want)
			}
		})
	}
}
