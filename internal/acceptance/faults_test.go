// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFaultsAnywhere has each request of each command fail once, before or
// after the API server has carried it out: it is overloaded, fails, is not
// there, says nothing, resets the connection, or tells of a conflict. All but
// the last pass when the request is tried again, which the command does by
// itself; after a conflict it may be the user who does.
func TestFaultsAnywhere(t *testing.T) {
	if os.Getenv(envLong) == "" {
		t.Skip("long: make test-long has the API server fail at each request; every day the tests of the engine do")
	}
	c := cluster(t)
	binary := buildProvider(t)
	p := newProxy(t, c)
	kinds := []struct {
		name   string
		fault  fault
		passes bool
	}{
		{"overloaded", answer(http.StatusTooManyRequests, "TooManyRequests"), true},
		{"internal", answer(http.StatusInternalServerError, "InternalError"), true},
		{"unavailable", answer(http.StatusServiceUnavailable, "ServiceUnavailable"), true},
		{"reset", reset, true},
		{"conflict", answer(http.StatusConflict, "Conflict"), false},
		{"silent", hang, true},
	}
	for _, h := range histories() {
		t.Run(h.name, func(t *testing.T) {
			for point, last := 0, false; !last && !t.Failed() && point < mostPoints; point++ {
				// Each point meets one kind, each history another one there.
				kind := kinds[(point+len(h.name))%len(kinds)]
				t.Run(fmt.Sprintf("%d-%s", point, kind.name), func(t *testing.T) {
					r := h.begin(t, c, p, binary, fmt.Sprintf("faulty-%s-%d-%d", h.name, point, os.Getpid()))
					p.aim(point, kind.fault)
					out, code := r.terraform(h.command, "-auto-approve")
					last = !p.rest()
					if (last || kind.passes) && code != 0 {
						t.Fatalf("ended with %d:\n%s", code, out)
					}
					if last && point < h.fewest {
						t.Fatalf("only %d points were tried", point)
					}
					if last {
						return
					}
					h.end(r, c)
				})
			}
		})
	}
}

// TestInterruptIsHeeded interrupts Terraform while the API server says nothing,
// before and after it has made the run: the command ends at once, and the next
// apply goes on.
func TestInterruptIsHeeded(t *testing.T) {
	c := cluster(t)
	binary := buildProvider(t)
	p := newProxy(t, c)
	h := histories()[0]
	for _, point := range []int{0, 5} {
		t.Run(fmt.Sprint(point), func(t *testing.T) {
			r := h.begin(t, c, p, binary, fmt.Sprintf("interrupted-%d-%d", point, os.Getpid()))
			silent := make(chan struct{})
			p.aim(point, func(w http.ResponseWriter, req *http.Request) {
				close(silent)
				hang(w, req)
			})
			cmd := exec.Command(r.cli, "-chdir="+r.dir, "apply", "-auto-approve")
			cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+filepath.Join(r.dir, "cli.tfrc"), "TF_IN_AUTOMATION=1")
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			select {
			case <-silent:
			case err := <-ended:
				t.Fatalf("it ended before: %v\n%s", err, out.String())
			}
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			select {
			case <-ended:
			case <-time.After(100 * time.Second): // less than it would take all tries to give up
				p.CloseClientConnections()
				_ = cmd.Process.Kill()
				<-ended
				t.Fatalf("it goes on:\n%s", out.String())
			}
			p.rest()
			if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(out.String(), "Operation Cancelled") {
				t.Errorf("ended with %d:\n%s", cmd.ProcessState.ExitCode(), out.String())
			}
			h.end(r, c)
		})
	}
}
