// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// waitingWorkflows are what could end a wait for a node without anybody who
// watches: a timeout, under retries and within a step that is retried, the pod's
// deadline, a bound of all retries, and the deletion of the pod.
const waitingWorkflows = `
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: runs}
spec:
  entrypoint: main
  serviceAccountName: backfill-runner
  templates:
    - name: main
      timeout: 6s
      retryStrategy: {limit: 0}
      container: {image: busybox, command: [sleep, "600"]}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: retried}
spec:
  entrypoint: main
  serviceAccountName: backfill-runner
  templates:
    - name: main
      timeout: 3s
      nodeSelector: {pool: sold-out}
      retryStrategy: {limit: 3, retryPolicy: Always}
      container: {image: busybox, command: [sleep, "600"]}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: deadline}
spec:
  entrypoint: main
  serviceAccountName: backfill-runner
  templates:
    - name: main
      activeDeadlineSeconds: 3
      nodeSelector: {pool: sold-out}
      retryStrategy: {limit: 3, retryPolicy: Always}
      container: {image: busybox, command: [sleep, "600"]}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: backoff}
spec:
  entrypoint: main
  serviceAccountName: backfill-runner
  templates:
    - name: main
      nodeSelector: {pool: sold-out}
      retryStrategy: {limit: 3, retryPolicy: Always, backoff: {duration: 1s, maxDuration: 3s}}
      container: {image: busybox, command: [sleep, "600"]}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: nested}
spec:
  entrypoint: main
  serviceAccountName: backfill-runner
  templates:
    - name: main
      retryStrategy: {limit: 1, retryPolicy: Always}
      steps: [[{name: attempt, template: leaf}]]
    - name: leaf
      timeout: 30s
      nodeSelector: {pool: later}
      container: {image: busybox, command: [sleep, "25"]}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: deleted}
spec:
  entrypoint: main
  serviceAccountName: backfill-runner
  templates:
    - name: main
      nodeSelector: {pool: sold-out}
      retryStrategy: {limit: 3, retryPolicy: Always}
      container: {image: busybox, command: [sleep, "600"]}
`

// The guide to spot nodes says that nothing ends the wait of a pod for its node
// and lets the fallback begin. This is why; when Argo changes, it fails.
func TestNothingEndsTheWaitForANode(t *testing.T) {
	needsLong(t)
	c := ownCluster(t, "--on-demand", "1", "--spot", "0")
	c.kubectl(t, waitingWorkflows, "create", "-f", "-")

	// A timeout is the deadline of what runs as well.
	c.ended(t, "runs", 2*time.Minute)
	if pods := c.attemptsIn(
		t,
		"runs",
	); len(pods) != 1 ||
		!strings.Contains(pods[0].message, "longer than the specified deadline") {
		t.Errorf("a timeout does not end what runs: %v", pods)
	}

	// Under retries nobody looks at it, nor at a pod's deadline or at the longest
	// time that retries may take.
	for _, name := range []string{"retried", "deadline", "backoff"} {
		c.look(t, name)
		if pods := c.attemptsIn(t, name); len(pods) != 1 || pods[0].phase != "Pending" {
			t.Errorf("%s: an attempt that waits was ended: %v", name, pods)
		}
	}

	// A pod that is deleted while it waits comes again as the same attempt.
	first := c.podsIn(t, "deleted")[0]
	if err := c.core.CoreV1().Pods(namespace).Delete(t.Context(), first.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the pod comes again", func() bool {
		pods := c.podsIn(t, "deleted")
		return len(pods) == 1 && pods[0].Name == first.Name && pods[0].UID != first.UID
	})
	if pods := c.attemptsIn(t, "deleted"); len(pods) != 1 || pods[0].attempt != 0 {
		t.Errorf("a deletion began another attempt: %v", pods)
	}

	// Within a step that is retried it does begin another attempt, but the pod of
	// the first stays, and gets a node with it: both run at once.
	eventually(t, 3*time.Minute, "another attempt", func() bool {
		c.look(t, "nested")
		return len(c.podsIn(t, "nested")) == 2
	})
	c.kubectl(t, "", "label", "node", "on-demand-0", "pool=later")
	eventually(t, time.Minute, "both attempts run at once", func() bool {
		running := 0
		for _, pod := range c.podsIn(t, "nested") {
			if pod.Status.Phase == corev1.PodRunning {
				running++
			}
		}
		return running > 1
	})
}

// look has Argo look at a Workflow, which it otherwise does when a pod changes.
func (c *localCluster) look(t *testing.T, name string) {
	t.Helper()
	patch := []byte(`{"metadata":{"annotations":{"looked-at":"` + time.Now().Format(time.RFC3339Nano) + `"}}}`)
	if _, err := c.dynamic.Resource(workflows).
		Namespace(namespace).
		Patch(t.Context(), name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second) // its answer, if it has one
}

// attemptsIn and podsIn list the pods of one Workflow, as Argo recorded them and
// as they are.
func (c *localCluster) attemptsIn(t *testing.T, name string) []pod {
	t.Helper()
	wf, err := c.dynamic.Resource(workflows).Namespace(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return podsOf(wf)
}

func (c *localCluster) podsIn(t *testing.T, name string) []corev1.Pod {
	t.Helper()
	list, err := c.core.CoreV1().
		Pods(namespace).
		List(t.Context(), metav1.ListOptions{LabelSelector: workflowLabel + "=" + name})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(list.Items, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return list.Items
}
