// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const asProgram = "BACKFILL_TEST_AS_PROGRAM"

// TestMain lets the test binary be the program itself.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// A command that never ends by itself ends with a signal, also while it waits for
// what it is to read.
func TestSignalsEndEveryCommand(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		for _, args := range []string{"validate -", "compile -", "partitions -", "fmt -", "convert -", "diff - -"} {
			t.Run(signal.String()+" "+args, func(t *testing.T) {
				cmd := exec.Command(os.Args[0], strings.Fields(args)...)
				cmd.Env = append(os.Environ(), asProgram+"=1")
				var stderr strings.Builder
				cmd.Stderr = &stderr
				in, err := cmd.StdinPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				defer in.Close()
				// Once the pipe is full, the command reads, and handles signals.
				if _, err := in.Write(make([]byte, 1<<17)); err != nil {
					t.Fatal(err)
				}
				if err := cmd.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
				ended := make(chan error, 1)
				go func() { ended <- cmd.Wait() }()
				select {
				case err = <-ended:
				case <-time.After(2 * time.Minute): // a machine may be very busy
					_ = cmd.Process.Kill() // reported below
					t.Fatal("it goes on")
				}
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.ExitCode() != 130 || !strings.Contains(stderr.String(), "interrupted") {
					t.Errorf("got %v, %s", err, stderr.String())
				}
			})
		}
	}
}
