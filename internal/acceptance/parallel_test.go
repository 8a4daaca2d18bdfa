// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
)

// parallelConfig is a job of 24 partitions: three waves of two shards of four.
// Each runner leaves a mark while it runs, writes down how many marks it saw at
// its start, and stays until the test lets its wave go.
const parallelConfig = `
resource "backfill_job" "parallel" {
  name       = "parallel"
  partition  = { range = { start = 0, end = 24, size = 1 } }
  shard_size = 4

  runner = {
    image   = "busybox"
    command = ["sh", "-euc"]
    args = [<<-EOT
      mkdir "/out/running/$BACKFILL_PARTITION_INDEX"
      echo "$BACKFILL_PARTITION_INDEX $(ls /out/running | wc -l)" >> /out/seen
      while [ -e "/out/hold-$((BACKFILL_PARTITION_INDEX / 8))" ]; do sleep 0.2; done
      rmdir "/out/running/$BACKFILL_PARTITION_INDEX"
    EOT
    ]
    resources       = { cpu = "10m" }
    volumes         = [{ name = "out", mount_path = "/out", host_path = %q }]
    service_account = "backfill-runner"
  }

  orchestrator = { service_account = "backfill-orchestrator" }
  wave                         = { shards = 2, growth = 1 }
  max_parallel                 = %d
  paused                       = %t
}
`

// held is what the runners of a test share with it.
type held struct {
	*testing.T
	out string
}

func (h held) file(name string) string { return filepath.Join(h.out, name) }

// release lets the runners of a wave, counted from 0, end.
func (h held) release(wave int) {
	h.Helper()
	if err := os.Remove(h.file(fmt.Sprintf("hold-%d", wave))); err != nil {
		h.Fatal(err)
	}
}

func (h held) running() int {
	h.Helper()
	marks, err := os.ReadDir(h.file("running"))
	if err != nil {
		h.Fatal(err)
	}
	return len(marks)
}

// starts lists how many ran at the start of each partition, that one included.
func (h held) starts() map[int][]int {
	h.Helper()
	text, err := os.ReadFile(h.file("seen"))
	if err != nil {
		h.Fatal(err)
	}
	starts := map[int][]int{}
	for line := range strings.Lines(string(text)) {
		var index, n int
		if _, err := fmt.Sscan(line, &index, &n); err != nil {
			h.Fatal(err)
		}
		starts[index] = append(starts[index], n)
	}
	return starts
}

// await waits until that many run.
func (h held) await(n int, describe func() string) {
	h.Helper()
	for end := time.Now().Add(3 * time.Minute); h.running() != n; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			h.Fatalf("%d partitions run, want %d\n%s", h.running(), n, describe())
		}
	}
}

func TestMaxParallelChangesBetweenWaves(t *testing.T) {
	c := cluster(t)
	h := held{t, t.TempDir()}
	for _, name := range []string{"running", "hold-0", "hold-1", "hold-2"} {
		if err := os.Mkdir(h.file(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	describe := func() string { return c.describe("parallel-r1") }
	config := func(parallel int, paused bool) string { return fmt.Sprintf(parallelConfig, h.out, parallel, paused) }
	apply(t, c,
		resource.TestStep{Config: config(4, false)},
		resource.TestStep{ // raised: a second shard starts beside the first
			PreConfig: func() { h.await(4, describe) },
			Config:    config(8, false),
		},
		resource.TestStep{ // lowered, while wave 1 runs
			PreConfig: func() { h.await(8, describe) },
			Config:    config(2, false),
		},
		resource.TestStep{ // paused, while wave 2 runs
			PreConfig: func() {
				h.release(0)
				h.await(0, describe)
				h.await(2, describe)
			},
			Config: config(2, true),
			Check:  resource.TestCheckResourceAttr("backfill_job.parallel", "phase", "Paused"),
		},
		resource.TestStep{ // resumed and raised
			PreConfig: func() {
				h.release(1)
				h.await(0, describe)
				time.Sleep(5 * time.Second) // in which pods could start
				if n := len(h.starts()); n != 10 {
					t.Errorf("%d partitions have started, and 10 had when the job was paused", n)
				}
			},
			Config: config(8, false),
		},
		resource.TestStep{
			PreConfig: func() {
				h.await(8, describe)
				h.release(2)
				c.ended(t, "parallel-r1", 3*time.Minute)
			},
			RefreshState: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("backfill_job.parallel", "phase", "Complete"),
				func(*terraform.State) error { return checkStarts(h.starts()) },
			),
		},
	)
}

// checkStarts demands that each partition ran once and never more at once than
// max_parallel allowed.
func checkStarts(starts map[int][]int) error {
	for index := range 24 {
		if len(starts[index]) != 1 {
			return fmt.Errorf("partition %d ran %d times", index, len(starts[index]))
		}
		most := 8
		if index == 8 || index == 9 { // after max_parallel was lowered to 2
			most = 2
		}
		if n := starts[index][0]; n > most {
			return fmt.Errorf("%d partitions ran when partition %d started, at most %d may", n, index, most)
		}
	}
	return nil
}
