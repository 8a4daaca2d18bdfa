// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
)

// codeOf is the exit code of a process that failed.
func codeOf(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return strconv.Itoa(exit.ExitCode())
	}
	return err.Error()
}

func TestPanicIsReported(t *testing.T) {
	var stderr bytes.Buffer
	code := Run(context.Background(), Env{
		Name: "backfill", Args: []string{"status", "orders", "--kubeconfig", "/none"}, Version: "1.2.3",
		Stdout: &bytes.Buffer{}, Stderr: &stderr,
		Getenv:  func(string) string { return "" },
		Connect: func(cluster.Config) (cluster.Backend, error) { panic("broken") },
	})
	if code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	for _, part := range []string{"reading the state of job default/orders", "broken", "1.2.3", "report", "status <job>"} {
		if !strings.Contains(stderr.String(), part) {
			t.Errorf("%q is not in the report:\n%s", part, stderr.String())
		}
	}
}

// bomb is a writer with a fault.
type bomb struct{}

func (bomb) Write([]byte) (int, error) { panic("boom") }

// A fault of the program says what was being done, with which job, and where
// to report it.
func TestPanicsAreReported(t *testing.T) {
	var stderr bytes.Buffer
	code := Run(t.Context(), Env{
		Name: "backfill", Args: []string{"partitions", "-"}, Version: "1.2.3",
		Stdin: strings.NewReader(`job "orders" {
  partition { values = ["a"] }
  runner {
    image   = "a"
    command = ["a"]
  }
}`),
		Stdout: bomb{}, Stderr: &stderr,
		Getenv: func(string) string { return "" }, Environ: func() []string { return nil },
	})
	if code != exitFailure {
		t.Errorf("exit code %d, want %d", code, exitFailure)
	}
	for _, part := range []string{
		`internal error while listing the partitions of job "orders": boom`, "the command (partitions <file>)", "1.2.3",
		"https://github.com/terraform-backfill/terraform-provider-backfill/issues", "goroutine",
	} {
		if !strings.Contains(stderr.String(), part) {
			t.Errorf("%q is missing in\n%s", part, stderr.String())
		}
	}
}
