// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

// Package consolidate removes nodes that are not needed, as an autoscaler does: it looks at the
// cluster again and again, empties one node at a time through the eviction API, and gives its
// machine back. Which node may go is for the rules of package disruption to say; nodes are added
// by the pools of the node agent.
package consolidate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/disruption"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/interrupt"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/nodeagent"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/nodeagent/pool"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/placement"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/profile"
)

// Rules say which nodes are not needed.
type Rules interface {
	Judge(state disruption.State) (unneeded []disruption.Candidate, kept []disruption.Kept)
}

// Loop is an autoscaler's way of removing nodes.
type Loop struct {
	Client kubernetes.Interface
	Rules  Rules
	// After is how long a node must not have been needed. With Calm, the time begins again when a pod comes or goes.
	After time.Duration
	Calm  bool
	// Taint keeps pods from a node that is being emptied.
	Taint corev1.Taint
	// Interval is the time between two looks.
	Interval time.Duration
	// Tell receives what is done: "evict" with a pod, "remove", and "keep" with a reason when that changes.
	Tell func(action, node, detail string)

	since   map[string]time.Time // a node was first seen not to be needed
	reasons map[string]string
}

// Taints of the two programs.
var (
	ClusterAutoscalerTaint = corev1.Taint{Key: "ToBeDeletedByClusterAutoscaler", Effect: corev1.TaintEffectNoSchedule}
	KarpenterTaint         = profile.KarpenterDisrupted
)

// Run works until ctx is done.
func (l *Loop) Run(ctx context.Context) error {
	l.since, l.reasons = map[string]time.Time{}, map[string]string{}
	for {
		err := l.once(ctx)
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(l.Interval):
		}
	}
}

func (l *Loop) once(ctx context.Context) error {
	state, err := l.look(ctx)
	if err != nil {
		return err
	}
	unneeded, kept := l.Rules.Judge(state)
	for _, k := range kept {
		if l.reasons[k.Node.Name] != k.Reason {
			l.reasons[k.Node.Name] = k.Reason
			l.Tell("keep", k.Node.Name, k.Reason)
		}
	}
	if due := l.due(state, unneeded); due != nil {
		return l.remove(ctx, due)
	}
	return nil
}

// due is the first node that has not been needed for long enough.
func (l *Loop) due(state disruption.State, unneeded []disruption.Candidate) *disruption.Candidate {
	since := map[string]time.Time{}
	var first *disruption.Candidate
	for i, c := range unneeded {
		key := c.Node.Name
		if l.Calm {
			key += " " + podsOf(state, c.Node)
		}
		begin, known := l.since[key]
		if !known {
			begin = state.Now
		}
		since[key] = begin
		if first == nil && state.Now.Sub(begin) >= l.After {
			first = &unneeded[i]
		}
	}
	l.since = since
	return first
}

func podsOf(state disruption.State, node *corev1.Node) string {
	var uids []string
	for _, pod := range state.Pods[node.Name] {
		uids = append(uids, string(pod.UID))
	}
	slices.Sort(uids)
	return strings.Join(uids, " ")
}

func (l *Loop) look(ctx context.Context) (disruption.State, error) {
	state := disruption.State{Now: time.Now(), Pods: map[string][]*corev1.Pod{}}
	nodes, err := l.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: nodeagent.PoolLabel})
	if err != nil {
		return state, fmt.Errorf("list the nodes: %w", err)
	}
	for i := range nodes.Items {
		state.Nodes = append(state.Nodes, &nodes.Items[i])
	}
	pods, err := l.Client.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName!="})
	if err != nil {
		return state, fmt.Errorf("list the pods: %w", err)
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		state.Pods[pod.Spec.NodeName] = append(state.Pods[pod.Spec.NodeName], pod)
	}
	budgets, err := l.Client.PolicyV1().PodDisruptionBudgets("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return state, fmt.Errorf("list the disruption budgets: %w", err)
	}
	for i := range budgets.Items {
		state.Budgets = append(state.Budgets, &budgets.Items[i])
	}
	return state, nil
}

// emptyLimit is how long a node may take to become empty; after that it is left alone, as the cluster autoscaler does.
const emptyLimit = 2 * time.Minute

// remove empties a node and gives its machine back.
func (l *Loop) remove(ctx context.Context, c *disruption.Candidate) error {
	name := c.Node.Name
	if err := l.taint(ctx, name, true); err != nil {
		return err
	}
	end := time.Now().Add(emptyLimit)
	told := map[string]bool{}
	for {
		left := l.evict(ctx, c, told)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if left == 0 {
			break
		}
		if time.Now().After(end) {
			l.Tell("keep", name, fmt.Sprintf("%d of its pods do not go", left))
			return l.taint(ctx, name, false)
		}
		time.Sleep(evictPause)
	}
	// The pool first: it would replace a machine that it misses.
	_, err := nodeagent.ChangePool(
		ctx,
		l.Client,
		c.Node.Labels[nodeagent.PoolLabel],
		func(s *pool.Spec) { s.Size = max(0, s.Size-1) },
	)
	if err != nil {
		return err
	}
	if err := l.Client.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("delete node %s: %w", name, err)
	}
	l.Tell("remove", name, "")
	return nil
}

const evictPause = 250 * time.Millisecond

// evict asks for the eviction of what is left of a candidate's pods, and counts it. What a budget
// refuses is asked for again.
func (l *Loop) evict(ctx context.Context, c *disruption.Candidate, told map[string]bool) (left int) {
	for _, pod := range c.Evict {
		now, err := l.Client.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
		if err != nil || now.UID != pod.UID || placement.Ended(now) {
			continue // gone
		}
		left++
		if now.DeletionTimestamp != nil || interrupt.Evict(ctx, l.Client, pod.Namespace, pod.Name) != nil {
			continue
		}
		if !told[pod.Name] {
			told[pod.Name] = true
			l.Tell("evict", c.Node.Name, pod.Namespace+"/"+pod.Name)
		}
	}
	return left
}

func (l *Loop) taint(ctx context.Context, name string, on bool) error {
	for {
		node, err := l.Client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("taint node %s: %w", name, err)
		}
		node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.Key == l.Taint.Key })
		if on {
			node.Spec.Taints = append(node.Spec.Taints, l.Taint)
		}
		_, err = l.Client.CoreV1().Nodes().Update(ctx, node, metav1.UpdateOptions{})
		if !apierrors.IsConflict(err) {
			return err
		}
	}
}
