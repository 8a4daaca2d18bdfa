// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package podruntime says what the node agent expects of the code that runs pods. The process
// runtime runs containers as local processes; others may only pretend to. A runtime knows neither
// nodes, leases nor deletion from the API server, and never writes to it: it reports statuses.
package podruntime

import (
	"context"
	"errors"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/sandbox"
)

// Runtime runs pods.
type Runtime interface {
	// Start takes a pod over and returns at once. publish receives every new status, one call at a
	// time, each complete; the last one has a terminal phase and comes before Done of the result is
	// closed.
	Start(pod *corev1.Pod, node *corev1.Node, publish func(corev1.PodStatus)) Pod
	// Logs writes the container's output to w. It works for ended pods until Forget.
	Logs(ctx context.Context, pod types.UID, container string, options *corev1.PodLogOptions, w io.Writer) error
	// Forget removes what an ended pod has left behind.
	Forget(pod types.UID)
	// Keep removes what pods other than these have left behind; it is called once, before the first Start.
	Keep(pods map[types.UID]bool)
	// Close ends all pods at once, without further statuses.
	Close()
}

// Pod is a pod that has been started.
type Pod interface {
	// Stop ends the pod's containers: SIGTERM, and SIGKILL when the grace period is over. A later
	// Stop may shorten the grace period. It does not wait.
	Stop(stop Stop)
	// Exec runs one more command in a running container and returns its exit code.
	Exec(ctx context.Context, container string, options sandbox.ExecOptions) (int, error)
	// Done is closed after the last status has been published.
	Done() <-chan struct{}
}

// Stop says how and why a pod is stopped.
type Stop struct {
	Grace time.Duration
	// Reason and Message, when set, become the status's own, and the phase becomes Failed whatever
	// the containers' exit codes are. Of several stops the first with a reason holds.
	Reason, Message string
}

// ErrNotFound is returned for pods and containers that a runtime does not know.
var ErrNotFound = errors.New("not found")

// ReasonUnsupported is the status reason of a pod that asks for what a runtime does not do.
const ReasonUnsupported = "UnsupportedByLocalCluster"
