// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package engine_test

import (
	"testing"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/compile"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/manifest"
)

// However many partitions there are, the objects are the same few kilobytes.
func TestObjectsOfAnyNumberOfPartitionsAreSmall(t *testing.T) {
	for _, partitions := range []int64{12, 12_000, 1_000_000} {
		c, diags := compile.Value(orders().between(0, partitions*1000, 1000).value(t), ledger.Set{}, 1)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if c.Plan.Partitions != partitions {
			t.Errorf("%d partitions, want %d", c.Plan.Partitions, partitions)
		}
		if len(c.Objects()) != 2 {
			t.Errorf("%d partitions take %d objects, want a template and a run", partitions, len(c.Objects()))
		}
		for _, o := range c.Objects() {
			text, err := manifest.Encode([]manifest.Object{o}, "json")
			if err != nil {
				t.Fatal(err)
			}
			if len(text) > 20<<10 {
				t.Errorf("%d partitions: %s %s has %d bytes", partitions, o.GetKind(), o.GetName(), len(text))
			}
		}
	}
}
