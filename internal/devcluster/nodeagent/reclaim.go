// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package nodeagent

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/nodeagent/pool"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/profile"
)

// ReclaimAnnotation on a node has its machine taken away, as the Reclaim in it says.
const ReclaimAnnotation = "backfill.dev/reclaim"

// Reclaim says how a cloud takes a machine back.
type Reclaim struct {
	// Notice is the time that pods get; the profile's own when it is nil.
	Notice *pool.Duration `json:"notice,omitempty"`
	// Hard tells that there is no notice: the machine is gone, and Kubernetes has to find out.
	Hard bool `json:"hard,omitempty"`
}

// Notice is a notice of so long.
func Notice(d time.Duration) *pool.Duration {
	notice := pool.Duration(d)
	return &notice
}

// reclaim starts the end of a node's machine, once.
func (f *fleet) reclaim(node *corev1.Node) {
	text := node.Annotations[ReclaimAnnotation]
	var how Reclaim
	if err := json.Unmarshal([]byte(text), &how); err != nil {
		slog.Error("a node's reclaim cannot be read", "node", node.Name, "annotation", text, "error", err)
		return
	}
	group := f.cloud.Nodes(profile.Capacity(node.Labels[PoolLabel]))
	notice := group.Notice
	if how.Notice != nil {
		notice = time.Duration(*how.Notice)
	}
	if !f.pods.machines.announce(node.Name, !how.Hard && !group.Ending.Drain) {
		return
	}
	slog.Info("a node is reclaimed", "node", node.Name, "notice", notice, "hard", how.Hard, "drain", group.Ending.Drain)
	f.workers.Go(func() {
		if how.Hard {
			f.lose(node.Name)
			return
		}
		f.give(node.Name, group, notice)
	})
}

// lose ends a machine without a word. The cloud's controller looks for the machines of nodes that are not ready, and
// deletes the nodes of those that do not exist.
func (f *fleet) lose(name string) {
	f.powerOff(name)
	f.until(time.Time{}, func() bool {
		node, err := f.client.CoreV1().Nodes().Get(f.ctx, name, metav1.GetOptions{})
		return apierrors.IsNotFound(err) || err == nil && !ready(node)
	})
	f.deleteNode(name)
}

// give ends a machine with notice. It goes when its pods have gone, or when the time is over.
func (f *fleet) give(name string, group profile.Nodes, notice time.Duration) {
	end := time.Now().Add(notice + group.Slack)
	f.announce(name, group.Ending)
	if !group.Ending.Drain {
		f.pods.shutDown(name, notice)
	}
	f.until(end, func() bool {
		if !group.Ending.Drain {
			return f.pods.busy(name) == 0
		}
		return f.drain(name)
	})
	f.powerOff(name)
	f.deleteNode(name)
}

// announce shows the end of a node to the scheduler: pods that come later find no place there.
func (f *fleet) announce(name string, ending profile.Ending) {
	f.pods.persist(func() error {
		node, err := f.client.CoreV1().Nodes().Get(f.ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if !ending.Drain {
			return f.unready(name)
		}
		node.Spec.Unschedulable = node.Spec.Unschedulable || ending.Cordon
		if ending.Taint.Key != "" {
			node.Spec.Taints = append(node.Spec.Taints, ending.Taint)
		}
		_, err = f.client.CoreV1().Nodes().Update(f.ctx, node, metav1.UpdateOptions{})
		if apierrors.IsConflict(err) {
			return fmt.Errorf("node %s changes just now", name) // to be tried again
		}
		return err
	})
}

// unready reports what a kubelet reports when it shuts down.
func (f *fleet) unready(name string) error {
	now := metav1.Now()
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"conditions": []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: corev1.ConditionFalse, Reason: "KubeletNotReady", Message: "node is shutting down",
		LastHeartbeatTime: now, LastTransitionTime: now,
	}}}})
	if err != nil {
		return err
	}
	_, err = f.client.CoreV1().
		Nodes().
		Patch(f.ctx, name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}

// drain asks for the eviction of the pods that are left on a node and tells whether there are
// none. A disruption budget may refuse; it is asked again the next time.
func (f *fleet) drain(name string) bool {
	left, err := f.client.CoreV1().Pods("").List(f.ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + name})
	if err != nil {
		return false
	}
	empty := true
	for i := range left.Items {
		pod := &left.Items[i]
		if ended(pod) || isDaemon(pod) {
			continue
		}
		empty = false
		if pod.DeletionTimestamp == nil {
			_ = f.client.PolicyV1().Evictions(pod.Namespace).Evict(f.ctx, &policyv1.Eviction{
				ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace},
			})
		}
	}
	return empty
}

func isDaemon(pod *corev1.Pod) bool {
	owner := metav1.GetControllerOf(pod)
	return owner != nil && owner.Kind == "DaemonSet"
}

// until waits for something, to the end at most, if there is one.
func (f *fleet) until(end time.Time, holds func() bool) {
	ctx := f.ctx
	if !end.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end)
		defer cancel()
	}
	for !holds() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(endingInterval):
		}
	}
}

// endingInterval is how often a node's end is looked after.
const endingInterval = 250 * time.Millisecond

func ready(node *corev1.Node) bool {
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
