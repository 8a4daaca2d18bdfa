// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package expr

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/terraform-backfill/terraform-provider-backfill/internal/argo/argotest"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/domain"
	"github.com/terraform-backfill/terraform-provider-backfill/internal/ledger"
)

// TestIndexedIsTheCellsItNames compares the pieces of a stretch of indexes with
// the cells one by one.
func TestIndexedIsTheCellsItNames(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := argotest.DrawProduct(rt)
		lo := rapid.Int64Range(0, d.Count()-1).Draw(rt, "lo")
		hi := rapid.Int64Range(lo+1, d.Count()).Draw(rt, "hi")
		for _, dim := range d.Dimensions {
			if w, ok := dim.Axis.(domain.Windows); ok && !gapless(w) {
				rt.Skip("no formula serves it")
			}
		}
		one := ledger.Of(d, func(yield func(domain.Partition) bool) {
			for i := lo; i < hi && yield(d.At(i)); i++ {
			}
		})
		if got := ledger.Of(d, slices.Values(Indexed(d, lo, hi))); !got.Equal(one) {
			rt.Fatalf("[%d, %d) of %v is %s, not %s", lo, hi, d, got.Text(d), one.Text(d))
		}
	})
}
