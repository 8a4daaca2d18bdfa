// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestAThousandPartitions runs ten shards in three waves. The partitions that
// fail for good are those of a draw that the test repeats.
func TestAThousandPartitions(t *testing.T) {
	const seed, share = 5, 0.01
	job := scaleConfig{name: "thousand", partitions: 1000, shardSize: 100, maxParallel: 90, more: `
  canary = { partitions = 5 }
  wave   = { shards = 1, growth = 3 }`}
	bad, failed := doomedCells(seed, share, job.partitions)
	if len(bad) < 5 || bad[0] < 5 {
		t.Fatalf("of this seed %v fail: choose one whose canary succeeds", bad)
	}
	b := newBench(t, job, fmt.Sprintf("seed=%d,median=1s,spread=1.3,exit=0.01,always-exit=%v", seed, share), "--tuned")
	c, pods := b.c, b.pods
	apply(t, c,
		resource.TestStep{Config: job.String()},
		resource.TestStep{
			PreConfig:          func() { b.ended("thousand-r1", 15*time.Minute) },
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_job.thousand", "failed", failed),
				resource.TestCheckResourceAttr("backfill_job.thousand", "failed_count", strconv.Itoa(len(bad))),
				resource.TestCheckResourceAttr("backfill_job.thousand", "done_count", strconv.Itoa(job.partitions-len(bad))),
				func(*terraform.State) error { return b.checkFirstRun(pods.of("thousand-r1"), len(bad)) },
			),
		},
		resource.TestStep{
			PreConfig: func() { c.behave(t, "seed=5,median=1s") }, // repaired
			Config:    job.String(),
		},
		resource.TestStep{
			PreConfig: func() {
				b.ended("thousand-r2", 5*time.Minute)
				if err := c.checkSecondRun(t, pods.of("thousand-r2"), "thousand-r2", bad); err != nil {
					t.Error(err)
				}
			},
			RefreshState: true,
			Check:        resource.TestCheckResourceAttr("backfill_job.thousand", "phase", "Complete"),
		},
	)
}

// checkFirstRun demands that all partitions ran, those that can succeed once
// with success, in waves one after the other and never too many at once.
func (b *bench) checkFirstRun(pods []lifetime, failed int) error {
	if err := b.checkRun(pods, failed); err != nil {
		return err
	}
	return checkWaves(pods)
}

// waveOf is the wave of a Workflow of TestAThousandPartitions: the canary runs in
// the run itself, shards 0, 1 to 3 and 4 to 9 are the waves.
func waveOf(workflow string) int {
	_, shard, _ := strings.Cut(workflow, "-s")
	k, err := strconv.Atoi(shard)
	switch {
	case err != nil:
		return 0
	case k == 0:
		return 1
	case k <= 3:
		return 2
	}
	return 3
}

func checkWaves(pods []lifetime) error {
	first, last := map[int]time.Time{}, map[int]time.Time{}
	for _, p := range pods {
		w := waveOf(p.workflow)
		if at, seen := first[w]; !seen || p.start.Before(at) {
			first[w] = p.start
		}
		if p.end.After(last[w]) {
			last[w] = p.end
		}
	}
	for w := range 3 {
		if first[w+1].Before(last[w]) {
			return fmt.Errorf("wave %d began at %s, before wave %d had ended at %s", w+1, first[w+1], w, last[w])
		}
	}
	return nil
}

// checkSecondRun demands one pod for each of these cells and no other.
func (c *localCluster) checkSecondRun(t *testing.T, pods []lifetime, run string, cells []int) error {
	t.Helper()
	data, err := c.core.CoreV1().ConfigMaps(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		return err
	}
	var keys, want []string
	for _, d := range data.Items {
		for name, value := range d.Data {
			if strings.HasPrefix(d.Name, run+"-d") && strings.HasSuffix(name, ".key") {
				keys = append(keys, value)
			}
		}
	}
	for _, cell := range cells {
		want = append(want, fmt.Sprintf("%d--%d", cell, cell+1))
	}
	slices.Sort(keys)
	slices.Sort(want)
	if err := equal("keys of "+run, strings.Join(want, " "), strings.Join(keys, " ")); err != nil {
		return err
	}
	return equal("pods of "+run, strconv.Itoa(len(cells)), strconv.Itoa(len(pods)))
}
