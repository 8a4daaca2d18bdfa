// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// maxNodes bounds decompressed node statuses, in bytes. Argo keeps at most
// 1 MiB compressed by default, which unpacks to some 10 MiB.
const maxNodes = 256 << 20

// workflow is an observed Workflow, ours by its arguments.
type workflow struct {
	phase             argo.Phase
	message           string
	started, finished time.Time
	args              argo.Arguments
	*nodeSpace
}

func parseWorkflow(o manifest.Object) (workflow, error) {
	w := workflow{args: argo.ArgumentsOf(o)}
	status, _ := o.Object["status"].(map[string]any) // not copied: it is large
	text := func(name string) string { s, _ := status[name].(string); return s }
	w.phase, w.message = argo.Phase(text("phase")), text("message")
	// Argo writes null until there is a time.
	w.started, _ = time.Parse(time.RFC3339, text("startedAt"))
	w.finished, _ = time.Parse(time.RFC3339, text("finishedAt"))
	w.nodeSpace, _ = nodeSpaces.Get().(*nodeSpace)
	if err := w.read(status); err != nil {
		return workflow{}, fmt.Errorf("reading the node statuses of Workflow %s/%s: %w", o.GetNamespace(), o.GetName(), err)
	}
	return w, nil
}

// release gives the room of the nodes back. Nobody may use the workflow after.
func (w workflow) release() { nodeSpaces.Put(w.nodeSpace) }

// read takes the node statuses in whichever form Argo keeps them: plain, or as
// gzip in base64 once the Workflow nears its size limit.
func (sp *nodeSpace) read(status map[string]any) error {
	if packed, _ := status["compressedNodes"].(string); packed != "" {
		return sp.unpack(packed)
	}
	if version, _ := status["offloadNodeStatusVersion"].(string); version != "" {
		return errors.New("Argo keeps them in a database (persistence.nodeStatusOffLoad) and not in the cluster, " +
			"so what is done cannot be told. Let Argo offload only Workflows that are too large to be compressed " +
			"(ALWAYS_OFFLOAD_NODE_STATUS=false); runs of this job stay far below that size")
	}
	plain, ok := status["nodes"].(map[string]any)
	if !ok {
		return sp.decode([]byte("null"))
	}
	// Uncompressed statuses are small, at most 1 MiB, so the detour is cheap.
	text, err := manifest.AppendJSON(nil, plain)
	if err != nil {
		return err
	}
	return sp.decode(text)
}

func (sp *nodeSpace) unpack(packed string) error {
	if err := sp.gzip.Reset(base64.NewDecoder(base64.StdEncoding, strings.NewReader(packed))); err != nil {
		return damaged(packed, "not gzip", err)
	}
	sp.text.Reset()
	if _, err := sp.text.ReadFrom(io.LimitReader(&sp.gzip, maxNodes+1)); err != nil {
		return damaged(packed, "damaged", err)
	}
	if sp.text.Len() > maxNodes {
		return fmt.Errorf("status.compressedNodes unpacks to more than %d bytes", maxNodes)
	}
	return sp.decode(sp.text.Bytes())
}

// damaged says what is wrong with packed statuses that could not be read.
func damaged(packed, how string, err error) error {
	if _, err := base64.StdEncoding.DecodeString(packed); err != nil {
		return fmt.Errorf("status.compressedNodes is not base64: %w", err)
	}
	return fmt.Errorf("status.compressedNodes is %s: %w", how, err)
}

// running lists the nodes that run one of the templates, without the attempts
// of retried nodes.
func (w workflow) running(templates ...string) []*nodeStatus {
	found := make([]*nodeStatus, 0, len(w.nodes)/2)
	for i := range w.nodes {
		n := &w.nodes[i]
		pod := n.Type == "Retry" || n.Type == "Pod"
		if pod && !w.attempts[n.ID] && slices.Contains(templates, n.template()) {
			found = append(found, n)
		}
	}
	return found
}

// lastAttempt is the node itself when it is not retried.
func (w workflow) lastAttempt(n *nodeStatus) *nodeStatus {
	if n.Type != "Retry" || len(n.Children) == 0 {
		return n
	}
	return w.node(n.Children[len(n.Children)-1])
}

// node is the node of an id, empty when there is none. There is no index: the
// nodes of an id are asked for only of partitions that fail or run.
func (w workflow) node(id string) *nodeStatus {
	for i := range w.nodes {
		if w.nodes[i].ID == id {
			return &w.nodes[i]
		}
	}
	return &nodeStatus{}
}

func (n *nodeStatus) attempts() int {
	if n.Type == "Retry" {
		return len(n.Children)
	}
	return 1
}

// stopped tells whether a failed node failed only because its Workflow was
// stopped or terminated. What it was to do is then left, not failed.
func (w workflow) stopped(n *nodeStatus) bool {
	// Workflows have no deadline, but one that is stopped while it waits for its pool
	// gets one.
	stops := []string{"stopped with strategy", "workflow shutdown with strategy", "step exceeded its deadline"}
	for _, message := range []string{n.Message, w.lastAttempt(n).Message} {
		begins := func(with string) bool { return strings.HasPrefix(strings.ToLower(message), with) }
		if slices.ContainsFunc(stops, begins) {
			return true
		}
	}
	return false
}

// canary is the phase of the step that runs the canary.
func (w workflow) canary() argo.Phase {
	for i := range w.nodes {
		if n := &w.nodes[i]; n.Type == "Steps" && strings.HasPrefix(n.DisplayName, argo.StepCanary) {
			return n.Phase
		}
	}
	return ""
}

// stoppedByBudget tells whether the run was not allowed to go on after a wave.
func (w workflow) stoppedByBudget() bool {
	for i := range w.nodes {
		if n := &w.nodes[i]; n.Type == "Skipped" && strings.HasPrefix(n.DisplayName, argo.StepThen) {
			return true
		}
	}
	return false
}
