// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package clustertest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/supervise"
)

// cluster is a cluster of one test, in a directory of its own.
type cluster struct {
	program string
	state   string
	env     []string
	// credential is the user, nil for the one who runs the test.
	credential *syscall.Credential
}

// prepare returns a cluster that has not been started. It is taken down at the
// end of the test, whatever happens.
func prepare(t *testing.T) *cluster {
	t.Helper()
	program := os.Getenv("BACKFILL_DEVCLUSTER")
	if program == "" {
		t.Skip("BACKFILL_DEVCLUSTER does not name the devcluster program (make test sets it)")
	}
	c := &cluster{program: program, state: filepath.Join(t.TempDir(), "state"), env: os.Environ()}
	t.Cleanup(func() {
		if t.Failed() {
			c.dumpLogs(t)
		}
		if _, stderr, err := c.run(context.Background(), "down", "--remove"); err != nil {
			t.Errorf("down: %v\n%s", err, stderr)
		}
	})
	return c
}

// up starts a cluster with the given flags and returns what "up" printed.
func (c *cluster) up(t *testing.T, flags ...string) string {
	t.Helper()
	stdout, stderr, err := c.run(t.Context(), append([]string{"up"}, flags...)...)
	if err != nil {
		skipWithoutContainers(t, stderr)
		t.Fatalf("up: %v\n%s", err, stderr)
	}
	return stdout
}

// needsContainers skips the test on machines whose kernel runs no containers.
func (c *cluster) needsContainers(t *testing.T) {
	t.Helper()
	if _, stderr, err := c.run(t.Context(), "probe"); err != nil {
		skipWithoutContainers(t, stderr)
		t.Fatalf("probe: %v\n%s", err, stderr)
	}
}

func skipWithoutContainers(t *testing.T, stderr string) {
	t.Helper()
	if strings.Contains(stderr, "containers cannot be started on this machine") {
		t.Skipf("kernel: %s", stderr)
	}
}

func (c *cluster) run(ctx context.Context, args ...string) (stdout, stderr string, err error) {
	return c.runWithInput(ctx, "", args...)
}

func (c *cluster) runWithInput(ctx context.Context, input string, args ...string) (stdout, stderr string, err error) {
	cmd := exec.CommandContext(ctx, c.program, append([]string{"--state", c.state}, args...)...)
	cmd.Env = c.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.credential}
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// kubectl returns the standard output of a kubectl command that must succeed.
func (c *cluster) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, err := c.run(t.Context(), append([]string{"kubectl"}, args...)...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, stderr)
	}
	return stdout
}

// create makes the objects of a manifest.
func (c *cluster) create(t *testing.T, manifest string) {
	t.Helper()
	if _, stderr, err := c.runWithInput(t.Context(), manifest, "kubectl", "create", "-f", "-"); err != nil {
		t.Fatalf("create: %v\n%s\n%s", err, stderr, manifest)
	}
}

func (c *cluster) readState(t *testing.T) supervise.State {
	t.Helper()
	state, err := supervise.ReadState(filepath.Join(c.state, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// eventually waits for something that must come true; only a hanging machine
// meets the limit.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	const limit = 2 * time.Minute
	deadline := time.Now().Add(limit)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", limit, what)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (c *cluster) dumpLogs(t *testing.T) {
	t.Helper()
	logs, _ := filepath.Glob(filepath.Join(c.state, "logs", "*.log"))
	for _, log := range logs {
		lines, _ := supervise.Tail(log, 0, 20)
		t.Logf("%s:\n%s", filepath.Base(log), strings.Join(lines, "\n"))
	}
}
