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
