// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestControlPlaneDisrupted takes parts of the control plane away in the middle
// of a run. What it is to do is done all the same, once, and within its limits.
func TestControlPlaneDisrupted(t *testing.T) {
	long(t)
	const seed, share = 5, 0.01
	for _, tt := range []struct {
		name    string
		disrupt func(b *bench)
	}{
		{"controller", func(b *bench) { b.signal("argo-controller", syscall.SIGKILL) }},
		{"apiserver", func(b *bench) { b.signal("kube-apiserver", syscall.SIGKILL) }},
		{"etcd", func(b *bench) {
			b.signal("etcd", syscall.SIGSTOP)
			time.Sleep(30 * time.Second)
			b.signal("etcd", syscall.SIGCONT)
		}},
		{"launcher", func(b *bench) { b.deleteLauncher() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := "hit-" + tt.name
			job := scaleConfig{name: name, partitions: 600, shardSize: 100, maxParallel: 40, more: `
  wave           = { shards = 2, growth = 2 }
  failure_budget = { max_failed = 30 }`}
			bad, failed := doomedCells(seed, share, job.partitions)
			b := newBench(t, job, fmt.Sprintf("seed=%d,median=4s,spread=1.3,always-exit=%v", seed, share), "--tuned")
			var pods []lifetime
			resourceName := "backfill_job." + name
			apply(t, b.c,
				resource.TestStep{Config: job.String()},
				resource.TestStep{
					PreConfig: func() {
						b.awaitPods(150) // the second wave has begun or is about to
						tt.disrupt(b)
						b.ended(name+"-r1", 30*time.Minute)
						pods = b.pods.of(name + "-r1")
					},
					RefreshState:       true,
					ExpectNonEmptyPlan: true,
					Check: resource.ComposeTestCheckFunc(
						resource.TestCheckResourceAttr(resourceName, "failed", failed),
						resource.TestCheckResourceAttr(resourceName, "done_count", strconv.Itoa(job.partitions-len(bad))),
						func(*terraform.State) error { return b.checkOnce(pods) },
					),
				},
			)
		})
	}
}

// signal sends a signal to a component. One that ends is started again by the
// cluster's supervisor.
func (b *bench) signal(component string, s syscall.Signal) {
	b.Helper()
	pid, err := strconv.Atoi(b.meter.pid(component))
	if err == nil {
		err = syscall.Kill(pid, s)
	}
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) deleteLauncher() {
	b.Helper()
	pods := b.c.core.CoreV1().Pods(namespace)
	list, err := pods.List(
		b.Context(),
		metav1.ListOptions{
			LabelSelector: "backfill.dev/job=" + b.job.name + ",backfill.dev/shard",
			FieldSelector: "status.phase=Running",
		},
	)
	if err != nil {
		b.Fatal(err)
	}
	if len(list.Items) == 0 {
		b.Fatal("no launcher runs")
	}
	now := int64(0)
	if err := pods.Delete(b.Context(), list.Items[0].Name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		b.Fatal(err)
	}
}

// awaitPods waits until so many pods have ended.
func (b *bench) awaitPods(n int) {
	b.Helper()
	for end := time.Now().Add(20 * time.Minute); len(b.pods.of(b.job.name)) < n; time.Sleep(500 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("only %d pods have ended", len(b.pods.of(b.job.name)))
		}
	}
}

// checkOnce demands that no partition succeeded twice and that never too many ran
// at once. Pods that came and went while the API server was away were not seen;
// that nothing is missing is what the ledger is checked for.
func (b *bench) checkOnce(pods []lifetime) error {
	for node, n := range successes(pods) {
		if n > 1 {
			return fmt.Errorf("%s succeeded %d times", node, n)
		}
	}
	if n := atOnce(pods); n > b.job.maxParallel {
		return fmt.Errorf("%d pods at once, at most %d may", n, b.job.maxParallel)
	}
	return nil
}
