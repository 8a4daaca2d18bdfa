// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Command skips reads the events of `go test -json` from a file and fails when
// a test was skipped for a reason that a machine prepared by .ci/run does not
// accept.
//
// Accepted are reasons that begin with "kernel:" (user namespaces, mounts,
// …), with "terraform:" (a feature of a later or of another command line; the
// version checks of terraform-plugin-testing have their own wording) or with
// "long:" (run by make test-long). It does not run tests and does not list
// accepted skips: the test runner does.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// event is the part of a line of `go test -json` that we need.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// skip is one skipped test with the reason that it printed.
type skip struct {
	Package, Test, Reason string
}

var (
	accepted = []string{"kernel:", "terraform:", "Skipping test: Terraform CLI", "Terraform CLI version ", "long:"}
	// position is where t.Skip was called: "    file_test.go:12: reason".
	position = regexp.MustCompile(`^\s+\S+\.go:\d+: `)
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: skips EVENTS.json")
		os.Exit(2)
	}
	file, err := os.Open(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "skips:", err)
		os.Exit(1)
	}
	refused, err := refusedSkips(file)
	if err != nil {
		fmt.Fprintf(os.Stderr, "skips: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
	for _, s := range refused {
		fmt.Printf("BACKFILL_TEST_STRICT: %s %s may not skip here: %s\n", s.Package, s.Test, s.Reason)
	}
	if len(refused) > 0 {
		os.Exit(1)
	}
}

// refusedSkips returns, in the order they ended, the skipped tests whose
// reason is not accepted.
func refusedSkips(events io.Reader) ([]skip, error) {
	var refused []skip
	reasons := map[string]string{}
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("a line is no test event: %w", err)
		}
		if e.Test == "" {
			continue
		}
		id := e.Package + " " + e.Test
		switch e.Action {
		case "output":
			if text := position.ReplaceAllString(e.Output, ""); text != e.Output {
				reasons[id] = strings.TrimSpace(text)
			}
		case "skip":
			if !isAccepted(reasons[id]) {
				refused = append(refused, skip{e.Package, e.Test, reasons[id]})
			}
			delete(reasons, id)
		case "pass", "fail":
			delete(reasons, id)
		}
	}
	return refused, lines.Err()
}

func isAccepted(reason string) bool {
	for _, prefix := range accepted {
		if strings.HasPrefix(reason, prefix) {
			return true
		}
	}
	return false
}
