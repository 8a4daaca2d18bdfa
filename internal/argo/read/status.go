// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package read

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
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
	created           time.Time
	args              argo.Arguments
	nodes             map[string]*nodeStatus // by their ids
}

func parseWorkflow(o manifest.Object) (workflow, error) {
	w := workflow{args: argo.ArgumentsOf(o), created: o.GetCreationTimestamp().Time}
	status, _ := o.Object["status"].(map[string]any) // not copied: it is large
	text := func(name string) string { s, _ := status[name].(string); return s }
	w.phase, w.message = argo.Phase(text("phase")), text("message")
	// Argo writes null until there is a time.
	w.started, _ = time.Parse(time.RFC3339, text("startedAt"))
	w.finished, _ = time.Parse(time.RFC3339, text("finishedAt"))
	var err error
	if w.nodes, err = nodesOf(status); err != nil {
		return workflow{}, fmt.Errorf("reading the node statuses of Workflow %s/%s: %w",
			o.GetNamespace(), o.GetName(), err)
	}
	return w, nil
}

// postponed tells whether Argo has put a Workflow off because too many run.
func (w workflow) postponed() bool { return argo.PutOff(w.phase, w.message) }

// nodesOf takes the node statuses in whichever form Argo keeps them: plain, or as
// gzip in base64 once the Workflow nears its size limit.
func nodesOf(status map[string]any) (map[string]*nodeStatus, error) {
	if packed, _ := status["compressedNodes"].(string); packed != "" {
		return unpack(packed)
	}
	if version, _ := status["offloadNodeStatusVersion"].(string); version != "" {
		return nil, errors.New("Argo keeps them in a database (persistence.nodeStatusOffLoad) " +
			"and not in the cluster, so what is done cannot be told. Let Argo offload only Workflows that are too large to " +
			"be compressed " +
			"(ALWAYS_OFFLOAD_NODE_STATUS=false); runs of this job stay far below that size")
	}
	// Uncompressed statuses are small, at most 1 MiB, so the detour is cheap.
	plain, _ := status["nodes"].(map[string]any)
	text, err := manifest.AppendJSON(nil, plain)
	if err != nil {
		return nil, err
	}
	return decodeNodes(text)
}

// buffers are for unpacked statuses: those of a large run are hundreds of
// megabytes together.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func unpack(packed string) (map[string]*nodeStatus, error) {
	unzipped, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(packed)))
	if err != nil {
		return nil, damaged(packed, "not gzip", err)
	}
	text, _ := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(text)
	text.Reset()
	if _, err := text.ReadFrom(io.LimitReader(unzipped, maxNodes+1)); err != nil {
		return nil, damaged(packed, "damaged", err)
	}
	if text.Len() > maxNodes {
		return nil, fmt.Errorf("status.compressedNodes unpacks to more than %d bytes", maxNodes)
	}
	return decodeNodes(text.Bytes())
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
	var found []*nodeStatus
	for _, id := range slices.Sorted(maps.Keys(w.nodes)) {
		n := w.nodes[id]
		pod := n.Type == "Retry" || n.Type == "Pod"
		if pod && !n.isAttempt && slices.Contains(templates, n.template()) {
			found = append(found, n)
		}
	}
	return found
}

// pods lists the attempts of a node, the first one first; one that is not retried
// is its only attempt. Those whose nodes are missing are empty.
func (w workflow) pods(n *nodeStatus) []*nodeStatus {
	if n.Type != "Retry" {
		return []*nodeStatus{n}
	}
	out := make([]*nodeStatus, len(n.Children))
	for i, id := range n.Children {
		if out[i] = w.nodes[id]; out[i] == nil {
			out[i] = &nodeStatus{}
		}
	}
	return out
}

// finish has the nodes of partitions succeed whose pods have.
func (w workflow) finish(ids map[string]bool) {
	for id := range ids {
		n := w.nodes[id]
		if n == nil || n.Type != "Pod" {
			continue
		}
		if t := n.template(); t == argo.TemplatePartition || t == argo.TemplatePartitionData {
			n.Phase = argo.PhaseSucceeded
		}
	}
}

// lastAttempt is the node itself when it is not retried.
func (w workflow) lastAttempt(n *nodeStatus) *nodeStatus {
	if pods := w.pods(n); len(pods) > 0 {
		return pods[len(pods)-1]
	}
	return n
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

// step is a node of a type whose name begins like that; empty when there is none.
func (w workflow) step(kind, name string) nodeStatus {
	for _, n := range w.nodes {
		if n.Type == kind && strings.HasPrefix(n.DisplayName, name) {
			return *n
		}
	}
	return nodeStatus{}
}

// nodeStatus is the part of Argo's NodeStatus that outcomes are read from.
type nodeStatus struct {
	DisplayName  string     `json:"displayName"`
	Type         string     `json:"type"`
	Phase        argo.Phase `json:"phase"`
	Message      string     `json:"message"`
	TemplateName string     `json:"templateName"`
	TemplateRef  struct {
		Template string `json:"template"`
	} `json:"templateRef"`
	Inputs       parameters `json:"inputs"`
	Outputs      parameters `json:"outputs"`
	Children     []string   `json:"children"`
	HostNodeName string     `json:"hostNodeName"`
	StartedAt    time.Time  `json:"startedAt"` // zero where Argo has written null
	FinishedAt   time.Time  `json:"finishedAt"`

	isAttempt bool // of a retried node
}

type parameters struct {
	Parameters []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"parameters"`
	ExitCode string `json:"exitCode"` // among outputs
}

func (p parameters) get(name string) (string, bool) {
	for _, param := range p.Parameters {
		if param.Name == name {
			return param.Value, true
		}
	}
	return "", false
}

// template is the name of the template that the node runs.
func (n *nodeStatus) template() string { return cmp.Or(n.TemplateRef.Template, n.TemplateName) }

func (n *nodeStatus) failed() bool { return n.Phase == argo.PhaseFailed || n.Phase == argo.PhaseError }

// decodeNodes reads node statuses from JSON, an object of them by their ids.
func decodeNodes(text []byte) (map[string]*nodeStatus, error) {
	var nodes map[string]*nodeStatus
	if err := json.Unmarshal(text, &nodes); err != nil {
		return nil, err
	}
	maps.DeleteFunc(nodes, func(_ string, n *nodeStatus) bool { return n == nil })
	for _, n := range nodes {
		for _, id := range n.Children {
			if pod := nodes[id]; pod != nil && n.Type == "Retry" {
				pod.isAttempt = true
			}
		}
	}
	return nodes, nil
}
