// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package interrupt

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/devcluster/nodeagent"
)

// Reclaim asks for the end of a node's machine and returns at once.
func Reclaim(ctx context.Context, client kubernetes.Interface, node string, how nodeagent.Reclaim) error {
	text, err := json.Marshal(how)
	if err != nil {
		return err
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"annotations": map[string]string{nodeagent.ReclaimAnnotation: string(text)},
	}})
	if err != nil {
		return err
	}
	_, err = client.CoreV1().Nodes().Patch(ctx, node, types.MergePatchType, patch, metav1.PatchOptions{})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("there is no node %q; kubectl get nodes lists those there are", node)
	}
	if err != nil {
		return fmt.Errorf("reclaim node %s: %w", node, err)
	}
	return nil
}

const gonePause = 200 * time.Millisecond

// AwaitGone returns when a node does not exist any more.
func AwaitGone(ctx context.Context, client kubernetes.Interface, node string) error {
	for {
		_, err := client.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("node %s is still there: %w", node, context.Cause(ctx))
		case <-time.After(gonePause):
		}
	}
}

// Evict asks the API server to evict a pod. It fails when a disruption budget is against it.
func Evict(ctx context.Context, client kubernetes.Interface, namespace, pod string) error {
	err := client.PolicyV1().Evictions(namespace).Evict(ctx, &policyv1.Eviction{
		ObjectMeta: metav1.ObjectMeta{Name: pod, Namespace: namespace},
	})
	switch {
	case apierrors.IsTooManyRequests(err):
		return fmt.Errorf("pod %s/%s may not be evicted: %w", namespace, pod, err)
	case err != nil:
		return fmt.Errorf("evict pod %s/%s: %w", namespace, pod, err)
	}
	return nil
}
