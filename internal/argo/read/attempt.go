// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/expr"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// Cause is the class of what ended an attempt.
type Cause string

// The causes. CauseUnknown is an error of Argo's own that tells no more; it is
// tried again like an interruption.
const (
	CauseApplication  Cause = "application"
	CauseOOM          Cause = "oom"
	CauseInterruption Cause = "interruption"
	CauseDeadline     Cause = "deadline"
	CauseImage        Cause = "image"
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
	return Attempt{
		Number:   number,
		Node:     n.HostNodeName,
		Capacity: on(number),
		Cause:    causeOf(n.Message, code),
		ExitCode: code,
		Message:  text.Shorten(n.Message, maxAttemptMessage),
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

// Reason is what a pod that has not started waits for.
type Reason string

// The reasons to wait.
const (
	WaitsForNode  Reason = "node"
	WaitsForImage Reason = "image"
	WaitsToStart  Reason = "start"
)

// Waiting are pods of an active run that have not started, for one reason.
type Waiting struct {
	Reason   Reason
	Capacity string // what they must run on, see argo.CapacityAny
	Pods     int
	Since    time.Time // of the one that has waited longest, whose message it is
	Message  string
}

// Retried is what is being tried again in an active run.
type Retried struct {
	// Pods is how many partitions and launchers had attempts that failed.
	Pods int
	// Last is the attempt that failed last: of the partition, or when that is
	// nil of the step of the name.
	Last      Attempt
	Partition *domain.Partition
	Step      string
}

// trouble is what keeps an active run from going on.
type trouble struct {
	waiting []Waiting // one for each pod
	retried []Retried // one for each partition or launcher
}

// note adds what keeps one node from going on.
func (t *trouble) note(w workflow, n *nodeStatus, on func(int) string, p *domain.Partition) {
	pods := w.pods(n)
	for i, pod := range pods {
		if pod.Phase == argo.PhasePending && !pod.StartedAt.IsZero() && !inTurn(pod.Message) {
			t.waiting = append(t.waiting, Waiting{
				Reason:   reasonOf(pod.Message),
				Capacity: on(i),
				Pods:     1,
				Since:    pod.StartedAt,
				Message:  text.Shorten(pod.Message, argo.MaxMessage),
			})
		}
	}
	failed := w.failedAttempts(n, on)
	if len(failed) == 0 {
		return
	}
	step := ""
	if p == nil {
		step = n.template()
	}
	t.retried = append(t.retried, Retried{1, failed[len(failed)-1], p, step})
}

// inTurn tells that a pod waits for others by the rules of Argo, for a lock or
// for the rate at which pods are created; nothing is amiss.
func inTurn(message string) bool {
	return strings.HasPrefix(message, "Waiting for") || strings.Contains(message, "rate-limit reached")
}

// after orders attempts by their end, and by what else differs: nodes come in
// no order.
func (a Attempt) after(b Attempt) bool {
	return cmp.Or(
		a.Finished.Compare(b.Finished),
		a.Started.Compare(b.Started),
		cmp.Compare(a.Node, b.Node),
		cmp.Compare(a.Message, b.Message)) > 0
}

// sum puts together what waits for the same, in a fixed order, and what was retried.
func (t *trouble) sum() (waiting []Waiting, retried Retried) {
	slices.SortFunc(t.waiting, func(a, b Waiting) int {
		return cmp.Or(
			a.Since.Compare(b.Since),
			cmp.Compare(a.Reason, b.Reason),
			cmp.Compare(a.Capacity, b.Capacity),
			cmp.Compare(a.Message, b.Message))
	})
	for _, one := range t.waiting {
		same := func(w Waiting) bool { return w.Reason == one.Reason && w.Capacity == one.Capacity }
		if i := slices.IndexFunc(waiting, same); i >= 0 {
			waiting[i].Pods++
		} else {
			waiting = append(waiting, one)
		}
	}
	for _, one := range t.retried {
		if retried.Pods == 0 || one.Last.after(retried.Last) {
			retried = one
		}
	}
	retried.Pods = len(t.retried)
	return waiting, retried
}

// reasonOf reads the message of a pod that has not started.
func reasonOf(message string) Reason {
	switch {
	case strings.HasPrefix(message, "Unschedulable"):
		return WaitsForNode
	case imageTrouble.MatchString(message):
		return WaitsForImage
	}
	return WaitsToStart
}
