// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/cluster"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/state"
)

// Sets too long to read become null; the counts tell, and the next run takes
// all of them.
func TestLongResultsBecomeCounts(t *testing.T) {
	large := orders(object{"partition": object{"range": object{"start": 0, "end": 100_000, "size": 10}}})
	tf, c := inFake(t)
	tf.mustApply(large)
	// The run failed at random.
	playArgo(t, c, "orders-r1", "Failed", 0, nil)
	o, err := c.Get(t.Context(), cluster.ConfigMap, "default", "orders-backfill")
	if err != nil {
		t.Fatal(err)
	}
	rec, err := state.DecodeRecord(o)
	if err != nil {
		t.Fatal(err)
	}
	random, total := rand.New(rand.NewPCG(1, 2)), int64(0)
	rec.Done = ledger.Of(rec.Domain(), func(yield func(domain.Partition) bool) {
		for i := range int64(10_000) {
			if random.IntN(2) == 0 {
				continue
			}
			total++
			if !yield(rec.Domain().At(i)) {
				return
			}
		}
	})
	rec.Failed = ledger.Full(rec.Domain()).Minus(rec.Done)
	rec.Runs[0].Recorded(state.Failed)
	if o, err = state.EncodeRecord(rec); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}

	tf = onFake(t, c)
	mustSucceed(t, "import", tf.importState("default/orders"))
	left := fmt.Sprint(10_000 - total)
	tf.mustHold(map[string]string{
		"phase":           `"Failed"`,
		"progress":        fmt.Sprintf(`"%d/10000"`, total),
		"done":            "null",
		"failed":          "null",
		"remaining":       "null",
		"done_count":      fmt.Sprint(total),
		"failed_count":    left,
		"remaining_count": left,
	})
	if shown := strings.Count(show(t, tf.state, "failed_partitions"), `"key"`); shown != maxFailed {
		t.Errorf("%d failed partitions are shown, want the first %d", shown, maxFailed)
	}
	p := tf.mustPlan(large, "update")
	next := fields(t, fields(t, p.value)["next_run"])
	if jsonOf(next["partitions"]) != left || jsonOf(next["intervals"]) != "null" {
		t.Errorf("next_run takes %s partitions, %.80s", jsonOf(next["partitions"]), jsonOf(next["intervals"]))
	}
	tf.mustApply(large)
	tf.mustHold(map[string]string{"run": `"orders-r2"`, "done_count": fmt.Sprint(total)})
}
