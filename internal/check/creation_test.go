// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package check

import (
	"strings"
	"testing"
	"time"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/job"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/plan"
)

func TestCreation(t *testing.T) {
	for _, c := range []struct {
		partitions  int64
		rate, most  int
		deadline    time.Duration
		want, times string
	}{
		{864_000, 10, 400, 0, "", ""},
		{864_010, 10, 400, 0, "about 24 hours at 10 pods per second", "2 times as large"},
		{1_000_000, 1, 400, time.Hour, "about 278 hours", "12 times as large"},
		{1000, 10, 400, 40 * time.Second, "", ""},
		{1000, 10, 400, 30 * time.Second, "at most 300 pods run in parallel", "2 times as large"},
		{100, 10, 400, 10 * time.Second, "", ""},
		{1000, 10, 400, 0, "", ""},
		{1000, 0, 400, time.Second, "", ""},
	} {
		j := &job.Job{
			MaxParallel: c.most,
			Controller:  job.Controller{PodsPerSecond: c.rate},
			Runner:      job.Runner{Deadline: c.deadline},
		}
		diags := Creation(j, plan.Plan{Partitions: c.partitions})
		if diags.HasErrors() || (c.want == "") != (len(diags) == 0) {
			t.Errorf("%+v: %v", c, diags)
			continue
		}
		if c.want != "" && (!strings.Contains(diags[0].Detail, c.want) || !strings.Contains(diags[0].Detail, c.times)) {
			t.Errorf("%+v: %s", c, diags[0].Detail)
		}
	}
}
