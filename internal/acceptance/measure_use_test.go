// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// long skips a test that is not for every day.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv(envLong) == "" {
		t.Skip("long: " + envLong + "=1 asks for it")
	}
}

// TestUseOfMaxParallel measures how much of max_parallel pods of 10 s use, with
// Argo's controller as the local cluster sets it and as it comes.
func TestUseOfMaxParallel(t *testing.T) {
	long(t)
	const behaviour = "seed=3,median=10s,spread=1.5"
	stock := []string{"--tuned", "--requeue=10s", "--argo-qps=20", "--argo-burst=30"}
	for _, tt := range []struct {
		name        string
		partitions  int
		maxParallel int
		flags       []string
		least       float64
	}{
		{"40, tuned", 2000, 40, []string{"--tuned"}, 0.85},
		{"400, tuned", 4000, 400, []string{"--tuned"}, 0},
		{"40, stock", 2000, 40, stock, 0},
		{"400, stock", 4000, 400, stock, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			job := scaleConfig{name: "used", partitions: tt.partitions, shardSize: 500, maxParallel: tt.maxParallel}
			b := newBench(t, job, behaviour, tt.flags...)
			var pods []lifetime
			apply(t, b.c,
				resource.TestStep{Config: job.String()},
				resource.TestStep{
					PreConfig: func() {
						b.ended("used-r1", time.Hour)
						pods = b.pods.of("used-r1")
					},
					RefreshState: true,
					Check:        resource.TestCheckResourceAttr("backfill_job.used", "done_count", strconv.Itoa(tt.partitions)),
				},
			)
			use, most := utilisation(pods, tt.maxParallel), atOnce(pods)
			if most > tt.maxParallel || use < tt.least {
				t.Errorf(
					"%d pods at once, %.0f %% of max_parallel used; at most %d may be and at least %.0f %% must",
					most,
					100*use,
					tt.maxParallel,
					100*tt.least,
				)
			}
			if t.Failed() {
				return
			}
			measured(t, "use",
				fig("`max_parallel`, controller", "%s", tt.name), fig("partitions", "%d", tt.partitions),
				fig("use of `max_parallel`", "%.0f %%", 100*use), fig("most pods at once", "%d", most),
				fig("rate", "%s", b.rate(pods)), fig("pods", "`%s`", behaviour),
				fig("cluster", "`%s`", fmt.Sprint(tt.flags)), fig("command", "`tools/measure.sh '^TestUseOfMaxParallel$'`"),
			)
		})
	}
}

// rate is how many pods started a second, from the first to the last.
func (b *bench) rate(pods []lifetime) string {
	span := pods[len(pods)-1].start.Sub(pods[0].start).Seconds()
	return fmt.Sprintf("%.1f pods started a second", float64(len(pods))/max(span, 1))
}
