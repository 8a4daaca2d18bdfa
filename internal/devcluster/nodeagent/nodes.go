// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package nodeagent

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	vknode "github.com/virtual-kubelet/virtual-kubelet/node"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const (
	// address is the one of all nodes: nothing listens outside the machine.
	address = "127.0.0.1"
	// leaseSeconds is how long a node counts as alive without a sign of life, as for a kubelet.
	leaseSeconds = 40
	// leaseInterval is the time between two signs of life, as for a kubelet, unless nodes are taken for lost sooner.
	leaseInterval = 10 * time.Second
	// nodeStatusInterval is how often the whole status is written; leases carry the signs of life.
	nodeStatusInterval = 5 * time.Minute
)

// agentLabel marks the nodes that a node agent made.
const agentLabel = "backfill.dev/node-agent"

// PoolLabel names the pool of a node's machine.
const PoolLabel = "backfill.dev/node-pool"

func buildNode(name string, capacity corev1.ResourceList, port int32) *corev1.Node {
	now := metav1.Now()
	condition := func(
		kind corev1.NodeConditionType, status corev1.ConditionStatus, reason, message string,
	) corev1.NodeCondition {
		return corev1.NodeCondition{
			Type: kind, Status: status, Reason: reason, Message: message, LastHeartbeatTime: now, LastTransitionTime: now,
		}
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				corev1.LabelHostname:   name,
				corev1.LabelOSStable:   runtime.GOOS,
				corev1.LabelArchStable: runtime.GOARCH,
				agentLabel:             "true",
			},
		},
		Status: corev1.NodeStatus{
			Capacity:    capacity,
			Allocatable: capacity,
			Phase:       corev1.NodeRunning,
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: address}, {Type: corev1.NodeHostName, Address: name},
			},
			DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: port}},
			NodeInfo: corev1.NodeSystemInfo{
				KubeletVersion: "v1.34.4", OperatingSystem: runtime.GOOS, Architecture: runtime.GOARCH,
				ContainerRuntimeVersion: "process://1",
			},
			Conditions: []corev1.NodeCondition{
				condition(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady", "the node agent is posting ready status"),
				condition(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory", "not measured"),
				condition(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure", "not measured"),
				condition(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID", "not measured"),
			},
		},
	}
}

// removeOtherNodes deletes nodes of earlier agents that are not offered any more, or not with the
// same taints: taints are part of a node's specification, which registration does not change.
func removeOtherNodes(
	ctx context.Context,
	client kubernetes.Interface,
	existing []corev1.Node,
	nodes []*corev1.Node,
) error {
	offered := map[string]*corev1.Node{}
	for _, node := range nodes {
		offered[node.Name] = node
	}
	for i := range existing {
		node := &existing[i]
		if want, ok := offered[node.Name]; ok && sameTaints(node, want) && node.Annotations[ReclaimAnnotation] == "" {
			continue
		}
		if err := client.CoreV1().
			Nodes().
			Delete(ctx, node.Name, metav1.DeleteOptions{}); err != nil &&
			!apierrors.IsNotFound(err) {
			return fmt.Errorf("delete node %s: %w", node.Name, err)
		}
	}
	return nil
}

// sameTaints compares the taints but those that Kubernetes sets by itself.
func sameTaints(a, b *corev1.Node) bool {
	own := func(node *corev1.Node) string {
		var list []string
		for _, taint := range node.Spec.Taints {
			if !strings.HasPrefix(taint.Key, "node.kubernetes.io/") {
				list = append(list, taint.ToString())
			}
		}
		slices.Sort(list)
		return strings.Join(list, ",")
	}
	return own(a) == own(b)
}

// signsOfLife is the time between two of them, for nodes that may be silent for grace.
func signsOfLife(grace time.Duration) time.Duration {
	const each = 5 // lost or late ones do not matter at once
	if grace <= 0 {
		return leaseInterval
	}
	return max(time.Second, min(leaseInterval, grace/each))
}

// maintainNode registers a node and keeps it alive until ctx ends.
func maintainNode(
	ctx context.Context, client kubernetes.Interface, node *corev1.Node, interval time.Duration,
) (*vknode.NodeController, error) {
	controller, err := vknode.NewNodeController(
		vknode.NaiveNodeProvider{},
		node,
		client.CoreV1().Nodes(),
		vknode.WithNodeEnableLeaseV1WithRenewInterval(
			client.CoordinationV1().Leases(corev1.NamespaceNodeLease),
			leaseSeconds,
			interval,
		),
		vknode.WithNodeStatusUpdateInterval(nodeStatusInterval),
	)
	if err != nil {
		return nil, fmt.Errorf("node %s: %w", node.Name, err)
	}
	go func() { _ = controller.Run(ctx) }()
	return controller, nil
}
