// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/text"
)

// Reason is what a pod that has not started waits for.
type Reason string

// The reasons to wait.
const (
	WaitsForNode  Reason = "node"  // no node is of the kind that it needs
	WaitsForRoom  Reason = "room"  // the nodes that it may have are full
	WaitsForQuota Reason = "quota" // the API server creates no more pods
	WaitsForGate  Reason = "gate"  // nobody has given it to the scheduler
	WaitsForPlace Reason = "place" // a Workflow: Argo processes no more of them
	WaitsForImage Reason = "image"
	WaitsForInput Reason = "input" // a Secret or ConfigMap that it refers to
	WaitsToStart  Reason = "start"
)

// Queues tells whether what is waited for comes as others end: then nothing is amiss
// as long as something of the run is at work.
func (r Reason) Queues() bool {
	switch r {
	case WaitsForRoom, WaitsForQuota, WaitsForGate, WaitsForPlace:
		return true
	}
	return false
}

var (
	// roomless is how the scheduler says that nodes would do, were they not full of pods
	// that this one may not take the place of.
	roomless = regexp.MustCompile(`No preemption victims found|not eligible due to preemptionPolicy`)
	// unfit is how the kubelet says that it cannot make a container's environment.
	unfit = regexp.MustCompile(`^CreateContainer(Config)?Error\b`)
)

// Waiting are pods of an active run that have not started, for one reason; or
// Workflows of it that wait for a place.
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
	working int       // containers of the user that run
	// progress is when something of the run ended well the last time.
	progress time.Time
}

func (t *trouble) join(o trouble) {
	t.waiting, t.retried = append(t.waiting, o.waiting...), append(t.retried, o.retried...)
	t.working += o.working
	t.ended(o.progress)
}

// ended notes that something of the run ended well.
func (t *trouble) ended(at time.Time) {
	if at.After(t.progress) {
		t.progress = at
	}
}

// note adds what keeps one node from going on.
func (t *trouble) note(w workflow, n *nodeStatus, on func(int) string, p *domain.Partition) {
	pods := w.pods(n)
	for i, pod := range pods {
		switch {
		case pod.Phase == argo.PhaseRunning && n.template() != argo.TemplateLauncher:
			t.working++
		case pod.Phase == argo.PhasePending && !pod.StartedAt.IsZero() && !inTurn(pod.Message):
			t.waiting = append(t.waiting, Waiting{
				Reason:   pod.waitsFor(),
				Capacity: on(i),
				Pods:     1,
				Since:    pod.StartedAt,
				Message:  text.Shorten(pod.told(), argo.MaxMessage),
			})
		}
	}
	failed := w.failedAttempts(n, on)
	if len(failed) == 0 {
		return
	}
	last := failed[len(failed)-1]
	last.Message = text.Shorten(pods[last.Number].told(), argo.MaxMessage) // this one is not kept
	step := ""
	if p == nil {
		step = n.template()
	}
	t.retried = append(t.retried, Retried{1, last, p, step})
}

// notePlace adds a Workflow that Argo has put off, because too many of them run.
func (t *trouble) notePlace(w workflow) {
	if w.postponed() {
		t.waiting = append(t.waiting, Waiting{Reason: WaitsForPlace, Pods: 1, Since: w.created})
	}
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

// waitsFor tells what a pod that has not started waits for. Argo shows what the
// scheduler says of a pod only where it has found no node. So nothing is said of one
// that a gate keeps from the scheduler.
func (n *nodeStatus) waitsFor() Reason {
	switch m := n.Message; {
	case strings.Contains(m, "exceeded quota"):
		return WaitsForQuota
	case strings.HasPrefix(m, "SchedulingGated"), m == "" && n.HostNodeName == "":
		return WaitsForGate
	case strings.HasPrefix(m, "Unschedulable") && roomless.MatchString(m):
		return WaitsForRoom
	case strings.HasPrefix(m, "Unschedulable"):
		return WaitsForNode
	case imageTrouble.MatchString(m):
		return WaitsForImage
	case unfit.MatchString(m):
		return WaitsForInput
	}
	return WaitsToStart
}
