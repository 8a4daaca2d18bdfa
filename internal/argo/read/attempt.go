// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// Cause is the class of what ended an attempt.
type Cause string

// The causes. CauseRefused is an attempt without a pod, because the API server did
// not take what was to be created. CauseUnknown is an error of Argo's own that tells
// no more. Both are tried again like an interruption.
const (
	CauseApplication  Cause = "application"
	CauseOOM          Cause = "oom"
	CauseInterruption Cause = "interruption"
	CauseDeadline     Cause = "deadline"
	CauseImage        Cause = "image"
	CauseRefused      Cause = "refused"
	CauseUnknown      Cause = "unknown"
)

// Attempt is one pod that did not succeed.
type Attempt struct {
	Number   int    // from 0
	Node     string // "" when it was on none
	Capacity string // what it must run on, see argo.CapacityAny
	Cause    Cause
	ExitCode int    // of the runner; -1 when it is not known
	Message  string // at most 128 bytes
	Started  time.Time
	Finished time.Time
}

// Bounds of what is kept of attempts: the last few, with short messages.
const (
	maxAttempts       = 5
	maxAttemptMessage = 128
)

var (
	imageTrouble = regexp.MustCompile(`ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull|` +
		`ImageInspectError|RegistryUnavailable`)
	outOfTime = regexp.MustCompile(`(?i)longer than (the )?specified deadline|` +
		`exceeded (its|the workflow|workflow) deadline`)
	takenAway  = regexp.MustCompile(expr.LostPod + `|[Pp]od deleted`)
	ownFailure = regexp.MustCompile(`\(exit code ([0-9]+)\)`)
	// otherFailure is what Argo says of a container that the user added to the pod.
	otherFailure = regexp.MustCompile(`^([a-z0-9]([-a-z0-9]*[a-z0-9])?): .*\(exit code [0-9]+\)`)
)

// causeOf classes a pod that failed by what Argo tells of it. Interruptions are
// those that are tried again as such.
func causeOf(message string, exitCode int) Cause {
	switch {
	case podRefused.MatchString(message):
		return CauseRefused
	case strings.Contains(message, "OOMKilled"):
		return CauseOOM
	case imageTrouble.MatchString(message):
		return CauseImage
	case outOfTime.MatchString(message):
		return CauseDeadline
	case takenAway.MatchString(message):
		return CauseInterruption
	case strings.HasPrefix(message, "init:"), strings.HasPrefix(message, "wait:"):
		return CauseUnknown // Argo's own
	case exitCode > 0, otherFailure.MatchString(message):
		return CauseApplication
	}
	return CauseUnknown
}

// attempt reads a pod's node as the attempt of a number.
func (n *nodeStatus) attempt(number int, on func(int) string) Attempt {
	code := n.exitCode()
	cause, message := causeOf(n.Message, code), n.told()
	if _, refused := n.refusal(); refused {
		cause = CauseRefused
	}
	return Attempt{
		Number:   number,
		Node:     n.HostNodeName,
		Capacity: on(number),
		Cause:    cause,
		ExitCode: code,
		Message:  text.Shorten(message, maxAttemptMessage),
		Started:  n.StartedAt,
		Finished: n.FinishedAt,
	}
}

// exitCode is that of the main container, or -1.
func (n *nodeStatus) exitCode() int {
	text := n.Outputs.ExitCode
	if text == "" && strings.HasPrefix(n.Message, "main:") {
		if found := ownFailure.FindStringSubmatch(n.Message); found != nil {
			text = found[1]
		}
	}
	if code, err := strconv.Atoi(text); err == nil {
		return code
	}
	return -1
}

// failedAttempts are the last of a node's attempts that failed, ascending.
func (w workflow) failedAttempts(n *nodeStatus, on func(int) string) []Attempt {
	var out []Attempt
	for i, pod := range w.pods(n) {
		if pod.failed() {
			out = append(out, pod.attempt(i, on))
		}
	}
	return out[max(0, len(out)-maxAttempts):]
}
